//! Space `mbconv`: inverted residual blocks (Sandler et al. 2018), in stages that halve the resolution.
//!
//! A block widens by a pointwise convolution, sees its surroundings by a depthwise one, optionally gates its channels by
//! squeeze-and-excitation, and narrows again; its input is added where the shapes allow. The blocks of a stage share
//! their choices, as in MnasNet (Tan et al. 2019). A head convolution before the classifier may be left out. The
//! resolution is a choice by the stride of the stem, and, where `resolutions` are stated, by how much the input is shrunk.

use edgefit_graph::Graph;
use edgefit_graph::op::Activation;

use super::choices::{Choice, Choices, take};
use super::layers::{Convolution, InvertedResidual, Layers};
use super::scale::{Scale, stem_kernel};
use super::settings::SpaceSettings;
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "mbconv";

/// The labels of [`ACTIVATIONS`].
const ACTIVATION_NAMES: [&str; 2] = ["relu", "hard_swish"];
const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::HardSwish];

/// By which factor squeeze-and-excitation narrows; 0 leaves it out.
const SQUEEZES: [usize; 2] = [0, 4];

struct MbConv {
    frame: Frame,
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
    let resolutions = settings.resolutions.as_deref().unwrap_or_default();
    let mut choices = Choices::default();
    if resolutions.len() > 1 {
        choices.group([Choice::numbers("resolution", "r", resolutions)]);
    }
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
    Ok(Box::new(MbConv { frame, stages }))
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

impl Space for MbConv {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let mut layers = Layers::new(&self.frame.task)?;
        let shrunk = match self.frame.settings.resolutions.as_deref() {
            Some([only]) => *only,
            _ => take::<1>(&mut genes)[0],
        };
        if shrunk > 1 {
            layers.shrink("input.shrink", shrunk)?;
        }
        let [width, stride, activation] = take(&mut genes);
        let activation = ACTIVATIONS[activation];
        layers.conv("stem.conv", Convolution { width, kernel: stem_kernel(stride), stride })?;
        layers.activation("stem.conv", activation)?;
        for number in 1..=self.stages {
            let [kernel, expansion, width, depth, squeeze] = take(&mut genes);
            for block in 1..=depth {
                let stride = if number > 1 && block == 1 { 2 } else { 1 };
                let block_of_stage = InvertedResidual { kernel, expansion, width, stride, squeeze, activation };
                layers.inverted_residual(&format!("stage{number}.block{block}"), block_of_stage)?;
            }
        }
        let [head] = take(&mut genes);
        if head > 0 {
            layers.conv("head.conv", Convolution::pointwise(head))?;
            layers.activation("head.conv", activation)?;
        }
        Ok(layers.classify(self.frame.task.classes)?)
    }
}
