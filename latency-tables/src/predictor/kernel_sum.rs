//! A network takes the sum of what its kernels take, corrected by what whole networks show.
//!
//! From the profiles: an exact entry for each kernel seen and, for those not seen, a non-negative model of each kind
//! ([`super::kernel_times`]). From the whole networks: a factor on the sum, nanoseconds a kernel and an intercept, which are
//! the runtime's overhead and what profiling itself adds.

use nalgebra::{DMatrix, DVector};

use super::kernel_times::KernelTimes;
use super::{LEAST_NS, Model, Predictor};
use crate::kernel::Kernel;
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;

/// Exact entries, per-kind models, whole-network correction.
#[derive(Debug, Clone, Copy)]
pub struct KernelSum;

/// Draws the correction to "the sum itself".
const RIDGE: f64 = 1e-4;

#[derive(Debug)]
struct Corrected {
    times: KernelTimes,
    correction: Fit,
}

/// Columns of the correction: intercept, number of kernels, sum of their times, MACs and bytes. The last two carry it where
/// there are no profiles.
const COLUMNS: usize = 5;

fn row(times: &KernelTimes, network: &KernelSet) -> [f64; COLUMNS] {
    let mut row = [1.0, 0.0, 0.0, 0.0, 0.0];
    for kernel in network.kernels() {
        row.iter_mut().skip(1).zip(terms(times, kernel)).for_each(|(sum, term)| *sum += term);
    }
    row
}

fn terms(times: &KernelTimes, kernel: &Kernel) -> [f64; COLUMNS - 1] {
    [1.0, times.of(kernel).ns, kernel.features.macs, kernel.features.bytes()]
}

impl Predictor for KernelSum {
    fn name(&self) -> &'static str {
        "kernel-sum"
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let times = KernelTimes::fit(samples);
        let rows: Vec<[f64; COLUMNS]> = samples.iter().map(|sample| row(&times, &sample.kernels)).collect();
        let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
        let problem = Problem {
            prior: DVector::from_vec(vec![0.0, 0.0, 1.0, 0.0, 0.0]),
            ..Problem::relative(DMatrix::from_fn(samples.len(), COLUMNS, |i, j| rows[i][j]), targets, RIDGE)
        };
        Box::new(Corrected { times, correction: problem.solve() })
    }
}

impl Model for Corrected {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        self.correction.predict(&row(&self.times, network)).max(LEAST_NS)
    }

    /// Grows with the share of the time that is in kernels never seen.
    fn doubt(&self, network: &KernelSet) -> f64 {
        let times: Vec<_> = network.kernels().iter().map(|kernel| self.times.of(kernel)).collect();
        let unseen: f64 = times.iter().filter(|time| !time.seen).map(|time| time.ns).sum();
        1.0 + unseen / times.iter().map(|time| time.ns).sum::<f64>().max(LEAST_NS)
    }

    fn kernel_ns(&self, network: &KernelSet) -> Option<Vec<f64>> {
        let coefficients = &self.correction.coefficients()[1..];
        let time = |kernel| -> f64 { terms(&self.times, kernel).iter().zip(coefficients).map(|(t, c)| t * c).sum() };
        Some(network.kernels().iter().map(time).collect())
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let names = ["intercept_ns", "ns_each_kernel", "factor", "ns_per_mac", "ns_per_byte"].map(str::to_owned);
        names.into_iter().zip(self.correction.coefficients().iter().copied()).chain(self.times.terms()).collect()
    }
}
