//! Space `transformer`: patches as tokens, and layers of attention and MLP on them (Dosovitskiy et al. 2021).
//!
//! Patch, width and depth are of the whole network; each layer has its number of heads and its MLP ratio, as in AutoFormer
//! (Chen et al. 2021). Choices of layers that are not there stay in the genotype and change nothing. `expansions` are
//! the MLP ratios.

use edgefit_graph::Graph;
use edgefit_graph::op::Activation;

use super::choices::{Choice, Choices, take};
use super::layers::{Attention, Layers, Mlp};
use super::scale::Scale;
use super::settings::{PerStage, SpaceSettings};
use super::{Frame, Space, SpaceError, Task};
use crate::genotype::Genotype;

pub(super) const NAME: &str = "transformer";

/// Numbers of heads to choose from.
pub(super) const HEADS: [usize; 3] = [1, 2, 4];

/// MLP ratios to choose from.
pub(super) const RATIOS: [usize; 3] = [1, 2, 4];

struct Transformer {
    frame: Frame,
    head_width: usize,
}

pub(super) fn make(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    settings.takes(&["widths", "expansions", "depths"])?;
    let scale = Scale::of(task, NAME)?;
    let head_width = scale.base_width;
    let widths = settings.first_widths_or([2, 4, 6].map(|multiple| multiple * scale.base_width).to_vec())?;
    let depths = settings.depths_or(&[1, 2, 3, 4])?;
    let ratios = settings.expansions_or(&RATIOS)?;
    let mut choices = Choices::default();
    choices.group([
        Choice::numbers("patch", "p", &scale.patches),
        Choice::numbers("width", "w", &widths),
        Choice::numbers("depth", "d", &depths),
    ]);
    for layer in 1..=depths.last().copied().unwrap_or(1) {
        choices.group([
            Choice::numbers(format!("layer{layer}.heads"), "h", &HEADS),
            Choice::numbers(format!("layer{layer}.ratio"), "m", &ratios),
        ]);
    }
    let settings = SpaceSettings {
        widths: Some(PerStage::All(widths)),
        expansions: Some(ratios),
        depths: Some(depths),
        ..SpaceSettings::preset(NAME)
    };
    let frame = Frame { name: NAME, settings, task: task.clone(), choices };
    Ok(Box::new(Transformer { frame, head_width }))
}

impl Space for Transformer {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let mut genes = self.frame.choices.reader(genotype);
        let [patch, width, depth] = take(&mut genes);
        let mut layers = Layers::new(&self.frame.task)?;
        layers.patches("stem.patches", patch, width)?;
        layers.positions("stem.positions")?;
        layers.join_positions("stem")?;
        for layer in 1..=depth {
            let [heads, ratio] = take(&mut genes);
            let attention = Attention { heads, head_width: self.head_width };
            layers.transformer_layer(
                &format!("layer{layer}"),
                attention,
                Mlp { ratio, activation: Activation::Gelu },
            )?;
        }
        Ok(layers.classify_tokens(self.frame.task.classes)?)
    }
}
