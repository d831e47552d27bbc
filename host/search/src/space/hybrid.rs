//! Space `hybrid`: inverted residuals while the resolution is high, then attention where positions are few (Dai et al. 2021,
//! CoAtNet; Mehta and Rastegari 2022, MobileViT).
//!
//! All stages but the last are of convolutions, with a kernel, an expansion, a width and a depth each. The last halves the
//! resolution once more and has layers of attention and MLP, with one width, number of heads and MLP ratio.

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, GraphError};

use super::choices::{Choice, Choices};
use super::layers::{Attention, Convolution, InvertedResidual, Layers, Mlp};
use super::scale::Scale;
use super::segments::{Segment, SegmentSpace, Segments};
use super::settings::SpaceSettings;
use super::transformer::{HEADS, RATIOS};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "hybrid";

struct Hybrid {
    stages: usize,
    head_width: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["stages", "widths", "kernels", "expansions", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let stages = settings.stages_or(scale.stages)?;
    let settings = SpaceSettings {
        stages: Some(stages),
        widths: Some(settings.all_widths_or(stages, |stage| scale.widths(stage))?),
        kernels: Some(settings.kernels_or(&[3, 5])?),
        expansions: Some(settings.expansions_or(&[1, 2, 4])?),
        depths: Some(settings.depths_or(&[1, 2, 3])?),
        ..SpaceSettings::preset(NAME)
    };
    let mut choices = Choices::default();
    choices.group(scale.stem_choices(&scale.widths(0)));
    let last = stages - 1;
    for stage in 0..last {
        let name = |choice: &str| format!("stage{}.{choice}", stage + 1);
        choices.group([
            Choice::numbers(name("kernel"), "k", settings.kernels()),
            Choice::numbers(name("expansion"), "e", settings.expansions()),
            Choice::numbers(name("width"), "w", settings.widths(stage)),
            Choice::numbers(name("depth"), "d", settings.depths()),
        ]);
    }
    choices.group([
        Choice::numbers("attention.width", "w", settings.widths(last)),
        Choice::numbers("attention.depth", "d", settings.depths()),
        Choice::numbers("attention.heads", "h", &HEADS),
        Choice::numbers("attention.ratio", "m", &RATIOS),
    ]);
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    let segments = Hybrid { stages, head_width: scale.base_width };
    Ok(Box::new(SegmentSpace { frame, segments }))
}

impl Segments for Hybrid {
    fn activation(&self, _genotype: &Genotype) -> Activation {
        Activation::HardSwish
    }

    /// The stem, then the stages, the last of which is that of attention.
    fn add(&self, mut segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError> {
        let (stage, activation) = (segment.position, segment.activation);
        match stage {
            0 => {
                let [width, stride] = segment.take();
                layers.stem(width, stride, activation)
            }
            last if last == self.stages => self.add_attention(segment.take(), activation, layers),
            _ => {
                let [kernel, expansion, width, depth] = segment.take();
                (1..=depth).try_for_each(|block| {
                    let stride = if stage > 1 && block == 1 { 2 } else { 1 };
                    let block_of_stage = InvertedResidual { kernel, expansion, width, stride, squeeze: 0, activation };
                    layers.inverted_residual(&format!("stage{stage}.block{block}"), block_of_stage)
                })
            }
        }
    }

    fn classify(&self, layers: Layers, classes: usize) -> Result<Graph, GraphError> {
        layers.classify_tokens(classes)
    }
}

impl Hybrid {
    fn add_attention(
        &self,
        [width, depth, heads, ratio]: [usize; 4],
        activation: Activation,
        layers: &mut Layers,
    ) -> Result<(), GraphError> {
        let stride = if self.stages > 1 { 2 } else { 1 };
        layers.conv("attention.conv", Convolution { width, kernel: 3, stride })?;
        layers.activation("attention.conv", activation)?;
        layers.positions("attention.positions")?;
        layers.join_positions("attention")?;
        (1..=depth).try_for_each(|layer| {
            let attention = Attention { heads, head_width: self.head_width };
            layers.transformer_layer(&format!("attention.layer{layer}"), attention, Mlp { ratio, activation })
        })
    }
}
