//! What a run's goals ask of a trained network: its accuracy and other aims, found out on the validation samples.

use edgefit_graph::Graph;
use edgefit_search::{Metric, Readings, Value};
use edgefit_train::{Aim, Dataset, MOST_SAMPLES, assess};

use super::Run;
use super::training::Outcome;
use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};

/// Every aim as a metric.
const AIMS: [(Metric, Aim); 8] = [
    (Metric::WorstClassAccuracy, Aim::WorstClassAccuracy),
    (Metric::WorstGroupAccuracy, Aim::WorstGroupAccuracy),
    (Metric::BalancedAccuracy, Aim::BalancedAccuracy),
    (Metric::MacroF1, Aim::MacroF1),
    (Metric::CalibrationError, Aim::CalibrationError),
    (Metric::CorruptedAccuracy, Aim::CorruptedAccuracy),
    (Metric::FgsmAccuracy, Aim::FgsmAccuracy),
    (Metric::PgdAccuracy, Aim::PgdAccuracy),
];

/// Refuses goals that the data cannot answer.
pub(super) fn check(config: &SearchConfig, dataset: &Dataset) -> Result<()> {
    let is_wanted = config.goals().metrics().any(|(metric, _)| metric == Metric::WorstGroupAccuracy);
    if !is_wanted || dataset.validation_groups.is_some() {
        return Ok(());
    }
    let message = "worst_group_accuracy: nothing says which group a sample belongs to; name a file of groups by `groups` in [data] (image-folder, wav-folder, recordings of csv-series), or a column by `group_column` (rows of csv-series)";
    Err(Error::new(ErrorKind::Usage, message))
}

impl Run<'_> {
    /// The aims among what the goals ask for.
    fn wanted_aims(&self) -> Vec<(Metric, Aim)> {
        let goals = self.config.goals();
        AIMS.into_iter().filter(|(aim, _)| goals.metrics().any(|(metric, _)| metric == *aim)).collect()
    }

    /// Whether the record of a training is not enough, since aims need its weights. Training again gives the same ones.
    pub(super) fn needs_weights(&self) -> bool {
        !self.wanted_aims().is_empty()
    }

    /// The accuracy of a network that was trained just now, as it is given, and what the aims are for it.
    pub(super) fn learned_readings(&self, graph: &Graph, outcome: &Outcome, accuracy: Value) -> Result<Readings> {
        let wanted = self.wanted_aims();
        let mut found = Readings::new().with(Metric::Accuracy, accuracy);
        let Some(weights) = outcome.weights.as_ref().filter(|_| !wanted.is_empty()) else { return Ok(found) };
        let aims: Vec<Aim> = wanted.iter().map(|(_, aim)| *aim).collect();
        let (samples, groups) = (&self.dataset.validation, self.dataset.validation_groups.as_ref());
        let values = assess(graph, weights, samples, groups, &self.dataset.normalization, &aims)?;
        for ((metric, aim), value) in wanted.into_iter().zip(values) {
            let is_changed = matches!(aim, Aim::CorruptedAccuracy | Aim::FgsmAccuracy | Aim::PgdAccuracy);
            let count = if is_changed { samples.len().min(MOST_SAMPLES) } else { samples.len() };
            found.add(metric, Value::measured(value, None, format!("burn, {count} validation samples at most")));
        }
        Ok(found)
    }
}
