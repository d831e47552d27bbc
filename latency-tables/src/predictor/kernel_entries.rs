//! A time for each kernel that occurs often, from whole networks: what the kernel's kind would cost is corrected kernel by kernel.
//!
//! It suits spaces that are built of few kernels, such as cells, and devices without profiles. First the whole-network model
//! says what each kernel costs as one of its kind; then each frequent kernel gets a non-negative time of its own, drawn to that
//! by a ridge which counts as much as a tenth of one network (a prior in the sense of Bayesian linear regression), so that few
//! networks change little and many decide. Residuals count linearly beyond 1.345 robust deviations (Huber 1964), which bears
//! devices of which a large part of the measurements is disturbed.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use super::whole_network::Sums;
use super::{Additive, LEAST_NS, Model, Part, Predictor, sum};
use crate::kernel::Kernel;
use crate::kernel_set::KernelSet;
use crate::linear::Problem;
use crate::sample::NetworkSample;

/// Own times of frequent kernels.
#[derive(Debug, Clone, Copy)]
pub struct KernelEntries;

/// Most kernels that get a time of their own: those in the most networks.
const MOST_ENTRIES: usize = 48;
/// How many networks the prior counts as.
const PRIOR_NETWORKS: f64 = 0.1;
/// Novelty of a kernel of a kind that no network had, against that of any other kernel without an entry.
const OF_UNKNOWN_KIND: f64 = 10.0;
/// Huber's constant for 95 % efficiency on normal noise.
const HUBER_BOUND: f64 = 1.345;

/// A kernel with a time of its own.
#[derive(Debug)]
struct Entry {
    key: String,
    time_ns: f64,
}

#[derive(Debug)]
struct Entries {
    by_kind: Sums,
    intercept_ns: f64,
    /// By the kernels' hashes.
    entries: BTreeMap<u64, Entry>,
}

/// The most frequent kernels: by networks that have them, then by hash.
fn frequent<'a>(samples: &[&'a NetworkSample]) -> Vec<&'a Kernel> {
    let mut networks: BTreeMap<u64, (usize, &Kernel)> = BTreeMap::new();
    for sample in samples {
        let own: BTreeMap<u64, &Kernel> = sample.kernels.kernels().iter().map(|kernel| (kernel.hash, kernel)).collect();
        own.into_iter().for_each(|(hash, kernel)| networks.entry(hash).or_insert((0, kernel)).0 += 1);
    }
    let mut sorted: Vec<(usize, &Kernel)> = networks.into_values().collect();
    sorted.sort_by_key(|(count, kernel)| (std::cmp::Reverse(*count), kernel.hash));
    sorted.into_iter().take(MOST_ENTRIES).map(|(_, kernel)| kernel).collect()
}

impl Predictor for KernelEntries {
    fn name(&self) -> &'static str {
        "kernel-entries"
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let by_kind = Sums::fit(samples);
        let frequent = frequent(samples);
        let column: BTreeMap<u64, usize> = frequent.iter().map(|kernel| kernel.hash).zip(1..).collect();
        let mut rows = DMatrix::zeros(samples.len(), 1 + frequent.len());
        let mut targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
        let scales = targets.clone();
        for (i, sample) in samples.iter().enumerate() {
            rows[(i, 0)] = 1.0;
            for kernel in sample.kernels.kernels() {
                match column.get(&kernel.hash) {
                    Some(&column) => rows[(i, column)] += 1.0,
                    None => targets[i] -= by_kind.kernel_ns(kernel),
                }
            }
        }
        let prior = [by_kind.intercept_ns()].into_iter().chain(frequent.iter().map(|kernel| by_kind.kernel_ns(kernel)));
        let prior = DVector::from_iterator(1 + frequent.len(), prior);
        let ridge = PRIOR_NETWORKS / samples.len() as f64;
        let usual = Problem::relative(rows, targets, ridge);
        let fit = Problem { scales, prior, huber_bound: Some(HUBER_BOUND), ..usual }.solve();
        let times = fit.coefficients()[1..].iter().copied();
        let entry = |(kernel, time_ns): (&Kernel, f64)| (kernel.hash, Entry { key: kernel.key.to_string(), time_ns });
        let entries = frequent.into_iter().zip(times).map(entry).collect();
        Box::new(Entries { by_kind, intercept_ns: fit.coefficients()[0], entries })
    }
}

impl Entries {
    fn time_ns(&self, kernel: &Kernel) -> f64 {
        self.entries.get(&kernel.hash).map_or_else(|| self.by_kind.kernel_ns(kernel), |entry| entry.time_ns)
    }
}

/// Doubt grows with the share of kernels without an entry, tenfold where even their kind is unknown.
impl Additive for Entries {
    fn part(&self, kernel: &Kernel) -> Part {
        let doubt = match self.entries.contains_key(&kernel.hash) {
            true => 0.0,
            false if self.by_kind.knows(kernel.kind) => 1.0,
            false => OF_UNKNOWN_KIND,
        };
        Part { time_ns: self.time_ns(kernel), doubt, kernels: 1.0 }
    }

    fn latency_of(&self, whole: &Part) -> f64 {
        (self.intercept_ns + whole.time_ns).max(LEAST_NS)
    }

    fn doubt_of(&self, whole: &Part) -> f64 {
        1.0 + whole.doubt / whole.kernels.max(1.0)
    }
}

impl Model for Entries {
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
        let entries = self.entries.values().map(|entry| (entry.key.clone(), entry.time_ns));
        [("intercept_ns".to_owned(), self.intercept_ns)].into_iter().chain(entries).collect()
    }
}
