//! A network takes the sum of what its kernels take, corrected by what whole networks show.
//!
//! In three steps. Non-negative costs per kind ([`cost_model`]), or another table ([`transferred`]), estimate any kernel. Profiles correct that, with an exact entry for
//! each kernel seen and its neighbors' for the others ([`interpolation`]). Whole networks then correct every kernel once more
//! ([`correction`]), since a kernel in a profile and the same kernel in an undisturbed run do not take the same time.

mod adaptation;
mod correction;
mod cost_model;
mod interpolation;
mod plain;
mod profile;
mod similarity;
mod transferred;

use std::collections::BTreeMap;

use correction::{Correction, MOST_NETWORKS, Observation};
use cost_model::CostModel;
use interpolation::Interpolation;
use nalgebra::{DMatrix, DVector};
pub use plain::PlainSum;
use profile::Profiles;
use similarity::{Place, Range};
pub use transferred::{TRANSFERRED, Transferred};

use super::{Additive, LEAST_NS, Model, Part, Predictor, sum, whole};
use crate::kernel::{Kernel, KernelKind};
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;

/// Exact entries, interpolation between them, whole-network correction.
#[derive(Debug, Clone, Copy)]
pub struct KernelSum {
    /// Whether profiles are used. Where they are disturbed too much, the whole networks alone say more.
    profiles: bool,
}

impl KernelSum {
    /// From profiles and whole networks.
    pub const PROFILED: Self = Self { profiles: true };
    /// From whole networks only.
    pub const UNPROFILED: Self = Self { profiles: false };
}

/// Draws the factor on the sum to 1 and overheads to 0.
const RIDGE: f64 = 1e-4;
/// Novelty of a kernel of a kind never seen, beyond that of an unseen kernel: as far away as a factor of e in ten features.
const OF_UNKNOWN_KIND: f64 = 10.0;
/// Columns of the overhead fit: intercept, number of kernels, sum of their times.
const COLUMNS: usize = 3;

/// A fitted sum of kernels.
#[derive(Debug)]
struct Sum {
    times: Interpolation,
    overhead: Fit,
    correction: Correction,
    entries: BTreeMap<u64, f64>,
    /// Where the seen kernels of each kind lie.
    ranges: Vec<Option<Range>>,
}

fn row(times: &Interpolation, network: &KernelSet) -> [f64; COLUMNS] {
    let sum: f64 = network.kernels().iter().map(|kernel| times.time_ns(kernel)).sum();
    [1.0, network.kernels().len() as f64, sum]
}

fn fit_overhead(times: &Interpolation, samples: &[&NetworkSample]) -> Fit {
    let rows: Vec<[f64; COLUMNS]> = samples.iter().map(|sample| row(times, &sample.kernels)).collect();
    let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
    let rows = DMatrix::from_fn(samples.len(), COLUMNS, |i, j| rows[i][j]);
    let prior = DVector::from_vec(vec![0.0, 0.0, 1.0]);
    Problem { prior, ..Problem::relative(rows, targets, RIDGE) }.solve()
}

fn observation<'a>(times: &Interpolation, overhead: &Fit, sample: &'a NetworkSample) -> Observation<'a> {
    let total = overhead.predict(&row(times, &sample.kernels)).max(LEAST_NS);
    let kernels = sample.kernels.kernels().iter();
    let parts: Vec<(&Kernel, f64)> =
        kernels.map(|kernel| (kernel, kernel_ns(times, overhead, kernel) / total)).collect();
    Observation {
        overhead: overhead.coefficients()[0] / total,
        error: sample.median_ns() / total - 1.0,
        disturbance: sample.disturbance(),
        parts,
    }
}

/// A kernel's time with its share of the overhead, before the correction.
fn kernel_ns(times: &Interpolation, overhead: &Fit, kernel: &Kernel) -> f64 {
    overhead.predict(&[0.0, 1.0, times.time_ns(kernel)])
}

impl Predictor for KernelSum {
    fn name(&self) -> &'static str {
        if self.profiles { "kernel-sum" } else { "kernel-sum-unprofiled" }
    }

    fn applies(&self, samples: &[&NetworkSample]) -> bool {
        !self.profiles || samples.iter().any(|sample| sample.kernel_samples().next().is_some())
    }

    fn learns_from_alone(&self) -> bool {
        self.profiles
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        Box::new(self.sum(samples))
    }
}

