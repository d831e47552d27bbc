//! The accuracy that a surrogate expects of a candidate, beside the one that its training comes to.
//!
//! It is fitted to the trials that were told when the candidate was drawn, so a run that is resumed says the same. What is expected never
//! stands for what was found out: a reading keeps its origin, and a search believes it last.

use std::sync::Arc;

use edgefit_search::surrogate::{Evidence, Surrogate};
use edgefit_search::{Genotype, Metric, Origin, Readings, SearchEngine, Space, Trial, Value};

use super::Run;
use super::proxies::Scores;

/// What the origin of an accuracy that a surrogate expects begins with.
const BY: &str = "surrogate of ";

/// Probability of the interval that stands beside it.
const INTERVAL: f64 = 0.9;

/// How near to 0 and 1 accuracies are told apart.
const LEAST_SHARE: f64 = 0.002;

impl Run<'_> {
    /// What is expected of a candidate, by the whole trainings of those before it; nothing as long as they are too few.
    pub(super) fn expected_accuracy(&self, engine: &SearchEngine, trial: &Trial) -> Readings {
        let told = trial.told.map_or(0, |told| told as usize);
        let epochs = self.config.estimate.epochs as u64;
        let is_whole = |trial: &Trial| trial.fidelity.epochs.is_none_or(|until| until >= epochs);
        if !is_whole(trial) {
            return Readings::new();
        }
        let known = engine.trials().get(..told).unwrap_or_default().iter().filter(|trial| is_whole(trial));
        let lesson = known.filter_map(|trial| {
            let accuracy = trial.results.measured(Metric::Accuracy)?.value;
            Some((self.evidence(&trial.genotype), log_odds(accuracy)))
        });
        let Some(surrogate) = Surrogate::fit(&lesson.collect::<Vec<_>>()) else { return Readings::new() };
        let evidence = self.evidence(&trial.genotype);
        let readings = surrogate.predict(&[evidence]).into_iter().map(|expected| {
            let (low, high) = surrogate.interval(&expected, INTERVAL);
            let by = format!("{BY}{} candidates", surrogate.known());
            (Metric::Accuracy, Value::predicted(share(expected.value), Some((share(low), share(high))), by))
        });
        let mut found = Readings::new();
        found.extend(readings);
        found
    }

    fn evidence(&self, genotype: &Genotype) -> Evidence {
        evidence(self.space.as_ref(), &self.scores, genotype)
    }
}

/// What is known of a network before its training.
fn evidence(space: &dyn Space, scores: &Arc<Scores>, genotype: &Genotype) -> Evidence {
    Evidence { encoding: space.encode(genotype), hints: scores.of(space, genotype), course: Vec::new() }
}

/// The accuracy that a surrogate expected of a candidate before its training.
pub(super) fn expected_accuracy(readings: &Readings) -> Option<&Value> {
    let is_expected = |value: &Value| matches!(&value.origin, Origin::Predicted { by } if by.starts_with(BY));
    readings.iter().find(|(metric, value)| *metric == Metric::Accuracy && is_expected(value)).map(|(_, value)| value)
}

/// Logarithm of the odds, in which errors near 1 count as much as in the middle.
fn log_odds(share: f64) -> f64 {
    let share = share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
    (share / (1.0 - share)).ln()
}

fn share(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use edgefit_search::{Metric, Readings, Value};

    use super::{BY, expected_accuracy, log_odds, share};

    #[test]
    fn what_is_expected_is_told_from_what_was_found_out() {
        let readings = Readings::new()
            .with(Metric::Accuracy, Value::predicted(0.8, None, format!("{BY}12 candidates")))
            .with(Metric::Accuracy, Value::predicted(0.7, None, "learning curve of 5 of 20 epochs"));
        assert_eq!(expected_accuracy(&readings).unwrap().value, 0.8);
        assert_eq!(readings.best(Metric::Accuracy).unwrap().value, 0.7);
        let measured = readings.with(Metric::Accuracy, Value::measured(0.9, None, "training"));
        assert_eq!(measured.best(Metric::Accuracy).unwrap().value, 0.9);
        assert_eq!(expected_accuracy(&Readings::new()), None);
    }

    #[test]
    fn odds_are_those_of_the_share() {
        assert!((share(log_odds(0.93)) - 0.93).abs() < 1e-12);
        assert!(log_odds(1.0).is_finite() && log_odds(0.0).is_finite());
    }
}
