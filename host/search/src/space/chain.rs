//! Space `chain`: plain convolutions one behind the other, in stages that halve the resolution.
//!
//! A stage has a kernel, a width, a number of layers and, from the second on, a way to halve: a stride in its first
//! convolution, or a maximum pooling behind it. Each convolution is followed by batch norm and the activation that
//! all layers share. In tract, plain convolutions run far faster than depthwise ones of equal cost.

use std::ops::Range;

use edgefit_graph::GraphError;
use edgefit_graph::op::Activation;

use super::choices::{Choice, Choices};
use super::layers::{Convolution, Layers};
use super::scale::Scale;
use super::segments::{Segment, SegmentSpace, Segments};
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "chain";

/// The labels of [`ACTIVATIONS`].
const ACTIVATION_NAMES: [&str; 2] = ["relu", "hard_swish"];
/// The first choice of the first segment.
const ACTIVATION_GENE: usize = 0;
const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::HardSwish];

/// The ways to halve the resolution.
const HALVINGS: [&str; 2] = ["stride", "pool"];
const POOL: usize = 1;

struct Chain;

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let kernels = if scale.axes == 1 { [3, 5, 9].as_slice() } else { &[3, 5] };
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.widths(stage))?),
        kernels: Some(settings.kernels_or(kernels)?),
        depths: Some(settings.depths_or(&[1, 2, 3])?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    choices.group([
        Choice::names("activation", &ACTIVATION_NAMES),
        Choice::numbers("stem.stride", "s", &scale.stem_strides),
    ]);
    for stage in 0..stages {
        choices.group(stage_choices(&settings, stage));
    }
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(SegmentSpace { frame, segments: Chain }))
}

fn stage_choices(settings: &SpaceSettings, stage: usize) -> Vec<Choice> {
    let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
    let mut choices = vec![
        Choice::numbers(name("kernel"), "k", settings.kernels()),
        Choice::numbers(name("width"), "w", settings.widths(stage)),
        Choice::numbers(name("depth"), "d", settings.depths()),
    ];
    if stage > 0 {
        choices.push(Choice::names(name("halving"), &HALVINGS));
    }
    choices
}

impl Segments for Chain {
    /// One for each stage; what is of the whole network is decided with the first.
    fn ranges(&self, choices: &Choices) -> Vec<Range<usize>> {
        let mut ranges = choices.ranges();
        let network = ranges.next().unwrap_or_default();
        ranges.map(|range| if range.start == network.end { network.start..range.end } else { range }).collect()
    }

    fn activation_gene(&self) -> Option<usize> {
        Some(ACTIVATION_GENE)
    }

    fn activation(&self, genotype: &Genotype) -> Activation {
        ACTIVATIONS[usize::from(genotype.genes()[ACTIVATION_GENE])]
    }

    fn add(&self, mut segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError> {
        let (stage, activation) = (segment.position + 1, segment.activation);
        let [_, first_stride] = if stage == 1 { segment.take() } else { [0, 2] };
        let [kernel, width, depth] = segment.take();
        let pools = stage > 1 && segment.take::<1>() == [POOL];
        for layer in 1..=depth {
            let stride = if layer == 1 && !pools { first_stride } else { 1 };
            let name = format!("stage{stage}.conv{layer}");
            layers.conv(&name, Convolution { width, kernel: kernel.max(2 * stride - 1), stride })?;
            layers.activation(&name, activation)?;
            if layer == 1 && pools {
                layers.max_pool(&format!("stage{stage}.pool"), 3, 2)?;
            }
        }
        Ok(())
    }
}
