//! How one search went: the best so far at each query.

use super::Ideal;
use crate::hypervolume::{hypervolume, reference};
use crate::pareto;
use crate::trial::Observation;

/// Share of the ideal hypervolume from which on it counts as reached; the rest is rounding.
const REACHED: f64 = 1.0 - 1e-9;

/// One search.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    ideal: Ideal,
    progress: Vec<f64>,
    /// Losses of the feasible networks that nothing dominates.
    front: Vec<Vec<f64>>,
    stopped: u64,
}

impl Ideal {
    /// The best of these losses; `None` of none.
    pub(super) fn of(losses: &[Vec<f64>]) -> Option<Self> {
        if losses.first()?.len() == 1 {
            return Some(Self::Loss(losses.iter().map(|loss| loss[0]).fold(f64::INFINITY, f64::min)));
        }
        let mut front: Vec<Vec<f64>> = Vec::new();
        losses.iter().for_each(|point| _ = enter(&mut front, point));
        let reference = reference(&front)?;
        let volume = hypervolume(&front, &reference);
        Some(Self::Hypervolume { reference, volume })
    }
}

impl Course {
    pub(super) fn new(ideal: Ideal) -> Self {
        Self { ideal, progress: Vec::new(), front: Vec::new(), stopped: 0 }
    }

    /// Takes what a query told.
    pub(super) fn query(&mut self, observation: &Observation) {
        let losses = observation.complete().filter(|_| observation.is_feasible());
        let is_new = losses.is_some_and(|losses| enter(&mut self.front, &losses));
        let progress = match self.progress.last() {
            Some(last) if !is_new => *last,
            _ => self.judge(),
        };
        self.progress.push(progress);
    }

    pub(super) fn stop(&mut self) {
        self.stopped += 1;
    }

    fn judge(&self) -> f64 {
        match &self.ideal {
            Ideal::Loss(_) => self.front.first().map_or(f64::INFINITY, |losses| losses[0]),
            Ideal::Hypervolume { reference, volume } => hypervolume(&self.front, reference) / volume,
        }
    }

    /// Number of networks queried, each once.
    pub fn queries(&self) -> usize {
        self.progress.len()
    }

    /// Number of proposals that were stopped before they cost a query.
    pub fn stopped(&self) -> u64 {
        self.stopped
    }

    /// After each query: with one objective the smallest loss so far, with several the share of the ideal hypervolume.
    pub fn progress(&self) -> &[f64] {
        &self.progress
    }

    /// The query, from 1, at which nothing better was left; `None` if it did not come to that.
    pub fn reached_at(&self) -> Option<usize> {
        let is_ideal = |progress: &f64| match self.ideal {
            Ideal::Loss(best) => *progress <= best,
            Ideal::Hypervolume { .. } => *progress >= REACHED,
        };
        self.progress.last().is_some_and(is_ideal).then_some(self.progress.len())
    }
}

/// Puts a point into a front, and takes out what it dominates; whether it belongs there and is new.
fn enter(front: &mut Vec<Vec<f64>>, point: &[f64]) -> bool {
    if front.iter().any(|other| other == point || pareto::dominates(other, point)) {
        return false;
    }
    front.retain(|other| !pareto::dominates(point, other));
    front.push(point.to_vec());
    true
}
