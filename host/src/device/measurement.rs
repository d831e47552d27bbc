//! What was measured: raw samples, and everything that they are valid for.

use edgefit_protocol::{
    environment::Environment,
    job::{InputShape, Settings},
    report::{EnergyReport, JobReport, LoadTimes, MemoryReport, NodeTime, PassReport, PerOperatorReport, Stop},
    runtime::RuntimeDescription,
    tensor::TensorInfo,
};
use serde::{Deserialize, Serialize};

use super::pace::Pace;
use super::statistics::{Summary, median};

/// One model on one device, as measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// Inputs of the model.
    pub inputs: Vec<TensorInfo>,
    /// Outputs of the model.
    pub outputs: Vec<TensorInfo>,
    /// The latency passes, one for each fresh process; at least one.
    pub latency: Vec<LatencyRun>,
    /// How many times as long as it can be the fixed work of the process took that was disturbed least, where that was not undisturbed:
    /// the device was slower, and so is the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<f64>,
    /// Passes that do not count, since the device itself was slower meanwhile and there are others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<LatencyRun>,
    /// The per-operator pass, if asked for.
    pub operators: Option<OperatorProfile>,
    /// The memory passes, if asked for.
    pub memory: Option<MemoryReading>,
    /// The energy pass, if asked for; it may say why there is no energy.
    pub energy: Option<EnergyReport>,
}

/// Where a measurement comes from: it says nothing about any other device, runtime or settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Identity of the device.
    pub device_id: String,
    /// URL that it was reached by.
    pub device_url: String,
    /// The runtime, its version and build.
    pub runtime: RuntimeDescription,
    /// The runtime's settings.
    pub settings: Settings,
    /// Shapes that were given for dynamic inputs.
    pub shapes: Vec<InputShape>,
    /// Cores that the runtime could use.
    pub cores: Vec<u32>,
    /// Version of the agent.
    pub agent_version: String,
    /// SHA-256 of the ONNX file, in hexadecimal.
    pub model_sha256: String,
    /// Size of the ONNX file, in bytes.
    pub model_bytes: u64,
    /// Seed of the inputs' values.
    pub seed: u64,
    /// What ran the agent in place of a processor: then times say nothing about a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator: Option<String>,
}

/// One latency pass, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyRun {
    /// Measured runs in order, every `stride`-th one; where the device was slower at times and that matters, the undisturbed ones.
    pub samples_ns: Vec<u64>,
    /// Measured runs that do not count, since the device itself was slower meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed_ns: Vec<u64>,
    /// 1 when every run is there.
    pub stride: u64,
    /// Number of measured runs.
    pub runs: u64,
    /// Why measuring ended.
    pub stop: Stop,
    /// The first run of the process.
    pub first_inference_ns: u64,
    /// The runs of the warm-up after the first.
    pub warm_up_ns: Vec<u64>,
    /// Durations of a fixed piece of work between the runs, which knows nothing of the model.
    #[serde(default)]
    pub reference_ns: Vec<u64>,
    /// How many runs were done before each of these.
    #[serde(default)]
    pub reference_at_runs: Vec<u64>,
    /// Loading the model.
    pub load: LoadTimes,
    /// The device before.
    pub before: Environment,
    /// The device after.
    pub after: Environment,
}

/// The per-operator pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorProfile {
    /// Number of profiled runs.
    pub runs: u64,
    /// Mean of a profiled run, in nanoseconds; not the latency.
    pub mean_run_ns: f64,
    /// The nodes that the runtime ran, in order.
    pub nodes: Vec<NodeTime>,
}

impl OperatorProfile {
    /// Sum of the nodes over one run, in nanoseconds, as profiled.
    pub fn total_ns(&self) -> f64 {
        self.nodes.iter().map(|node| node.mean_ns * node.calls_per_run).sum()
    }

    /// What node times are multiplied by so that they sum to the unprofiled median; 1 when there
    /// are none.
    pub fn scale(&self, median_ns: f64) -> f64 {
        match self.total_ns() {
            total_ns if total_ns > 0.0 => median_ns / total_ns,
            _ => 1.0,
        }
    }
}

