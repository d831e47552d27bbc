//! Search spaces, an open set: one file each, listed once in `SPACES`.
//!
//! A space is made for a task and turns genotypes into networks. It knows nothing of strategies, devices or training.
//! Most spaces are a fixed list of [`Choices`] and get everything but their decoder from it; a space of another kind
//! overrides what does not fit.

mod chain;
mod choices;
mod cost_table;
mod cover;
mod custom;
mod darts;
mod ds_cnn;
mod error;
mod global;
mod hybrid;
mod layers;
mod mbconv;
mod mixed_stage;
mod multi_branch;
mod nb201;
mod relaxation;
mod scale;
mod segments;
mod settings;
mod sum_table;
mod tcn;
#[cfg(test)]
mod tests;
mod transformer;
mod tuned;

use edgefit_graph::{Graph, Op, Shape, peak_activation_bytes};
use rand_chacha::ChaCha8Rng;

pub use choices::{Choice, Choices};
pub use cost_table::{CostTable, Packed};
pub use cover::cover;
pub use custom::{Definition, DefinitionFault};
pub use error::SpaceError;
pub use relaxation::{Gate, Mix, Relaxation};
pub use settings::{PerStage, SpaceSettings};
pub use sum_table::{SumTable, Sums};
pub use tuned::tuned;

use crate::genotype::Genotype;

/// What the networks of a space are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Shape of one sample: `[C, H, W]` for images, `[C, L]` for series.
    pub input: Shape,
    /// Number of classes, at least 2.
    pub classes: usize,
}

/// What follows from a network's graph alone, for one sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaticCost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Learned numbers, running statistics included.
    pub params: u64,
    /// Parameters that are left once batch norms are folded into the convolutions before them: what a model file holds.
    pub folded_params: u64,
    /// Bytes of activations that live at the worst moment.
    pub peak_activation_bytes: u64,
}

/// Numbers of a batch norm that are left for each channel once it is folded into the convolution before it.
const FOLDED_NORM_PARAMS: u64 = 1;

impl StaticCost {
    /// What a graph costs.
    pub fn of(graph: &Graph) -> Self {
        let cost = graph.cost();
        let folded = graph.nodes().iter().map(|node| match node.op {
            Op::BatchNorm(_) => graph.node_cost(node).params - FOLDED_NORM_PARAMS * node.shape.channels() as u64,
            _ => 0,
        });
        Self {
            macs: cost.macs,
            params: cost.params,
            folded_params: cost.params - folded.sum::<u64>(),
            peak_activation_bytes: peak_activation_bytes(graph),
        }
    }

    /// The cost of two parts of a network, one behind the other.
    fn and(&self, next: &Self) -> Self {
        Self {
            macs: self.macs + next.macs,
            params: self.params + next.params,
            folded_params: self.folded_params + next.folded_params,
            peak_activation_bytes: self.peak_activation_bytes.max(next.peak_activation_bytes),
        }
    }
}

/// What every space has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name, the preset of the user's file.
    pub name: &'static str,
    /// Its settings with nothing left out.
    pub settings: SpaceSettings,
    /// What its networks are for.
    pub task: Task,
    /// What may be chosen. Options stand from cheap to costly.
    pub choices: Choices,
}

/// A search space for one task.
///
/// Genotypes that a method returns are valid; methods that take one expect a valid genotype of this space and may panic on
/// another, unless they return an error.
pub trait Space: Send + Sync {
    /// What it was made of.
    fn frame(&self) -> &Frame;

    /// The network of a genotype: one input of the task's shape, one output of one logit a class.
    ///
    /// # Errors
    /// As [`Space::check`]. Every valid genotype decodes.
    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError>;

