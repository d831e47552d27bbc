//! Several losses as one: the augmented Chebyshev scalarization (Knowles 2006, ParEGO), for methods that compare single numbers.
//!
//! Losses are scaled to those that were seen. With one objective it keeps its order, whatever the weight.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Weight of the sum beside the maximum.
const AUGMENTATION: f64 = 0.05;

/// One scalarization.
pub(super) struct Scalarization {
    weights: Vec<f64>,
    best: Vec<f64>,
    spread: Vec<f64>,
}

impl Scalarization {
    /// With weights drawn uniformly, scaled to these losses; `None` without any.
    pub(super) fn drawn<'a>(seen: impl Iterator<Item = &'a [f64]> + Clone, rng: &mut ChaCha8Rng) -> Option<Self> {
        let objectives = seen.clone().next()?.len();
        Self::weighted(seen, simplex(objectives, rng))
    }

    /// With equal weights, scaled to these losses; `None` without any.
    pub(super) fn even<'a>(seen: impl Iterator<Item = &'a [f64]> + Clone) -> Option<Self> {
        let objectives = seen.clone().next()?.len();
        Self::weighted(seen, vec![1.0 / objectives as f64; objectives])
    }

    fn weighted<'a>(seen: impl Iterator<Item = &'a [f64]> + Clone, weights: Vec<f64>) -> Option<Self> {
        let extreme = |objective: usize, pick: fn(f64, f64) -> f64, from: f64| {
            seen.clone().map(|losses| losses[objective]).fold(from, pick)
        };
        let best: Vec<f64> = (0..weights.len()).map(|o| extreme(o, f64::min, f64::INFINITY)).collect();
        let worst = (0..weights.len()).map(|o| extreme(o, f64::max, f64::NEG_INFINITY));
        let spread = worst.zip(&best).map(|(worst, best)| (worst - best).max(f64::MIN_POSITIVE)).collect();
        Some(Self { weights, best, spread })
    }

    /// `max_i w_i f_i + rho * sum_i w_i f_i` over the scaled losses.
    pub(super) fn scalar(&self, losses: &[f64]) -> f64 {
        let scaled =
            losses.iter().zip(&self.best).zip(&self.spread).map(|((loss, best), spread)| (loss - best) / spread);
        let weighted: Vec<f64> = scaled.zip(&self.weights).map(|(loss, weight)| loss * weight).collect();
        weighted.iter().copied().fold(f64::NEG_INFINITY, f64::max) + AUGMENTATION * weighted.iter().sum::<f64>()
    }
}

/// Weights that sum to 1, uniformly.
fn simplex(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let draws: Vec<f64> = (0..count).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    let sum: f64 = draws.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    draws.into_iter().map(|draw| draw / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::Scalarization;
    use crate::draw;

    #[test]
    fn one_objective_keeps_its_order_and_several_are_scaled() {
        let one = [[3.0].as_slice(), &[5.0]];
        let scalarization = Scalarization::drawn(one.into_iter(), &mut draw::stream(1, 0)).unwrap();
        assert!(scalarization.scalar(&[2.0]) < scalarization.scalar(&[2.5]));
        assert!(scalarization.scalar(&[3.0]) < scalarization.scalar(&[9.0]));
        let two = [[0.0, 100.0].as_slice(), &[1.0, 300.0]];
        let even = Scalarization::even(two.into_iter()).unwrap();
        assert_eq!(even.scalar(&[1.0, 100.0]), even.scalar(&[0.0, 300.0]));
        assert!(even.scalar(&[0.5, 200.0]) < even.scalar(&[1.0, 100.0]));
        assert!(Scalarization::even(std::iter::empty()).is_none());
    }
}
