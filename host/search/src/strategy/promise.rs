//! Which of several untrained networks promises most: the one that would add most hypervolume to the front.
//!
//! Losses that only training tells are guessed. Where no network would add anything, the one that comes closest to the
//! front, or least far behind it, is taken.

use super::ridge::Ridge;
use crate::hypervolume::{hypervolume, reference};
use crate::trial::Observation;

/// Stands for a spread of zero.
const SMALLEST: f64 = 1e-12;

/// What networks are compared with.
pub(super) struct Promise<'a> {
    ridge: Ridge<'a>,
    /// Losses of the feasible networks so far, those in training with guesses.
    front: Vec<Vec<f64>>,
    volume: f64,
    reference: Vec<f64>,
    spread: Vec<f64>,
}

impl<'a> Promise<'a> {
    /// Compares with these feasible losses and the networks in training; `trained` are the losses of all networks that
    /// were trained, which set the reference point. `None` without any.
    pub(super) fn new(
        ridge: Ridge<'a>,
        feasible: impl Iterator<Item = Vec<f64>>,
        pending: &[Observation],
        trained: &[&[f64]],
    ) -> Option<Self> {
        let reference = reference(trained)?;
        let front: Vec<Vec<f64>> = feasible.chain(pending.iter().map(|o| ridge.losses(o))).collect();
        let best = |i: usize| trained.iter().map(|losses| losses[i]).fold(f64::INFINITY, f64::min);
        let spread = reference.iter().enumerate().map(|(i, worst)| (worst - best(i)).max(SMALLEST)).collect();
        let volume = hypervolume(&front, &reference);
        Some(Self { ridge, front, volume, reference, spread })
    }

    /// The position of the most promising one; 0 of none.
    pub(super) fn best(&self, pool: &[Observation]) -> usize {
        let keys: Vec<(f64, f64)> = pool.iter().map(|observation| self.key(observation)).collect();
        let compare = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        (0..keys.len()).rev().max_by(|&i, &j| compare(&keys[i], &keys[j])).unwrap_or(0)
    }

    /// The hypervolume that it adds, then how far it is ahead of the front.
    fn key(&self, observation: &Observation) -> (f64, f64) {
        let losses = self.ridge.losses(observation);
        let ahead = self.front.iter().map(|other| self.ahead(&losses, other)).fold(f64::INFINITY, f64::min);
        let with: Vec<&[f64]> = self.front.iter().map(Vec::as_slice).chain([losses.as_slice()]).collect();
        (hypervolume(&with, &self.reference) - self.volume, ahead)
    }

    /// In the objective where it is best, by which share of the spread it is ahead of the other; negative when the other
    /// dominates (the additive epsilon indicator of Zitzler et al. 2003).
    fn ahead(&self, losses: &[f64], other: &[f64]) -> f64 {
        let gaps = losses.iter().zip(other).zip(&self.spread).map(|((own, other), spread)| (other - own) / spread);
        gaps.fold(f64::NEG_INFINITY, f64::max)
    }
}