    /// Its name, the preset of the user's file.
    fn name(&self) -> &'static str {
        self.frame().name
    }

    /// Its settings with nothing left out; making it anew from them gives the same space.
    fn settings(&self) -> &SpaceSettings {
        &self.frame().settings
    }

    /// What its networks are for.
    fn task(&self) -> &Task {
        &self.frame().task
    }

    /// What may be chosen. Options stand from cheap to costly.
    fn choices(&self) -> &Choices {
        &self.frame().choices
    }

    /// Number of genotypes.
    fn size(&self) -> f64 {
        self.choices().size()
    }

    /// Whether a genotype belongs to this space.
    ///
    /// # Errors
    /// When it has another number of choices or takes an option that is not there.
    fn check(&self, genotype: &Genotype) -> Result<(), SpaceError> {
        self.choices().check(genotype)
    }

    /// A genotype, each with the same probability.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        self.choices().sample(rng)
    }

    /// Another genotype that differs in one choice; the same only if the space has no other.
    fn mutate(&self, genotype: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        self.choices().mutate(genotype, rng)
    }

    /// A genotype that has each of its choices from one of two parents.
    fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        self.choices().crossover(a, b, rng)
    }

    /// All genotypes that differ in one choice.
    fn neighbors(&self, genotype: &Genotype) -> Vec<Genotype> {
        self.choices().neighbors(genotype)
    }

    /// Features for surrogate models, each from 0 to 1, of the same length for every genotype.
    fn encode(&self, genotype: &Genotype) -> Vec<f32> {
        self.choices().encode(genotype)
    }

    /// The genotype of the least costly network.
    fn smallest(&self) -> Genotype {
        self.choices().first_options()
    }

    /// The genotype of the last option of every choice, the costliest network of most spaces.
    fn largest(&self) -> Genotype {
        self.choices().last_options()
    }

    /// The text form, `name:` and the choices. It names values, not positions, so it stays right when options are added.
    fn text(&self, genotype: &Genotype) -> String {
        format!("{}:{}", self.name(), self.choices().text(genotype))
    }

    /// The genotype of a text form.
    ///
    /// # Errors
    /// When the text is of another space or names an option that this space does not have.
    fn parse(&self, text: &str) -> Result<Genotype, SpaceError> {
        let fail = |reason| SpaceError::Text { text: text.to_owned(), reason };
        let rest = text.strip_prefix(self.name()).and_then(|rest| rest.strip_prefix(':'));
        let rest = rest.ok_or_else(|| fail(format!("it does not begin with `{}:`", self.name())))?;
        self.choices().parse(rest).map_err(fail)
    }

    /// The space in a few lines for people: its size and what may be chosen.
    fn describe(&self) -> String {
        let (task, size) = (self.task(), self.size());
        let head = format!("{}: {size:.3e} networks, {} -> {} classes", self.name(), task.input, task.classes);
        format!("{head}\n{}", self.choices().describe())
    }

    /// What follows from the network alone, for one sample.
    ///
    /// # Errors
    /// As [`Space::decode`].
    fn static_cost(&self, genotype: &Genotype) -> Result<StaticCost, SpaceError> {
        Ok(StaticCost::of(&self.decode(genotype)?))
    }

    /// The genes that say nothing of the network. Genotypes of the same network that differ here are no duplicates.
    fn beyond<'g>(&self, _genotype: &'g Genotype) -> &'g [u8] {
        &[]
    }

    /// The space as one network with every candidate operation, where it can be relaxed.
    ///
    /// # Errors
    /// As [`Space::decode`].
    fn relaxation(&self) -> Result<Option<Relaxation>, SpaceError> {
        Ok(None)
    }

    /// The costs of all networks, where the space can tell them without building each; takes up to a second.
    fn cost_table(&self) -> Option<CostTable> {
        None
    }

    /// What adds up over the parts of every network, where the space can tell that without building each. `of` says it of a part, whose
    /// graph it gets; a part begins behind an activation or a sum and nothing of it is fused with the one before.
    fn sum_table(&self, _of: &dyn Fn(&Graph) -> Sums) -> Option<SumTable> {
        None
    }
}

/// Makes a space from the user's settings, for a task.
type Make = fn(&SpaceSettings, &Task) -> Result<Box<dyn Space>, SpaceError>;

/// Every space by its name; to add one, add its line here.
const SPACES: [(&str, Make); 11] = [
    (chain::NAME, chain::make),
    (mbconv::NAME, mbconv::make),
    (multi_branch::NAME, multi_branch::make),
    (nb201::NAME, nb201::make),
    (darts::NAME, darts::make),
    (ds_cnn::NAME, ds_cnn::make),
    (tcn::NAME, tcn::make),
    (transformer::NAME, transformer::make),
    (hybrid::NAME, hybrid::make),
    (global::NAME, global::make),
    (custom::NAME, custom::make),
];

/// The names of all spaces that need no definition.
pub fn names() -> impl Iterator<Item = &'static str> {
    SPACES.iter().map(|(name, _)| *name).filter(|name| *name != custom::NAME)
}

/// The space that the settings ask for, made for the task.
///
/// # Errors
/// When there is no such space, a setting does not fit it, or it cannot take the task's input.
pub fn build(settings: &SpaceSettings, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
    if task.classes < 2 {
        return Err(SpaceError::Classes(task.classes));
    }
    let found = SPACES.iter().find(|(name, _)| *name == settings.preset);
    let (_, make) = found.ok_or_else(|| SpaceError::Unknown {
        name: settings.preset.clone(),
        known: names().collect::<Vec<_>>().join(", "),
    })?;
    make(settings, task)
}
