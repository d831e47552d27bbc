//! What a user may say about a strategy in the table `[strategy]`; whatever is left out suits a few dozen trials.

use serde::{Deserialize, Serialize};

/// Largest population.
const MAX_POPULATION: usize = 10_000;

/// Most epochs of the shortest trainings, and of a supernet.
const MAX_EPOCHS: usize = 10_000;

/// Largest number of networks of which one is trained on.
const MAX_REDUCTION: usize = 100;

/// Largest step of a controller.
const MAX_LEARNING_RATE: f64 = 100.0;

/// Largest weight of the latency beside the loss.
const MAX_LATENCY_WEIGHT: f64 = 100.0;

/// The table `[strategy]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategySettings {
    /// Which strategy.
    #[serde(default = "default_name")]
    pub name: String,
    /// Number of networks to train.
    #[serde(default = "default_trials")]
    pub trials: u64,
    /// Number of networks that parents are taken from; `evolution` and `nsga2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<usize>,
    /// Number of networks in a tournament; `evolution` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// Number of random networks to begin with; `bayesian`, `tpe`, and `local-search` with several objectives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<usize>,
    /// Step of the controller along the gradient; `reinforce` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Epochs of the shortest trainings; `successive-halving`, `hyperband` and `asha`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_epochs: Option<u64>,
    /// One in this many networks is trained on, for about this many times the epochs; `successive-halving`, `hyperband` and
    /// `asha`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<u64>,
    /// Passes over the training samples for which the supernet is trained; `darts` and `gdas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supernet_epochs: Option<u64>,
    /// Whether the gradient for the architecture takes the weights as they are (1) or as one step would make them (2); `darts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// What the expected latency counts beside the loss; `darts` and `gdas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_weight: Option<f64>,
    /// Folder of an earlier run with whose best networks to begin; the host reads it, for every strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<String>,
}

fn default_name() -> String {
    "nsga2".into()
}

fn default_trials() -> u64 {
    40
}

impl Default for StrategySettings {
    fn default() -> Self {
        Self::named(default_name())
    }
}

impl StrategySettings {
    /// The strategy of this name, everything else left to it.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            trials: default_trials(),
            population: None,
            sample: None,
            initial: None,
            learning_rate: None,
            min_epochs: None,
            reduction: None,
            supernet_epochs: None,
            order: None,
            latency_weight: None,
            warm_start: None,
        }
    }

    /// The population, `default` unless stated.
    pub(crate) fn population_or(&self, default: usize) -> Result<usize, StrategyError> {
        within("population", self.population.unwrap_or(default), 2, MAX_POPULATION)
    }

    /// The tournament size, `default` unless stated.
    pub(crate) fn sample_or(&self, default: usize, population: usize) -> Result<usize, StrategyError> {
        within("sample", self.sample.unwrap_or(default.min(population)), 1, population)
    }

    /// The number of random networks to begin with, `default` unless stated.
    pub(crate) fn initial_or(&self, default: usize) -> Result<usize, StrategyError> {
        within("initial", self.initial.unwrap_or(default), 1, MAX_POPULATION)
    }

    /// The step along the gradient, `default` unless stated.
    pub(crate) fn learning_rate_or(&self, default: f64) -> Result<f64, StrategyError> {
        let rate = self.learning_rate.unwrap_or(default);
        if rate > 0.0 && rate <= MAX_LEARNING_RATE {
            return Ok(rate);
        }
        let reason = format!("{rate} is not above 0 and at most {MAX_LEARNING_RATE}");
        Err(StrategyError::Setting { key: "learning_rate", reason })
    }

    /// Epochs of the shortest trainings, `default` unless stated.
    pub(crate) fn min_epochs_or(&self, default: u64) -> Result<u64, StrategyError> {
        let epochs = self.min_epochs.unwrap_or(default);
        within("min_epochs", epochs as usize, 1, MAX_EPOCHS).map(|epochs| epochs as u64)
    }

    /// One in how many networks is trained on, `default` unless stated.
    pub(crate) fn reduction_or(&self, default: u64) -> Result<u64, StrategyError> {
        let reduction = self.reduction.unwrap_or(default);
        within("reduction", reduction as usize, 2, MAX_REDUCTION).map(|reduction| reduction as u64)
    }

    /// Passes of a supernet, `default` unless stated.
    pub(crate) fn supernet_epochs_or(&self, default: u64) -> Result<u64, StrategyError> {
        let epochs = self.supernet_epochs.unwrap_or(default);
        within("supernet_epochs", epochs as usize, 1, MAX_EPOCHS).map(|epochs| epochs as u64)
    }

    /// The order of the gradient for the architecture, `default` unless stated.
    pub(crate) fn order_or(&self, default: u64) -> Result<u64, StrategyError> {
        within("order", self.order.unwrap_or(default) as usize, 1, 2).map(|order| order as u64)
    }

    /// What the latency counts, `default` unless stated.
    pub(crate) fn latency_weight_or(&self, default: f64) -> Result<f64, StrategyError> {
        let weight = self.latency_weight.unwrap_or(default);
        if (0.0..=MAX_LATENCY_WEIGHT).contains(&weight) {
            return Ok(weight);
        }
        let reason = format!("{weight} is not between 0 and {MAX_LATENCY_WEIGHT}");
        Err(StrategyError::Setting { key: "latency_weight", reason })
    }

    /// An error if the user states what this strategy does not have.
    pub(crate) fn has_only(&self, keys: &[&str]) -> Result<(), StrategyError> {
        let stated = [
            ("population", self.population.is_some()),
            ("sample", self.sample.is_some()),
            ("initial", self.initial.is_some()),
            ("learning_rate", self.learning_rate.is_some()),
            ("min_epochs", self.min_epochs.is_some()),
            ("reduction", self.reduction.is_some()),
            ("supernet_epochs", self.supernet_epochs.is_some()),
            ("order", self.order.is_some()),
            ("latency_weight", self.latency_weight.is_some()),
        ];
        let foreign = stated.into_iter().find(|(key, is_stated)| *is_stated && !keys.contains(key));
        foreign.map_or(Ok(()), |(key, _)| {
            let reason = format!("strategy `{}` has no such setting; remove it", self.name);
            Err(StrategyError::Setting { key, reason })
        })
    }
}

fn within(key: &'static str, value: usize, least: usize, most: usize) -> Result<usize, StrategyError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(StrategyError::Setting { key, reason: format!("{value} is not between {least} and {most}") })
}

/// Why a strategy could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// No strategy has this name.
    #[error("there is no strategy `{name}`; the strategies are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A setting that the strategy does not have or whose value it cannot take.
    #[error("strategy setting `{key}`: {reason}")]
    Setting {
        /// Its key in the table `[strategy]`.
        key: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
}
