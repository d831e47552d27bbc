//! Times of single kernels from the profiles: the cost model, corrected where profiled kernels show what it misses.
//!
//! The logarithm of profiled over modeled time is a smooth function of a kernel's place among its kind, plus an offset of each
//! kernel's own: a Gaussian process with a nugget (Rasmussen and Williams 2006, section 2.2). A kernel that was seen gets its own
//! time, drawn to its neighbors' as far as few profiles leave doubt; one that was not gets its neighbors'.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::cost_model::CostModel;
use super::profile::{Profiled, Profiles};
use super::similarity::Place;
use crate::kernel::{Kernel, KernelKind};

/// Distance, in natural logarithms of the features, at which kernels are still alike.
pub(super) const LENGTH: f64 = 1.0;
/// Variance of the smooth part of the log residual.
const SMOOTH: f64 = 0.25 * 0.25;
/// Variance of a kernel's own offset.
const OWN: f64 = 0.06 * 0.06;
/// Most kernels of one kind that neighbors are looked for among: those profiled most often.
const MOST_NEIGHBORS: usize = 200;

/// Times of kernels.
#[derive(Debug)]
pub(super) struct Interpolation {
    costs: CostModel,
    /// For each kind, places with their weights in the smooth part.
    neighbors: Vec<Vec<(Place, f64)>>,
    /// Variance of the logarithm of one profiled time.
    noise: f64,
    /// Seen kernels, by hash.
    entries: BTreeMap<u64, f64>,
}

/// The smooth part's weights of one kind's kernels, most often profiled first.
fn weights(costs: &CostModel, profiled: &[Profiled<'_>], noise: f64) -> Vec<(Place, f64)> {
    let places: Vec<Place> = profiled.iter().map(|one| Place::of(one.kernel)).collect();
    let residual = |one: &Profiled<'_>| (one.time_ns / costs.time_ns(one.kernel)).ln();
    let residuals = DVector::from_iterator(profiled.len(), profiled.iter().map(residual));
    let covariance = DMatrix::from_fn(profiled.len(), profiled.len(), |i, j| {
        let own = if i == j { OWN + noise / profiled[i].times as f64 } else { 0.0 };
        own + SMOOTH * places[i].similarity(&places[j], LENGTH)
    });
    let cholesky = covariance.cholesky().expect("a squared exponential with a nugget is positive definite");
    let solved = cholesky.solve(&residuals);
    places.into_iter().zip(solved.iter().copied()).collect()
}

impl Interpolation {
    pub(super) fn fit(costs: CostModel, profiles: &Profiles<'_>) -> Self {
        let noise = profiles.noise * profiles.noise;
        let of_kind = |kind: KernelKind| {
            let mut of_kind: Vec<Profiled<'_>> =
                profiles.kernels.values().filter(|one| one.kernel.kind == kind).copied().collect();
            of_kind.sort_by_key(|one| std::cmp::Reverse(one.times));
            of_kind.truncate(MOST_NEIGHBORS);
            weights(&costs, &of_kind, noise)
        };
        let neighbors = KernelKind::ALL.into_iter().map(of_kind).collect();
        let mut fitted = Self { costs, neighbors, noise, entries: BTreeMap::new() };
        fitted.entries = profiles.kernels.iter().map(|(hash, one)| (*hash, fitted.seen_ns(one))).collect();
        fitted
    }

    fn smooth(&self, kernel: &Kernel) -> f64 {
        let place = Place::of(kernel);
        let near = self.neighbors[kernel.kind.index()].iter();
        near.map(|(other, weight)| SMOOTH * weight * place.similarity(other, LENGTH)).sum()
    }

    /// Its neighbors' part, and of what remains as much as its own offset explains against the noise of its profiles.
    fn seen_ns(&self, one: &Profiled<'_>) -> f64 {
        let modeled = self.costs.time_ns(one.kernel);
        let smooth = self.smooth(one.kernel);
        let remains = (one.time_ns / modeled).ln() - smooth;
        modeled * (smooth + remains * OWN / (OWN + self.noise / one.times as f64)).exp()
    }

    /// Nanoseconds of a kernel.
    pub(super) fn time_ns(&self, kernel: &Kernel) -> f64 {
        let inferred = || self.costs.time_ns(kernel) * self.smooth(kernel).exp();
        self.entries.get(&kernel.hash).copied().unwrap_or_else(inferred)
    }

    pub(super) fn costs(&self) -> &CostModel {
        &self.costs
    }
}
