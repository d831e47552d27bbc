//! What was measured: a network's latency, its per-operator profile and its memory, with where that came from.
//!
//! Samples are raw. Nothing here is fitted or predicted, and what the caller did not measure is absent rather than guessed.

use edgefit_graph::Graph;

use crate::fusion::FusionRule;
use crate::kernel::Kernel;
use crate::kernel_set::KernelSet;
use crate::matching::match_profile;
use crate::statistics::{median, quantile};

/// Undisturbed processes of one network differ by up to this share.
const UNDISTURBED: f64 = 0.05;

/// Where the samples of a table come from; one table has one provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The device's stable identity, as its agent states it.
    pub device: String,
    /// Name of the runtime; a fusion rule must be known for it.
    pub runtime: String,
    /// Version of the runtime.
    pub runtime_version: String,
    /// Threads that run one operator together.
    pub threads: u32,
    /// Version of the agent that measured.
    pub agent_version: String,
    /// Frequency governor of the cores, where the device states it.
    pub governor: Option<String>,
}

impl Provenance {
    /// In what samples of another provenance are not comparable, in words; `None` when they are. Agents and governors may differ.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let fields = [
            ("device", self.device.clone(), other.device.clone()),
            ("runtime", self.runtime.clone(), other.runtime.clone()),
            ("runtime version", self.runtime_version.clone(), other.runtime_version.clone()),
            ("threads", self.threads.to_string(), other.threads.to_string()),
        ];
        let different = fields.into_iter().find(|(_, mine, theirs)| mine != theirs);
        different.map(|(name, mine, theirs)| format!("{name}: {mine} and {theirs}"))
    }
}

/// Mean time of one node of the runtime's own profile.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeTime {
    /// The node's name after the runtime's rewriting.
    pub name: String,
    /// The operator that the runtime ran.
    pub op: String,
    /// Time of one inference spent in it, in nanoseconds.
    pub time_ns: f64,
}

/// What a device found out about one network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// Median latency of each fresh process, in nanoseconds; at least one.
    pub latency_ns: Vec<f64>,
    /// The runtime's own profile; may be empty.
    pub profile: Vec<NodeTime>,
    /// What loading and running the model adds to the resident memory of its process at the peak, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// When, in seconds since 1970, as the caller knows it.
    pub measured_at_unix_s: Option<i64>,
    /// Nanoseconds that a fixed piece of work took beside it, the same for every network: how fast the device was meanwhile.
    pub reference_ns: Option<f64>,
}

/// One network with what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSample {
    /// The caller's name of the network, such as its digest.
    pub id: String,
    /// Its kernels.
    pub kernels: KernelSet,
    /// Median latency of each fresh process, in nanoseconds.
    pub latency_ns: Vec<f64>,
    /// For each kernel, the profiled time of one inference; `None` where no profiled node matched.
    pub kernel_ns: Vec<Option<f64>>,
    /// Profiled nodes that no kernel explains.
    pub unmatched: Vec<NodeTime>,
    /// As [`Measured::peak_memory_bytes`].
    pub peak_memory_bytes: Option<u64>,
    /// When it was measured, in seconds since 1970.
    pub measured_at_unix_s: Option<i64>,
    /// As [`Measured::reference_ns`].
    pub reference_ns: Option<f64>,
}

/// The profiled time of one kernel inside one network.
#[derive(Debug, Clone, Copy)]
pub struct KernelSample<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Time of one inference spent in it, in nanoseconds.
    pub time_ns: f64,
}

impl NetworkSample {
    /// The sample of a network measured under a runtime with this fusion rule.
    pub fn new(id: impl Into<String>, graph: &Graph, rule: &dyn FusionRule, measured: Measured) -> Self {
        let kernels = KernelSet::of(graph, rule);
        let matched = match_profile(&kernels, measured.profile);
        Self {
            id: id.into(),
            kernels,
            latency_ns: measured.latency_ns,
            kernel_ns: matched.kernel_ns,
            unmatched: matched.unmatched,
            peak_memory_bytes: measured.peak_memory_bytes,
            measured_at_unix_s: measured.measured_at_unix_s,
            reference_ns: measured.reference_ns,
        }
    }

    /// Whether it is a kernel that was profiled alone, to know its kind, and no network of the kind that predictions are asked of.
    pub fn is_alone(&self) -> bool {
        self.kernels.kernels().len() == 1 && self.profiled_ns() > 0.0
    }

    /// The latency that predictors learn: the median over the fresh processes, in nanoseconds.
    pub fn median_ns(&self) -> f64 {
        median(&self.latency_ns)
    }

    /// How far the median lies above the lower quartile of the processes, relative to the median; 0 up to 5 %, by which
    /// undisturbed processes differ. Disturbances only slow a process down, so that a large value says that the median
    /// itself was disturbed.
    pub fn disturbance(&self) -> f64 {
        let excess = 1.0 - quantile(&self.latency_ns, 0.25) / self.median_ns();
        if excess > UNDISTURBED { excess } else { 0.0 }
    }

    /// The profiled kernels.
    pub fn kernel_samples(&self) -> impl Iterator<Item = KernelSample<'_>> {
        let pairs = self.kernels.kernels().iter().zip(&self.kernel_ns);
        pairs.filter_map(|(kernel, time)| Some(KernelSample { kernel, time_ns: (*time)? }))
    }

    /// Profiled time that no kernel explains, in nanoseconds of one inference.
    pub fn unmatched_ns(&self) -> f64 {
        self.unmatched.iter().map(|node| node.time_ns).sum()
    }

    /// All profiled time, in nanoseconds of one inference; 0 without a profile.
    pub fn profiled_ns(&self) -> f64 {
        self.unmatched_ns() + self.kernel_samples().map(|sample| sample.time_ns).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use crate::synthetic::Device;

    fn check_disturbance(latency_ns: &[f64], expected: f64) {
        let mut sample = Device::default().sample(0);
        sample.latency_ns = latency_ns.to_vec();
        assert!((sample.disturbance() - expected).abs() < 1e-12, "{latency_ns:?}: {}", sample.disturbance());
    }

    #[test]
    fn a_median_above_a_fast_process_is_disturbed_and_one_below_a_slow_process_is_not() {
        check_disturbance(&[100.0], 0.0);
        check_disturbance(&[100.0, 102.0, 104.0], 0.0);
        check_disturbance(&[100.0, 100.0, 160.0], 0.0);
        check_disturbance(&[100.0, 160.0, 160.0], 1.0 - 130.0 / 160.0);
    }
}
