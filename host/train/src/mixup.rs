//! Samples mixed in pairs (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

use std::sync::Arc;

use rand::{Rng, RngExt};

use crate::batch::normal;
use crate::recipe::Recipe;

/// Most draws of a gamma distribution before its last is taken; one in twenty is refused.
const MOST_DRAWS: usize = 64;

/// What a batch was mixed with.
pub(crate) struct Mixed {
    /// Share of each sample that is its own, from 0 to 1.
    pub(crate) share: f64,
    /// Labels of the other parts.
    pub(crate) others: Arc<[u32]>,
}

impl Mixed {
    /// Mixes each sample with the one at the other end of the batch, whose order is random already.
    pub(crate) fn of(floats: &mut [f32], labels: &[u32], recipe: &Recipe, rng: &mut impl Rng) -> Self {
        let (a, b) = (gamma(recipe.mixup, rng), gamma(recipe.mixup, rng));
        let share = if a + b > 0.0 { a / (a + b) } else { 0.5 };
        let (count, size) = (labels.len(), floats.len() / labels.len().max(1));
        let own = floats.to_vec();
        for (i, sample) in floats.chunks_exact_mut(size).enumerate() {
            let other = &own[(count - 1 - i) * size..(count - i) * size];
            sample.iter_mut().zip(other).for_each(|(x, y)| *x = *x * share as f32 + y * (1.0 - share as f32));
        }
        Self { share, others: labels.iter().rev().copied().collect() }
    }
}

/// A draw from the gamma distribution of this shape and scale 1 (Marsaglia and Tsang 2000).
fn gamma(shape: f64, rng: &mut impl Rng) -> f64 {
    let boost = if shape < 1.0 { rng.random_range(f64::MIN_POSITIVE..1.0).powf(1.0 / shape) } else { 1.0 };
    let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
    let mut value = d;
    for _ in 0..MOST_DRAWS {
        let x = f64::from(normal(rng));
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        let u: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            value = d * v;
            break;
        }
    }
    value * boost
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_gamma_distribution_has_its_mean() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for shape in [0.2, 1.0, 3.5] {
            let mean = (0..20_000).map(|_| gamma(shape, &mut rng)).sum::<f64>() / 20_000.0;
            assert!((mean / shape - 1.0).abs() < 0.06, "shape {shape} has a mean of {mean}");
        }
    }

    #[test]
    fn samples_are_mixed_with_their_counterparts() {
        let mut floats = vec![1.0, 1.0, 0.0, 0.0];
        let recipe = Recipe { mixup: 0.4, ..Recipe::default() };
        let mixed = Mixed::of(&mut floats, &[7, 9], &recipe, &mut ChaCha8Rng::seed_from_u64(5));
        assert_eq!(&mixed.others[..], [9, 7]);
        assert!((f64::from(floats[0]) - mixed.share).abs() < 1e-6 && (0.0..=1.0).contains(&mixed.share));
        assert!((f64::from(floats[2]) - (1.0 - mixed.share)).abs() < 1e-6);
    }
}