impl KernelSum {
    fn sum(self, samples: &[&NetworkSample]) -> Sum {
        let profiles = Profiles::of(if self.profiles { samples } else { &[] });
        Sum::fit(CostModel::of(&profiles, samples), &profiles, samples)
    }
}

fn ranges(samples: &[&NetworkSample]) -> Vec<Option<Range>> {
    let kernels = || samples.iter().flat_map(|sample| sample.kernels.kernels());
    let of_kind = |kind: KernelKind| Range::of(kernels().filter(|kernel| kernel.kind == kind).map(Place::of));
    KernelKind::ALL.into_iter().map(of_kind).collect()
}

impl Sum {
    /// Fitted from a first estimate of any kernel. Kernels alone say nothing of what a network takes beside its kernels.
    fn fit(costs: CostModel, profiles: &Profiles<'_>, samples: &[&NetworkSample]) -> Self {
        let times = Interpolation::fit(costs, profiles);
        let networks = whole(samples);
        let overhead = fit_overhead(&times, &networks);
        let latest = &networks[networks.len().saturating_sub(MOST_NETWORKS)..];
        let observations: Vec<Observation<'_>> = latest.iter().map(|s| observation(&times, &overhead, s)).collect();
        let correction = Correction::fit(&observations);
        let mut sum = Self { times, overhead, correction, entries: BTreeMap::new(), ranges: ranges(samples) };
        for kernel in samples.iter().flat_map(|sample| sample.kernels.kernels()) {
            if !sum.entries.contains_key(&kernel.hash) {
                sum.entries.insert(kernel.hash, sum.inferred_ns(kernel));
            }
        }
        sum
    }

    /// What a kernel takes, above zero.
    fn positive_ns(&self, kernel: &Kernel) -> f64 {
        self.time_ns(kernel).max(LEAST_NS)
    }

    /// 0 for a seen kernel, 1 for one among the seen ones, more outside of them and for a kind never seen.
    fn novelty(&self, kernel: &Kernel) -> f64 {
        if self.entries.contains_key(&kernel.hash) {
            return 0.0;
        }
        let range = self.ranges[kernel.kind.index()].as_ref();
        1.0 + range.map_or(OF_UNKNOWN_KIND, |range| Place::of(kernel).excess(range))
    }

    fn inferred_ns(&self, kernel: &Kernel) -> f64 {
        let factor = (1.0 + self.correction.of(kernel)).max(0.1);
        kernel_ns(&self.times, &self.overhead, kernel) * factor
    }

    fn time_ns(&self, kernel: &Kernel) -> f64 {
        self.entries.get(&kernel.hash).copied().unwrap_or_else(|| self.inferred_ns(kernel))
    }

    fn intercept_ns(&self) -> f64 {
        self.overhead.coefficients()[0] * (1.0 + self.correction.of_overhead()).max(0.0)
    }
}

/// Doubt grows with the share of the time that is in kernels never seen, and with how far they are from those that were.
impl Additive for Sum {
    fn part(&self, kernel: &Kernel) -> Part {
        let time_ns = self.time_ns(kernel);
        Part { time_ns, doubt: self.novelty(kernel) * time_ns, kernels: 1.0 }
    }

    fn latency_of(&self, whole: &Part) -> f64 {
        (self.intercept_ns() + whole.time_ns).max(LEAST_NS)
    }

    fn doubt_of(&self, whole: &Part) -> f64 {
        1.0 + whole.doubt / self.latency_of(whole)
    }
}

impl Model for Sum {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        self.latency_of(&sum(self, network))
    }

    fn doubt(&self, network: &KernelSet) -> f64 {
        self.doubt_of(&sum(self, network))
    }

    fn additive(&self) -> Option<&dyn Additive> {
        Some(self)
    }

    fn kernel_ns(&self, network: &KernelSet) -> Option<Vec<f64>> {
        Some(network.kernels().iter().map(|kernel| self.time_ns(kernel)).collect())
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let (noise, factor) = self.correction.settings();
        let [_, each, scale] = self.overhead.coefficients() else { return Vec::new() };
        let own = [
            ("intercept_ns", self.intercept_ns()),
            ("ns_each_kernel", *each),
            ("factor_on_profiles", *scale),
            ("network_noise", noise),
            ("correction_factor", factor),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        own.into_iter().chain(self.times.costs().terms()).collect()
    }
}
