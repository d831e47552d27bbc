//! Space `mbconv`: inverted residual blocks (Sandler et al. 2018), in stages that halve the resolution.
//!
//! A block widens by a pointwise convolution, sees its surroundings by a depthwise one, optionally gates its channels by
//! squeeze-and-excitation, and narrows again; its input is added where the shapes allow. The blocks of a stage share
//! their choices, as in MnasNet (Tan et al. 2019). A head convolution before the classifier may be left out. The
//! resolution is a choice by the stride of the stem, and, where `resolutions` are stated, by how much the input is shrunk.

use edgefit_graph::GraphError;
use edgefit_graph::op::Activation;

use super::choices::{Choice, Choices};
use super::layers::{Convolution, InvertedResidual, Layers};
use super::mixed_stage::MixedStage;
use super::relaxation::{Group, Mixer, Relaxation};
use super::scale::Scale;
use super::segments::{Segment, SegmentSpace, Segments};
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "mbconv";

/// The labels of [`ACTIVATIONS`].
const ACTIVATION_NAMES: [&str; 2] = ["relu", "hard_swish"];
const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::HardSwish];

/// By which factor squeeze-and-excitation narrows; 0 leaves it out.
pub(super) const SQUEEZES: [usize; 2] = [0, 4];

struct MbConv {
    /// By which factor the input is shrunk; `None` where that is a choice, the first.
    shrink: Option<usize>,
    stages: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "expansions", "depths", "resolutions"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.widths(stage))?),
        kernels: Some(settings.kernels_or(&[3, 5])?),
        expansions: Some(settings.expansions_or(&[1, 2, 3, 4, 6])?),
        depths: Some(settings.depths_or(&[1, 2, 3])?),
        resolutions: Some(settings.resolutions_or_full()?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    let shrink = match settings.resolutions.as_deref().unwrap_or_default() {
        [factor] => Some(*factor),
        factors => {
            choices.group([Choice::numbers("resolution", "r", factors)]);
            None
        }
    };
    choices.group([
        Choice::numbers("stem.width", "w", &[scale.base_width, 2 * scale.base_width]),
        Choice::numbers("stem.stride", "s", &scale.stem_strides),
        Choice::names("activation", &ACTIVATION_NAMES),
    ]);
    for stage in 0..stages {
        choices.group(stage_choices(&settings, stage));
    }
    choices.group([Choice::numbers("head.width", "h", &[0, 8 * scale.base_width])]);
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(SegmentSpace { frame, segments: MbConv { shrink, stages } }))
}

fn stage_choices(settings: &SpaceSettings, stage: usize) -> [Choice; 5] {
    let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
    [
        Choice::numbers(name("kernel"), "k", settings.kernels()),
        Choice::numbers(name("expansion"), "e", settings.expansions()),
        Choice::numbers(name("width"), "w", settings.widths(stage)),
        Choice::numbers(name("depth"), "d", settings.depths()),
        Choice::numbers(name("squeeze"), "se", &SQUEEZES),
    ]
}

/// What a segment is.
enum Part {
    Resolution,
    Stem,
    /// By number, from 1 on.
    Stage(usize),
    Head,
}

impl MbConv {
    fn gene_of_activation(&self) -> usize {
        usize::from(self.shrink.is_none()) + 2
    }

    fn part(&self, position: usize) -> Part {
        match position + usize::from(self.shrink.is_some()) {
            0 => Part::Resolution,
            1 => Part::Stem,
            later if later - 1 <= self.stages => Part::Stage(later - 1),
            _ => Part::Head,
        }
    }
}

fn shrink(factor: usize, layers: &mut Layers) -> Result<(), GraphError> {
    if factor > 1 { layers.shrink("input.shrink", factor) } else { Ok(()) }
}

impl Segments for MbConv {
    /// A choice of the stem.
    fn activation_gene(&self) -> Option<usize> {
        Some(self.gene_of_activation())
    }

    fn activation(&self, genotype: &Genotype) -> Activation {
        ACTIVATIONS[usize::from(genotype.genes()[self.gene_of_activation()])]
    }

    /// One mixed operation for the blocks of each stage, of every kernel, expansion and squeeze together, and one for its depth, between
    /// what its blocks give one after the other. Widths are not relaxed.
    fn relaxation(&self, frame: &Frame) -> Result<Option<Relaxation>, SpaceError> {
        let (choices, smallest) = (&frame.choices, frame.choices.first_options());
        let activation = self.activation(&smallest);
        let (mut layers, mut mixer, mut groups) = (Layers::new(&frame.task)?, Mixer::default(), Vec::new());
        for (position, range) in choices.ranges().enumerate() {
            let own = &choices.list()[range.clone()];
            if let Part::Stage(number) = self.part(position) {
                let stage = MixedStage::new(&mut mixer, number, own, &frame.settings, activation);
                stage.add(&mut layers, &mut mixer)?;
                groups.push(stage.group(own));
                continue;
            }
            groups.extend(own.iter().map(Group::fixed));
            let numbers = choices.numbers(range.start, &smallest.genes()[range]);
            self.add(Segment::new(position, &numbers, activation), &mut layers)?;
        }
        let graph = self.classify(layers, frame.task.classes)?;
        Ok(Some(Relaxation::new(graph, mixer, groups)))
    }

    fn add(&self, mut segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError> {
        let activation = segment.activation;
        match self.part(segment.position) {
            Part::Resolution => {
                let [factor] = segment.take();
                shrink(factor, layers)
            }
            Part::Stem => {
                if let Some(factor) = self.shrink {
                    shrink(factor, layers)?;
                }
                let [width, stride, _] = segment.take();
                layers.stem(width, stride, activation)
            }
            Part::Stage(number) => {
                let [kernel, expansion, width, depth, squeeze] = segment.take();
                (1..=depth).try_for_each(|block| {
                    let stride = if number > 1 && block == 1 { 2 } else { 1 };
                    let block_of_stage = InvertedResidual { kernel, expansion, width, stride, squeeze, activation };
                    layers.inverted_residual(&format!("stage{number}.block{block}"), block_of_stage)
                })
            }
            Part::Head => match segment.take() {
                [0] => Ok(()),
                [width] => {
                    layers.conv("head.conv", Convolution::pointwise(width))?;
                    layers.activation("head.conv", activation)
                }
            },
        }
    }
}
