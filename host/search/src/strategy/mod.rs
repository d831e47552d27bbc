//! Search strategies, an open set: one file each, listed once in `STRATEGIES`.
//!
//! A strategy sees observations and the space, nothing else. What it has been told is all its state: asking changes
//! nothing, so telling the same again restores it.

mod acquisition;
mod archive;
mod asha;
mod bayesian;
mod brackets;
mod by_surrogate;
mod early_stop;
mod evolution;
mod grid;
mod hyperband;
mod ladder;
mod local_search;
mod nsga2;
mod population;
mod preselection;
mod promise;
mod random;
mod ranked;
mod reinforce;
mod repair;
mod ridge;
mod scalarization;
mod settings;
mod successive_halving;
#[cfg(test)]
mod tests;
mod tpe;

use rand_chacha::ChaCha8Rng;

pub use by_surrogate::{BySurrogate, Hints};
pub use early_stop::{End, ended};
pub use preselection::{Preselection, Scorer};
pub use settings::{StrategyError, StrategySettings};

use crate::genotype::Genotype;
use crate::space::{Relaxation, Space, SpaceError};
use crate::trial::Observation;

/// What a strategy sees when it is asked.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The space to propose from.
    pub space: &'a dyn Space,
    /// Networks that were proposed and whose results have not been told yet, in order, as known before training.
    pub pending: &'a [Observation],
    /// Networks that may still be begun.
    pub left: u64,
    /// Epochs of a whole training, at least 1.
    pub epochs: u64,
    /// Proposals in a row that were passed over because their network was proposed before.
    pub redraws: u64,
}

/// What a strategy wants to be trained next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A network that was not trained yet; the strategy is then asked for it.
    New {
        /// The epoch after which its training pauses; `None` for its end.
        epochs: Option<u64>,
    },
    /// The network of a trial whose result was told.
    Continue {
        /// Number of the trial.
        number: u64,
        /// The epoch after which its training pauses again.
        epochs: u64,
    },
    /// Nothing, before one more result is told; where none is pending, nothing any more.
    Wait,
}

/// A search strategy: told of networks, asked for the next one.
///
/// For each network to train it is asked until [`Strategy::pool`] proposals have passed the hard constraints, and then
/// chooses one of them, knowing what is computed and predicted of each.
pub trait Strategy: Send {
    /// Its name in the user's file.
    fn name(&self) -> &'static str;

    /// Its settings with nothing left out; how many networks are trained is not its own to say.
    fn settings(&self) -> StrategySettings;

    /// Whether it pauses trainings and continues some of them.
    fn pauses(&self) -> bool {
        false
    }

    /// Takes what became of a proposal: a trained network with all losses, or one that was stopped because it violates a
    /// constraint, with the losses known then.
    fn tell(&mut self, space: &dyn Space, observation: &Observation);

    /// What is to be trained next. Where nothing is said, whole trainings of new networks.
    fn wish(&self, _view: &View<'_>) -> Wish {
        Wish::New { epochs: None }
    }

    /// Proposes a genotype of the space. It may be one that was proposed before: then it is asked again, with other
    /// random numbers.
    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype;

    /// How many proposals that keep the constraints it wants to choose from, at least 1.
    fn pool(&self, _view: &View<'_>) -> usize {
        1
    }

    /// The position of the one to train. `pool` is never empty, but may be shorter than asked for.
    fn choose(&self, _view: &View<'_>, _pool: &[Observation], _rng: &mut ChaCha8Rng) -> usize {
        0
    }
}

/// Makes a strategy from the user's settings.
type Make = fn(&StrategySettings) -> Result<Box<dyn Strategy>, StrategyError>;

/// Every strategy by its name; to add one, add its line here.
const STRATEGIES: [(&str, Make); 11] = [
    (random::NAME, random::make),
    (grid::NAME, grid::make),
    (evolution::NAME, evolution::make),
    (nsga2::NAME, nsga2::make),
    (local_search::NAME, local_search::make),
    (bayesian::NAME, bayesian::make),
    (tpe::NAME, tpe::make),
    (reinforce::NAME, reinforce::make),
    (successive_halving::NAME, successive_halving::make),
    (hyperband::NAME, hyperband::make),
    (asha::NAME, asha::make),
];

/// The strategies that a supernet guides; to add one, add its line here, and say in `edgefit-train` how its supernet learns.
const BY_GRADIENT: [(&str, Make); 2] = [(ranked::DARTS, ranked::make_darts), (ranked::GDAS, ranked::make_gdas)];

/// The names of the strategies that learn from trials alone.
pub fn names() -> impl Iterator<Item = &'static str> {
    STRATEGIES.iter().map(|(name, _)| *name)
}

/// The names of the strategies that a supernet guides.
pub fn names_by_gradient() -> impl Iterator<Item = &'static str> {
    BY_GRADIENT.iter().map(|(name, _)| *name)
}

/// A strategy [by gradient](names_by_gradient) that proposes networks in the order of their probability.
///
/// # Errors
/// When the relaxation is of another space.
pub fn follow(
    settings: &StrategySettings,
    space: &dyn Space,
    relaxation: &Relaxation,
    probabilities: &[Vec<f64>],
) -> Result<Box<dyn Strategy>, SpaceError> {
    ranked::follow(settings, space, relaxation, probabilities)
}

/// The names of the strategies that train every network to the end.
pub fn names_of_unpaused() -> impl Iterator<Item = &'static str> {
    let is_unpaused = |name: &&str| build(&StrategySettings::named(*name)).is_ok_and(|strategy| !strategy.pauses());
    names().filter(is_unpaused)
}

/// The settings with what was left out as the strategy takes it.
///
/// # Errors
/// As [`build`].
pub fn resolved(settings: &StrategySettings) -> Result<StrategySettings, StrategyError> {
    let (trials, warm_start) = (settings.trials, settings.warm_start.clone());
    Ok(StrategySettings { trials, warm_start, ..build(settings)?.settings() })
}

/// The strategy that the settings ask for.
///
/// # Errors
/// When there is no such strategy or a setting does not fit it.
pub fn build(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    let found = STRATEGIES.iter().chain(&BY_GRADIENT).find(|(name, _)| *name == settings.name);
    let (_, make) = found.ok_or_else(|| StrategyError::Unknown {
        name: settings.name.clone(),
        known: names().chain(names_by_gradient()).collect::<Vec<_>>().join(", "),
    })?;
    make(settings)
}
