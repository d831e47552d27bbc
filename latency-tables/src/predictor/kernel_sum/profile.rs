//! What profiles say about single kernels, gathered over all networks in which they ran.

use std::collections::BTreeMap;

use crate::kernel::Kernel;
use crate::sample::NetworkSample;
use crate::statistics::median;

/// A kernel that was profiled in place, at least once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profiled<'a> {
    pub(super) kernel: &'a Kernel,
    /// Median over the networks, in nanoseconds.
    pub(super) time_ns: f64,
    /// How many times it was profiled.
    pub(super) times: usize,
}

/// Each profiled kernel once, by its hash. A network's profile is scaled to sum to its unprofiled median: profiling slows
/// all nodes, and a device that was slow during one profile was slow for all of its nodes.
pub(super) fn profiled<'a>(samples: &[&'a NetworkSample]) -> BTreeMap<u64, Profiled<'a>> {
    let mut times: BTreeMap<u64, (&Kernel, Vec<f64>)> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.profiled_ns() > 0.0) {
        let scale = sample.median_ns() / sample.profiled_ns();
        for one in sample.kernel_samples() {
            let (_, times) = times.entry(one.kernel.hash).or_insert((one.kernel, Vec::new()));
            times.push((one.time_ns * scale).max(super::LEAST_NS));
        }
    }
    let gathered = |(hash, (kernel, times)): (u64, (&'a Kernel, Vec<f64>))| {
        (hash, Profiled { kernel, time_ns: median(&times), times: times.len() })
    };
    times.into_iter().map(gathered).collect()
}
