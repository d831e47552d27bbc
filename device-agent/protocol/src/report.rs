//! What a job found out: raw samples and readings, no statistics.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{environment::Environment, runtime::RuntimeDescription, tensor::TensorInfo};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The runtime reads and optimizes the model.
    Loading,
    /// Runs before the measured ones.
    WarmingUp,
    /// The measured runs.
    Measuring,
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// The runtime that ran the model.
    pub runtime: RuntimeDescription,
    /// Cores that the process was allowed to use.
    pub cores: Vec<u32>,
    /// How long it took until the model could run.
    pub load: LoadTimes,
    /// Inputs of the model.
    pub inputs: Vec<TensorInfo>,
    /// Outputs of the model.
    pub outputs: Vec<TensorInfo>,
    /// The device before the pass.
    pub before: Environment,
    /// The device after the pass.
    pub after: Environment,
    /// What the pass found out.
    pub pass: PassReport,
}

/// Time from the start of loading until the model can run, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTimes {
    /// Loading and starting the runtime itself.
    pub runtime_ns: u64,
    /// Reading and translating the file; `None` where the runtime does both in one step.
    pub parse_ns: Option<u64>,
    /// Optimizing and planning; where the runtime does both in one step, all of it.
    pub optimize_ns: u64,
}

/// What a pass found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PassReport {
    /// See [`LatencyReport`].
    Latency(LatencyReport),
    /// See [`PerOperatorReport`].
    PerOperator(PerOperatorReport),
    /// See [`MemoryReport`].
    Memory(MemoryReport),
    /// The tensors were sent one by one.
    Outputs {
        /// Number of input samples that were run.
        samples: u64,
    },
    /// See [`EnergyReport`].
    Energy(EnergyReport),
}

/// Durations of whole runs, in nanoseconds of the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyReport {
    /// The very first run.
    pub first_inference_ns: u64,
    /// The runs of the warm-up after the first, in order; at most
    /// [`crate::limits::MAX_WARM_UP_SAMPLES`].
    pub warm_up_ns: Vec<u64>,
    /// The measured runs, in order; every `stride`-th one.
    pub samples_ns: Vec<u64>,
    /// 1 when every run is reported.
    pub stride: u64,
    /// Number of measured runs.
    pub runs: u64,
    /// Why measuring ended.
    pub stop: Stop,
    /// Durations of a fixed piece of work that knows nothing of the model, taken now and then between the runs; at most
    /// [`crate::limits::MAX_REFERENCE_READINGS`].
    pub reference_ns: Vec<u64>,
    /// How many runs were done before each of these readings.
    pub reference_at_runs: Vec<u64>,
}

/// Why measuring ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// Minimum number of runs and minimum time were reached.
    Minimum,
    /// The interval of the median was narrow enough.
    IntervalNarrow,
    /// The maximum number of runs or the maximum time was reached.
    Maximum,
}

/// Durations of the nodes that the runtime really ran, under profiling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerOperatorReport {
    /// Number of profiled runs.
    pub runs: u64,
    /// Mean duration of a profiled run, in nanoseconds; never to be taken as the latency.
    pub mean_run_ns: f64,
    /// The nodes, in the order in which they first ran; at most [`crate::limits::MAX_NODES`].
    pub nodes: Vec<NodeTime>,
}

/// One node of the optimized graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeTime {
    /// Its name after the runtime's rewriting; usually one of the model's, with a suffix.
    pub name: String,
    /// The operator that the runtime ran.
    pub op: String,
    /// Mean duration of one call over the faster half of the profiled runs, in nanoseconds.
    pub mean_ns: f64,
    /// Number of calls in one run.
    pub calls_per_run: f64,
    /// Shape of its first output, where the runtime states it.
    pub output_shape: Option<Vec<u64>>,
}

/// Resident memory of the job's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Before the model is loaded: the agent's process and the runtime itself.
    pub before_load: Resident,
    /// After the model is loaded.
    pub after_load: Resident,
    /// After the first run.
    pub after_first_run: Resident,
    /// After the model was dropped.
    pub retained: Resident,
    /// Highest resident memory from loading to the last run, in KiB.
    pub peak_kib: Option<u64>,
    /// How the peak was read.
    pub method: PeakMethod,
}

/// Resident memory at one moment, in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// All of it.
    pub total_kib: Option<u64>,
    /// What no file backs.
    pub anonymous_kib: Option<u64>,
    /// What a file backs: the program, libraries, mapped files.
    pub file_kib: Option<u64>,
}

/// How a peak of resident memory was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeakMethod {
    /// The kernel's mark was reset before loading (`clear_refs`), then read (`VmHWM`).
    ResetHighWaterMark,
    /// The kernel's mark since the start of the process (`VmHWM`).
    HighWaterMark,
    /// The system states none.
    Unavailable,
}

/// Energy of whole runs. It is gross: what the device draws when idle, and what everything else on it draws, is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EnergyReport {
    /// The device tells energy or power.
    Measured(Energy),
    /// It does not, or not now.
    Absent {
        /// Why, and what to do where something can be done.
        reason: String,
    },
}

/// Energy that was drawn while the measured runs went on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// The energy, in joules.
    pub joules: f64,
    /// Number of measured runs.
    pub runs: u64,
    /// From the start of the first to the end of the last of them, in nanoseconds.
    pub measured_ns: u64,
    /// Where the energy comes from.
    pub method: EnergyMethod,
    /// How power was sampled; `None` for a counter of energy, which needs none.
    pub sampling: Option<PowerSampling>,
}

/// Where an energy comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnergyMethod {
    /// The sum of the rails that a Raspberry Pi 5's power chip measures (`vcgencmd pmic_read_adc`). What hangs directly on the 5 V
    /// input, such as USB devices, and the chip's own losses are not in it.
    RaspberryPiPmic,
    /// Current times voltage of a battery that is not being charged: the whole device, with its screen.
    Battery,
    /// The processor's own counters (RAPL).
    Rapl {
        /// Their domains, such as `package-0` and `dram`.
        domains: Vec<String>,
    },
}

/// How power was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PowerSampling {
    /// Number of readings.
    pub readings: u64,
    /// Readings a second.
    pub rate_hz: f64,
}
