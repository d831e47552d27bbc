//! What a user may say about a strategy in the table `[strategy]`; whatever is left out suits a few dozen trials.

use serde::{Deserialize, Serialize};

/// Largest population.
const MAX_POPULATION: usize = 10_000;

/// The table `[strategy]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategySettings {
    /// Which strategy.
    #[serde(default = "default_name")]
    pub name: String,
    /// Number of networks to train.
    #[serde(default = "default_trials")]
    pub trials: u64,
    /// Number of networks that parents are taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<usize>,
    /// Number of networks in a tournament; `evolution` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
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
        Self { name: name.into(), trials: default_trials(), population: None, sample: None }
    }

    /// The population, `default` unless stated.
    pub(crate) fn population_or(&self, default: usize) -> Result<usize, StrategyError> {
        within("population", self.population.unwrap_or(default), 2, MAX_POPULATION)
    }

    /// The tournament size, `default` unless stated.
    pub(crate) fn sample_or(&self, default: usize, population: usize) -> Result<usize, StrategyError> {
        within("sample", self.sample.unwrap_or(default.min(population)), 1, population)
    }

    /// An error if the user states what this strategy does not have.
    pub(crate) fn has_no_sample(&self) -> Result<(), StrategyError> {
        self.refuse("sample", self.sample.is_some())
    }

    /// An error if the user states what this strategy does not have.
    pub(crate) fn has_no_population(&self) -> Result<(), StrategyError> {
        self.refuse("population", self.population.is_some())
    }

    fn refuse(&self, key: &'static str, is_stated: bool) -> Result<(), StrategyError> {
        let reason = format!("strategy `{}` has no such setting; remove it", self.name);
        if is_stated { Err(StrategyError::Setting { key, reason }) } else { Ok(()) }
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
