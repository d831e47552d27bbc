//! What makes an untrained network worth training: the hypervolume that it is expected to add to the front (Emmerich et al.
//! 2006), which with one objective is the expected improvement.

use crate::hypervolume::{added, reference};
use crate::pareto;
use crate::surrogate::gaussian::Belief;

/// Deviations up to which the improvement is integrated, in steps, and the length of a step.
const FARTHEST: i32 = 16;
const STEP: f64 = 0.25;

/// What networks are to improve on.
pub(super) struct Improvement {
    /// Losses of the feasible networks that nothing dominates.
    front: Vec<Vec<f64>>,
    reference: Vec<f64>,
}

impl Improvement {
    /// On the feasible ones of these networks, given by their losses; all of them set the reference point. `None` without any.
    pub(super) fn on(networks: &[(Vec<f64>, bool)]) -> Option<Self> {
        let all: Vec<&[f64]> = networks.iter().map(|(losses, _)| losses.as_slice()).collect();
        let feasible = networks.iter().filter(|(_, is_feasible)| *is_feasible);
        let feasible: Vec<&[f64]> = feasible.map(|(losses, _)| losses.as_slice()).collect();
        let front = pareto::front(&feasible).into_iter().map(|at| feasible[at].to_vec()).collect();
        Some(Self { front, reference: reference(&all)? })
    }

    /// The hypervolume that a network is expected to add. Objectives that are not known are taken to be off by the same
    /// number of deviations.
    pub(super) fn expected(&self, beliefs: &[Belief]) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for step in -FARTHEST..=FARTHEST {
            let deviations = f64::from(step) * STEP;
            let losses: Vec<f64> = beliefs.iter().map(|belief| belief.mean + deviations * belief.deviation).collect();
            let weight = (-0.5 * deviations * deviations).exp();
            sum += weight * added(&self.front, &losses, &self.reference);
            total += weight;
        }
        sum / total
    }
}

#[cfg(test)]
mod tests {
    use super::{Belief, Improvement};

    #[test]
    fn is_that_of_a_normal_belief() {
        let improvement = Improvement::on(&[(vec![0.0], true), (vec![100.0], true)]).unwrap();
        let check = |mean: f64, deviation: f64, expected: f64| {
            let improvement = improvement.expected(&[Belief { mean, deviation }]);
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
        let networks = [(vec![0.0, 1.0], true), (vec![1.0, 0.0], true), (vec![0.0, 0.0], false)];
        let improvement = Improvement::on(&networks).unwrap();
        let known = |mean| Belief { mean, deviation: 0.0 };
        let unknown = Belief { mean: 0.5, deviation: 0.2 };
        // Between the two of the front it adds the rest of the square up to them, and beyond the reference point nothing.
        assert!((improvement.expected(&[known(0.5), known(0.5)]) - 0.25).abs() < 1e-12);
        let [good, bad] = [0.1, 0.9].map(|latency| improvement.expected(&[unknown, known(latency)]));
        assert!(good > 3.0 * bad && bad > 0.0, "{good} {bad}");
        assert_eq!(improvement.expected(&[unknown, known(1.2)]), 0.0);
        assert!(Improvement::on(&[]).is_none());
    }
}