/// The memory passes. A runtime may need more memory in one process than in another: tract prepares a model in an order that differs
/// between them, and what that leaves of holes between allocations differs too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryReading {
    /// The readings of the process whose peak is the middle one; of an even number, the lower of the two.
    pub report: MemoryReport,
    /// Those of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<MemoryReport>,
}

impl MemoryReading {
    /// The reading of some processes; `None` without any.
    pub fn of(mut processes: Vec<MemoryReport>) -> Option<Self> {
        processes.sort_by_key(|report| report.peak_kib);
        let middle = processes.len().checked_sub(1)? / 2;
        Some(Self { report: processes.remove(middle), others: processes })
    }

    /// This and further processes.
    pub(super) fn with(self, further: Self) -> Option<Self> {
        let [all, others] = [self, further].map(|reading| [vec![reading.report], reading.others].concat());
        Self::of([all, others].concat())
    }

    /// Number of processes.
    pub fn processes(&self) -> usize {
        1 + self.others.len()
    }

    /// The least and the greatest peak of the processes, in KiB.
    pub fn peak_range_kib(&self) -> Option<[u64; 2]> {
        let peaks = || self.others.iter().chain([&self.report]).filter_map(|report| report.peak_kib);
        Some([peaks().min()?, peaks().max()?])
    }

    /// Highest resident memory of the process that loads and runs the model, in KiB; the middle one of several processes.
    pub fn peak_kib(&self) -> Option<u64> {
        self.report.peak_kib
    }

    /// What the model adds to the process: the peak over what was resident before loading, in KiB.
    pub fn model_peak_kib(&self) -> Option<u64> {
        let before_kib = self.report.before_load.total_kib?;
        Some(self.report.peak_kib?.saturating_sub(before_kib))
    }
}

impl Measurement {
    /// Median over the samples of all processes, in nanoseconds.
    pub fn median_ns(&self) -> f64 {
        median(&self.all_samples_ns()).expect("a measurement has at least one sample")
    }

    /// Every statistic of the samples of all processes.
    pub fn summary(&self) -> Summary {
        let runs: Vec<&[u64]> = self.latency.iter().map(|run| run.samples_ns.as_slice()).collect();
        Summary::of(&runs).expect("a measurement has at least one sample")
    }

    /// The fixed work beside the runs, as the process took for it that was disturbed least: median, in nanoseconds. None of an emulated
    /// device, whose pace says as little as its times.
    pub fn reference_ns(&self) -> Option<f64> {
        if self.provenance.emulator.is_some() {
            return None;
        }
        self.latency.iter().filter_map(|run| median(&run.reference_ns)).min_by(f64::total_cmp)
    }

    /// Share of the measured runs that do not count, since the device was slower meanwhile while others of their process were not.
    pub fn disturbed_share(&self) -> f64 {
        let count = |of: fn(&LatencyRun) -> usize| self.latency.iter().map(of).sum::<usize>() as f64;
        let (disturbed, kept) = (count(|run| run.disturbed_ns.len()), count(|run| run.samples_ns.len()));
        disturbed / (disturbed + kept).max(1.0)
    }

    /// The samples of all processes, one process after the other, in nanoseconds.
    pub fn all_samples_ns(&self) -> Vec<u64> {
        self.latency.iter().flat_map(|run| &run.samples_ns).copied().collect()
    }

    /// Node times in nanoseconds a run, scaled so that they sum to the unprofiled median, with
    /// their nodes.
    pub fn scaled_nodes(&self) -> Vec<(&NodeTime, f64)> {
        let Some(profile) = &self.operators else {
            return Vec::new();
        };
        let scale = profile.scale(self.median_ns());
        profile.nodes.iter().map(|node| (node, node.mean_ns * node.calls_per_run * scale)).collect()
    }
}

