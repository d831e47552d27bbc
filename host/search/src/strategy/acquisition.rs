//! What makes an untrained network worth training: the improvement that is expected of it.

use super::gaussian::Belief;
use super::scalarization::Scalarization;

/// Deviations up to which the improvement is integrated, in steps, and the length of a step.
const FARTHEST: i32 = 16;
const STEP: f64 = 0.25;

/// By how much a network is expected to be better than the best scalar, and its scalar as believed. Objectives that are not
/// known are taken to be off by the same number of deviations.
pub(super) fn expected_improvement(scalarization: &Scalarization, best: f64, beliefs: &[Belief]) -> (f64, f64) {
    let scalar_at = |deviations: f64| {
        let losses: Vec<f64> = beliefs.iter().map(|belief| belief.mean + deviations * belief.deviation).collect();
        scalarization.scalar(&losses)
    };
    let middle = scalar_at(0.0);
    if best.is_infinite() {
        return (0.0, middle);
    }
    let (mut sum, mut total) = (0.0, 0.0);
    for step in -FARTHEST..=FARTHEST {
        let deviations = f64::from(step) * STEP;
        let weight = (-0.5 * deviations * deviations).exp();
        sum += weight * (best - scalar_at(deviations)).max(0.0);
        total += weight;
    }
    (sum / total, middle)
}

#[cfg(test)]
mod tests {
    use super::{Belief, expected_improvement};
    use crate::strategy::scalarization::Scalarization;

    #[test]
    fn is_that_of_a_normal_belief() {
        // Losses from 0 to 1: the scalar is the loss, and a twentieth of it.
        let scale = Scalarization::even([[0.0].as_slice(), &[1.0]].into_iter()).unwrap();
        let check = |mean: f64, deviation: f64, expected: f64| {
            let improvement = expected_improvement(&scale, 0.0, &[Belief { mean, deviation }]).0 / 1.05;
            assert!((improvement - expected).abs() < 0.004, "{mean} {deviation}: {improvement}");
        };
        // s * (z * Phi(z) + phi(z)) with z = -mean / s.
        check(0.0, 1.0, 0.3989);
        check(1.0, 1.0, 0.0833);
        check(-1.0, 0.5, 1.0042);
        check(0.5, 0.0, 0.0);
    }

    #[test]
    fn an_objective_that_is_known_limits_what_another_can_gain() {
        let seen = [[0.0, 1.0].as_slice(), &[1.0, 0.0]];
        let scale = Scalarization::even(seen.into_iter()).unwrap();
        let known = |mean| Belief { mean, deviation: 0.0 };
        let unknown = Belief { mean: 0.5, deviation: 0.5 };
        let (good, bad) = ([unknown, known(0.1)], [unknown, known(0.9)]);
        let best = scale.scalar(&[0.5, 0.5]);
        assert!(expected_improvement(&scale, best, &good).0 > 0.0);
        assert_eq!(expected_improvement(&scale, best, &bad).0, 0.0);
    }
}
