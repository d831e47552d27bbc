//! What whole networks say about their kernels: each network measures a weighted sum of its kernels' relative errors.
//!
//! The relative error of a kernel is an offset of its kind, a smooth function of its place, and an offset of its own; a Gaussian
//! process over kernels of which networks are linear observations (Rasmussen and Williams 2006, section 2.2; sums of latent values as in
//! Kriging with block data, Cressie 1993, section 3.4). The posterior is again a correction of each kernel, so that predictions
//! stay sums.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::interpolation::LENGTH;
use super::similarity::Place;
use crate::kernel::{Kernel, KernelKind};
use crate::statistics::{median, robust_deviation};

/// Variances of the three parts of a kernel's relative error and of the overhead's.
const OF_KIND: f64 = 0.15 * 0.15;
const SMOOTH: f64 = 0.15 * 0.15;
const OWN: f64 = 0.05 * 0.05;
const OVERHEAD: f64 = 0.3 * 0.3;
/// Factors on these variances, and noise of a measured network, among which the marginal likelihood chooses.
const FACTORS: [f64; 4] = [0.1, 0.4, 1.0, 4.0];
const NOISES: [f64; 4] = [0.005, 0.012, 0.025, 0.05];
/// An error beyond this many robust deviations is a disturbance.
const DISTURBED: f64 = 4.0;
/// Most networks that are taken into account: the latest.
pub(super) const MOST_NETWORKS: usize = 250;

/// A measured network as the correction sees it.
pub(super) struct Observation<'a> {
    /// Its kernels, each with its estimated part of the network's time.
    pub(super) parts: Vec<(&'a Kernel, f64)>,
    /// The part that is overhead.
    pub(super) overhead: f64,
    /// Measured over estimated, less 1.
    pub(super) error: f64,
    /// Standard deviation of the error that its own processes show, beside the noise that all networks have.
    pub(super) disturbance: f64,
}

#[derive(Debug)]
struct Weighted {
    place: Place,
    weight: f64,
}

/// Relative corrections of kernels.
#[derive(Debug)]
pub(super) struct Correction {
    by_kind: Vec<Vec<Weighted>>,
    /// Corrections of the kernels of the observed networks, by hash.
    seen: BTreeMap<u64, f64>,
    overhead: f64,
    noise: f64,
    factor: f64,
}

/// Each kernel of the observations once.
struct Kernels {
    places: Vec<Place>,
    hashes: Vec<u64>,
    /// Positions of the kernels of each kind.
    of_kind: Vec<Vec<usize>>,
    /// Position of each kernel among those of its kind.
    within_kind: Vec<usize>,
    /// For each network, its kernels by position with their parts.
    parts: Vec<Vec<(usize, f64)>>,
}

impl Kernels {
    fn of(observations: &[Observation<'_>]) -> Self {
        let mut index = BTreeMap::new();
        let (mut places, mut hashes): (Vec<Place>, Vec<u64>) = (Vec::new(), Vec::new());
        let mut position = |kernel: &Kernel| {
            *index.entry(kernel.hash).or_insert_with(|| {
                places.push(Place::of(kernel));
                hashes.push(kernel.hash);
                places.len() - 1
            })
        };
        let mut parts_of =
            |o: &Observation<'_>| o.parts.iter().map(|(kernel, part)| (position(kernel), *part)).collect();
        let parts = observations.iter().map(&mut parts_of).collect();
        let mut of_kind: Vec<Vec<usize>> = vec![Vec::new(); KernelKind::ALL.len()];
        let mut within_kind = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            within_kind.push(of_kind[place.kind().index()].len());
            of_kind[place.kind().index()].push(at);
        }
        Self { places, hashes, of_kind, within_kind, parts }
    }

    /// Covariance of the kernels' relative errors, one block a kind.
    fn covariance(&self) -> Vec<DMatrix<f64>> {
        let block = |of_kind: &Vec<usize>| {
            let mut block = DMatrix::zeros(of_kind.len(), of_kind.len());
            for (i, &a) in of_kind.iter().enumerate() {
                for (j, &b) in of_kind[..=i].iter().enumerate() {
                    block[(i, j)] = covariance(&self.places[a], &self.places[b], a == b);
                    block[(j, i)] = block[(i, j)];
                }
            }
            block
        };
        self.of_kind.iter().map(block).collect()
    }

    /// Covariance of the networks' relative errors, noise and overhead left out.
    fn network_covariance(&self, of_kernels: &[DMatrix<f64>]) -> DMatrix<f64> {
        let networks = self.parts.len();
        let mut matrix = DMatrix::zeros(networks, networks);
        let mut with_kernels = vec![0.0; self.places.len()];
        for a in 0..networks {
            with_kernels.fill(0.0);
            for &(kernel, part) in &self.parts[a] {
                let kind = self.places[kernel].kind().index();
                let column = of_kernels[kind].column(self.within_kind[kernel]);
                self.of_kind[kind].iter().zip(column.iter()).for_each(|(&other, c)| with_kernels[other] += part * c);
            }
            for b in 0..=a {
                let sum: f64 = self.parts[b].iter().map(|&(kernel, part)| part * with_kernels[kernel]).sum();
                matrix[(a, b)] = sum;
                matrix[(b, a)] = sum;
            }
        }
        matrix
    }

