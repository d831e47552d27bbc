//! One number of accuracy and latency, by a rule that the user states and the result repeats.

use serde::{Deserialize, Serialize};

/// What latency counts as 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalization {
    /// That of the first model.
    First,
    /// That of the slowest model.
    Slowest,
    /// This one, in milliseconds; greater than 0.
    Given(f64),
}

/// How scores are to be computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRule {
    /// What a reference's worth of latency costs in accuracy.
    pub lambda: f64,
    /// What counts as a reference's worth.
    pub normalization: Normalization,
}

/// How scores were computed: `accuracy - lambda * median_ms / reference_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What a reference's worth of latency costs in accuracy.
    pub lambda: f64,
    /// Where the reference is from: `first`, `slowest` or `given`.
    pub normalization: String,
    /// The latency that counts as 1, in milliseconds.
    pub reference_ms: f64,
}

impl ScoreRule {
    /// The rule for models of these medians, in milliseconds; the first model first.
    pub(super) fn score(&self, medians_ms: &[f64]) -> Score {
        let (normalization, reference_ms) = match self.normalization {
            Normalization::First => ("first", medians_ms.first().copied().unwrap_or(1.0)),
            Normalization::Slowest => ("slowest", medians_ms.iter().copied().fold(f64::MIN_POSITIVE, f64::max)),
            Normalization::Given(reference_ms) => ("given", reference_ms),
        };
        Score { lambda: self.lambda, normalization: normalization.to_owned(), reference_ms }
    }
}

impl Score {
    /// The score of an accuracy from 0 to 1 at a median in milliseconds.
    pub fn of(&self, accuracy: f64, median_ms: f64) -> f64 {
        accuracy - self.lambda * median_ms / self.reference_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_what_the_rule_says() {
        let reference = |normalization| ScoreRule { lambda: 1.0, normalization }.score(&[2.0, 3.0, 1.0]).reference_ms;
        assert_eq!(reference(Normalization::First), 2.0);
        assert_eq!(reference(Normalization::Slowest), 3.0);
        assert_eq!(reference(Normalization::Given(7.0)), 7.0);
    }
}