/// Gathers the reports of the passes of one measurement.
#[derive(Default)]
pub(super) struct Gathered {
    latency: Vec<LatencyRun>,
    aside: Vec<LatencyRun>,
    slowdown: Option<f64>,
    operators: Option<OperatorProfile>,
    memory: Vec<MemoryReport>,
    energy: Option<EnergyReport>,
    ran: Option<Ran>,
}

/// What ran, the same in every pass.
struct Ran {
    runtime: RuntimeDescription,
    cores: Vec<u32>,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
}

impl Gathered {
    pub(super) fn add(&mut self, report: JobReport) {
        let JobReport { runtime, cores, load, inputs, outputs, before, after, pass } = report;
        match pass {
            PassReport::Latency(latency) => self.latency.push(LatencyRun {
                samples_ns: latency.samples_ns,
                disturbed_ns: Vec::new(),
                stride: latency.stride,
                runs: latency.runs,
                stop: latency.stop,
                first_inference_ns: latency.first_inference_ns,
                warm_up_ns: latency.warm_up_ns,
                reference_ns: latency.reference_ns,
                reference_at_runs: latency.reference_at_runs,
                load,
                before,
                after,
            }),
            PassReport::PerOperator(PerOperatorReport { runs, mean_run_ns, nodes }) => {
                self.operators = Some(OperatorProfile { runs, mean_run_ns, nodes });
            }
            PassReport::Memory(report) => self.memory.push(report),
            PassReport::Energy(report) => self.energy = Some(report),
            PassReport::Outputs { .. } => {}
        }
        self.ran = Some(Ran { runtime, cores, inputs, outputs });
    }

    /// The latency passes so far.
    pub(super) fn latency(&self) -> &[LatencyRun] {
        &self.latency
    }

    /// Sets passes aside that do not count, and of the others the runs that do not; where no pass is left then, all stay as they are,
    /// and the measurement says so.
    pub(super) fn judge(&mut self, pace: &Pace) {
        let is_disturbed = |run: &LatencyRun| pace.is_disturbed(run);
        if self.latency.iter().all(is_disturbed) {
            self.slowdown = self.latency.iter().filter_map(|run| pace.slowdown(run)).min_by(f64::total_cmp);
            return;
        }
        let (aside, kept) = std::mem::take(&mut self.latency).into_iter().partition(is_disturbed);
        self.aside = aside;
        self.latency = Vec::into_iter(kept).map(|run| pace.undisturbed(run)).collect();
    }

    /// The measurement; `None` when a latency pass brought no sample.
    pub(super) fn finish(
        self,
        provenance: impl FnOnce(RuntimeDescription, Vec<u32>) -> Provenance,
    ) -> Option<Measurement> {
        let Ran { runtime, cores, inputs, outputs } = self.ran?;
        let measured = self.latency.iter().any(|run| !run.samples_ns.is_empty());
        measured.then(|| Measurement {
            provenance: provenance(runtime, cores),
            inputs,
            outputs,
            latency: self.latency,
            slowdown: self.slowdown,
            set_aside: self.aside,
            operators: self.operators,
            memory: MemoryReading::of(self.memory),
            energy: self.energy,
        })
    }
}

#[cfg(test)]
mod tests {
    use edgefit_protocol::report::{MemoryReport, PeakMethod, Resident};

    use super::MemoryReading;

    fn report(peak_kib: u64) -> MemoryReport {
        MemoryReport {
            before_load: Resident::default(),
            after_load: Resident::default(),
            after_first_run: Resident::default(),
            retained: Resident::default(),
            peak_kib: Some(peak_kib),
            method: PeakMethod::ResetHighWaterMark,
        }
    }

    #[test]
    fn of_several_processes_the_middle_peak_counts() {
        let first = MemoryReading::of(vec![report(131), report(117)]).unwrap();
        assert_eq!(first.peak_kib(), Some(117));
        let all = first.with(MemoryReading::of(vec![report(130)]).unwrap()).unwrap();
        assert_eq!((all.peak_kib(), all.peak_range_kib(), all.processes()), (Some(130), Some([117, 131]), 3));
        assert_eq!(MemoryReading::of(Vec::new()), None);
    }
}
