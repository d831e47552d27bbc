//! The parameters of the architecture, alphas, one for each operation of each mixed operation; the probabilities that they stand
//! for, drawing from those, and the steps of Adam that move them.

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernel::update::{AdamStep, adam};
use crate::network::normal;

/// Deviation of the first values.
const FIRST: f64 = 1e-3;

/// Adam's decay rates, and the weight decay, which is part of the gradient (Liu et al. 2019).
const BETAS: [f64; 2] = [0.5, 0.999];
const DECAY: f32 = 1e-3;

/// How far one may go in a search: 50 epochs of 390 steps of 3e-4, as in the publication. Shorter searches have larger steps.
const WAY: f64 = 50.0 * 390.0 * 3e-4;
const STEPS: (f64, f64) = (3e-4, 0.05);

/// What the operations count in one pass.
pub(super) struct Weights {
    pub(super) values: Vec<f32>,
    pub(super) closed: Vec<bool>,
    /// The probabilities through which the gradient goes, and what sharpens them.
    soft: Vec<f32>,
    temperature: f32,
}

/// The parameters of the architecture.
pub(super) struct Alphas {
    pub(super) values: Vec<f32>,
    moments: [Vec<f32>; 2],
    steps: i32,
    /// The operations of each mixed operation.
    ranges: Vec<Range<usize>>,
}

impl Alphas {
    /// Almost equal ones, for mixed operations of so many operations each.
    pub(super) fn new(options: &[usize], seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The weights are drawn from stream 0.
        rng.set_stream(super::FIRST_ALPHAS);
        let ends = options.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        let ranges: Vec<Range<usize>> = ends.zip(options).map(|(end, count)| end - count..end).collect();
        let count: usize = options.iter().sum();
        let values = (0..count).map(|_| (FIRST * normal(&mut rng)) as f32).collect();
        Self { values, moments: [vec![0.0; count], vec![0.0; count]], steps: 0, ranges }
    }

    /// The position of an operation among all.
    pub(super) fn position(&self, mix: usize, option: usize) -> Option<usize> {
        self.ranges.get(mix).map(|range| range.start + option).filter(|at| *at < self.ranges[mix].end)
    }

    /// The probabilities of the operations, for each mixed operation.
    pub(super) fn probabilities(&self, values: &[f32]) -> Vec<Vec<f64>> {
        let soft = self.softmax(values);
        self.ranges.iter().map(|range| soft[range.clone()].iter().map(|p| f64::from(*p)).collect()).collect()
    }

    /// Every operation counts by its probability (Liu et al. 2019).
    pub(super) fn all(&self) -> Weights {
        let soft = self.softmax(&self.values);
        Weights { values: soft.clone(), closed: vec![false; soft.len()], soft, temperature: 1.0 }
    }

    /// One operation of each counts, drawn with its probability by Gumbel's noise; the gradient goes as if it counted what the noisy
    /// probability says at this temperature (Jang et al. 2017, Dong and Yang 2019).
    pub(super) fn drawn(&self, temperature: f32, rng: &mut impl Rng) -> Weights {
        let noisy: Vec<f32> = self.values.iter().map(|alpha| (alpha + gumbel(rng)) / temperature).collect();
        let mut closed = vec![true; noisy.len()];
        for range in &self.ranges {
            let highest = range.clone().max_by(|a, b| noisy[*a].total_cmp(&noisy[*b]));
            highest.into_iter().for_each(|at| closed[at] = false);
        }
        let values = closed.iter().map(|closed| f32::from(u8::from(!closed))).collect();
        Weights { values, closed, soft: self.softmax(&noisy), temperature }
    }

    /// The gradient for the alphas, of one for what the operations count.
    pub(super) fn gradient(&self, weights: &Weights, of_weights: &[f32]) -> Vec<f32> {
        let mut gradient = vec![0.0; of_weights.len()];
        for range in &self.ranges {
            let open = range.clone().filter(|at| !weights.closed[*at]);
            let mean: f32 = open.map(|at| weights.soft[at] * of_weights[at]).sum();
            for at in range.clone() {
                let own = if weights.closed[at] { 0.0 } else { of_weights[at] };
                gradient[at] = weights.soft[at] * (own - mean) / weights.temperature;
            }
        }
        gradient
    }