    /// Weight of each kernel, given the weights of the networks.
    fn weights(&self, of_networks: &DVector<f64>) -> Vec<f64> {
        let mut weights = vec![0.0; self.places.len()];
        for (parts, weight) in self.parts.iter().zip(of_networks.iter()) {
            parts.iter().for_each(|(kernel, part)| weights[*kernel] += weight * part);
        }
        weights
    }
}

fn covariance(a: &Place, b: &Place, same: bool) -> f64 {
    if a.kind() != b.kind() {
        return 0.0;
    }
    OF_KIND + SMOOTH * a.similarity(b, LENGTH) + if same { OWN } else { 0.0 }
}

impl Correction {
    pub(super) fn fit(observations: &[Observation<'_>]) -> Self {
        let kernels = Kernels::of(observations);
        let errors = DVector::from_vec(undisturbed(observations.iter().map(|o| o.error).collect()));
        let overheads = DVector::from_iterator(observations.len(), observations.iter().map(|o| o.overhead));
        let disturbances: Vec<f64> = observations.iter().map(|o| o.disturbance).collect();
        let of_kernels = kernels.covariance();
        let prior = kernels.network_covariance(&of_kernels) + &overheads * overheads.transpose() * OVERHEAD;
        let settings = FACTORS.iter().flat_map(|&factor| NOISES.map(|noise| (factor, noise)));
        let solved = settings.map(|(factor, noise)| solve(&prior, &errors, &disturbances, factor, noise));
        let best = solved.max_by(|a, b| a.likelihood.total_cmp(&b.likelihood)).expect("there are settings");
        let weights = kernels.weights(&(&best.weights * best.factor));
        let mut by_kind: Vec<Vec<Weighted>> = Vec::with_capacity(KernelKind::ALL.len());
        let mut seen = BTreeMap::new();
        for (of_kind, block) in kernels.of_kind.iter().zip(&of_kernels) {
            let of_kind_weights = DVector::from_iterator(of_kind.len(), of_kind.iter().map(|&kernel| weights[kernel]));
            let corrections = block * &of_kind_weights;
            seen.extend(of_kind.iter().map(|&kernel| kernels.hashes[kernel]).zip(corrections.iter().copied()));
            by_kind.push(of_kind.iter().map(|&k| Weighted { place: kernels.places[k], weight: weights[k] }).collect());
        }
        let overhead = overheads.dot(&best.weights) * OVERHEAD * best.factor;
        Self { by_kind, seen, overhead, noise: best.noise, factor: best.factor }
    }

    /// Relative correction of a kernel.
    pub(super) fn of(&self, kernel: &Kernel) -> f64 {
        self.seen.get(&kernel.hash).copied().unwrap_or_else(|| self.of_unseen(&Place::of(kernel)))
    }

    fn of_unseen(&self, place: &Place) -> f64 {
        let others = self.by_kind[place.kind().index()].iter();
        others.map(|other| other.weight * covariance(place, &other.place, false)).sum()
    }

    /// Relative correction of the overhead.
    pub(super) fn of_overhead(&self) -> f64 {
        self.overhead
    }

    /// Standard deviation of one network's measurement and factor on the variances, as chosen.
    pub(super) fn settings(&self) -> (f64, f64) {
        (self.noise, self.factor)
    }
}

/// Errors drawn in to four robust deviations around their median, so that a disturbed measurement does not bend its kernels.
fn undisturbed(errors: Vec<f64>) -> Vec<f64> {
    let (center, reach) = (median(&errors), DISTURBED * robust_deviation(&errors));
    errors.into_iter().map(|error| error.clamp(center - reach, center + reach)).collect()
}

struct Solved {
    weights: DVector<f64>,
    likelihood: f64,
    factor: f64,
    noise: f64,
}

/// Rasmussen and Williams 2006, algorithm 2.1; the constant of the likelihood is left out.
fn solve(prior: &DMatrix<f64>, errors: &DVector<f64>, disturbances: &[f64], factor: f64, noise: f64) -> Solved {
    let mut covariance = prior * factor;
    let own = disturbances.iter().map(|disturbance| noise * noise + disturbance * disturbance);
    own.enumerate().for_each(|(i, variance)| covariance[(i, i)] += variance);
    let cholesky = covariance.cholesky().expect("noise on the diagonal keeps it positive definite");
    let weights = cholesky.solve(errors);
    let log_determinant = 2.0 * cholesky.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>();
    let likelihood = -0.5 * (errors.dot(&weights) + log_determinant);
    Solved { weights, likelihood, factor, noise }
}