    /// One step against a gradient, of so many in all; false where a number is none any more.
    pub(super) fn step(&mut self, mut gradient: Vec<f32>, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(1);
        gradient.iter_mut().zip(&self.values).for_each(|(gradient, alpha)| *gradient += DECAY * alpha);
        let step = AdamStep {
            rate: (WAY / steps.max(1) as f64).clamp(STEPS.0, STEPS.1) as f32,
            betas: BETAS.map(|beta| beta as f32),
            corrections: BETAS.map(|beta| (1.0 / (1.0 - beta.powi(self.steps))) as f32),
            decay: 0.0,
            clip: 1.0,
        };
        let [first, second] = &mut self.moments;
        adam(step, &mut self.values, &gradient, first, second);
        self.values.iter().all(|alpha| alpha.is_finite())
    }

    /// Everything that going on needs, besides the number of steps.
    pub(super) fn blocks(&self) -> [Vec<f32>; 3] {
        let [first, second] = &self.moments;
        [self.values.clone(), first.clone(), second.clone()]
    }

    /// Goes on from blocks after so many steps.
    pub(super) fn restore(&mut self, steps: i32, [values, first, second]: [Vec<f32>; 3]) {
        (self.values, self.moments, self.steps) = (values, [first, second], steps);
    }

    fn softmax(&self, values: &[f32]) -> Vec<f32> {
        let mut soft = vec![0.0; values.len()];
        for range in &self.ranges {
            let highest = values[range.clone()].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            range.clone().for_each(|at| soft[at] = (values[at] - highest).exp());
            let sum: f32 = soft[range.clone()].iter().sum();
            soft[range.clone()].iter_mut().for_each(|p| *p /= sum);
        }
        soft
    }
}

/// Gumbel's noise: whatever is highest after it is added to the logarithms of weights is drawn by those weights.
fn gumbel(rng: &mut impl Rng) -> f32 {
    let uniform = (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    -(-uniform.ln()).ln() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alphas() -> Alphas {
        let mut alphas = Alphas::new(&[3, 2], 1);
        alphas.values = vec![0.0, 1.0, -0.5, 0.3, -0.3];
        alphas
    }

    #[test]
    fn operations_are_drawn_by_their_probability_at_any_temperature() {
        let (alphas, draws) = (alphas(), 20_000);
        for temperature in [0.1, 1.0, 10.0] {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let mut counts = [0.0; 5];
            for _ in 0..draws {
                let drawn = alphas.drawn(temperature, &mut rng);
                assert_eq!(drawn.values.iter().sum::<f32>(), 2.0);
                counts.iter_mut().zip(&drawn.values).for_each(|(count, value)| *count += f64::from(*value));
            }
            for (count, probability) in counts.iter().zip(alphas.probabilities(&alphas.values).concat()) {
                assert!((count / f64::from(draws) - probability).abs() < 0.012, "{count} of {draws}: {probability}");
            }
        }
    }

    /// A function of what the operations count, through the probabilities at a temperature with the noise of a seed.
    fn through(alphas: &Alphas, temperature: f32, function: &[f32]) -> f32 {
        let noisy: Vec<f32> = match temperature {
            1.0 => alphas.values.clone(),
            _ => {
                let mut rng = ChaCha8Rng::seed_from_u64(5);
                alphas.values.iter().map(|alpha| (alpha + gumbel(&mut rng)) / temperature).collect()
            }
        };
        alphas.softmax(&noisy).iter().zip(function).map(|(p, f)| p * f).sum()
    }

    #[test]
    fn gradients_for_the_alphas_are_those_of_differences() {
        let alphas = alphas();
        let function = [0.7, -1.2, 0.4, 2.0, 0.1];
        for temperature in [1.0, 0.5] {
            let weights = match temperature {
                1.0 => alphas.all(),
                _ => alphas.drawn(temperature, &mut ChaCha8Rng::seed_from_u64(5)),
            };
            let open: Vec<f32> =
                function.iter().zip(&weights.closed).map(|(f, closed)| if *closed { 0.0 } else { *f }).collect();
            let gradient = alphas.gradient(&weights, &function);
            for (at, found) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut moved = Alphas { values: alphas.values.clone(), ..Alphas::new(&[3, 2], 1) };
                    moved.values[at] += by;
                    through(&moved, temperature, &open)
                };
                let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((found - difference).abs() < 1e-3, "{at}: {found} is {difference}");
            }
        }
    }
}
