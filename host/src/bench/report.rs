//! The report as it is written: schema `edgefit-bench/1`.
//!
//! A reader may rely on every name here; fields may be added under the same schema, none is renamed or removed. What was
//! not measured is null, never 0.

use edgefit_protocol::error::JobError;
use serde::{Deserialize, Serialize};

use super::{energy::EnergyMetrics, series::MinuteRow};
use crate::device::{DeviceError, validity::Flag};
use crate::error::Error;

/// Name and version of the schema.
pub const SCHEMA: &str = "edgefit-bench/1";

/// One model on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The model.
    pub model: Option<ModelSection>,
    /// The device; null where it was never reached.
    pub device: Option<DeviceSection>,
    /// The runtime that ran the model.
    pub runtime: Option<RuntimeSection>,
    /// How it was measured.
    pub settings: SettingsSection,
    /// Statistics over the runs of all processes.
    pub latency_metrics: Option<LatencyMetrics>,
    /// Durations of the measured runs in order, one process after the other.
    pub all_inference_times_ns: Vec<u64>,
    /// Durations of the runs before the measured ones, one process after the other: the first run of each, then its warm-up.
    #[serde(default)]
    pub warm_up_times_ns: Vec<u64>,
    /// Memory of the process that loads and runs the model.
    pub memory_metrics: Option<MemoryMetrics>,
    /// Energy of whole runs, gross; null where it was not asked for or the device tells none.
    pub energy_metrics: Option<EnergyMetrics>,
    /// Why there is no energy, where it was asked for.
    pub energy_absent_reason: Option<String>,
    /// The nodes that the runtime ran, in order.
    pub execution_detail: Vec<OperatorRow>,
    /// The same by operator type, the costliest first.
    pub op_summary: Vec<TypeRow>,
    /// Minute by minute, for the sustained preset.
    pub minutes: Vec<MinuteRow>,
    /// The device before the first and after the last latency process.
    pub environment: Option<EnvironmentSection>,
    /// What a reader of the numbers has to know.
    pub validity: Validity,
    /// Why there are no numbers.
    pub error: Option<ErrorSection>,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSection {
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub size_bytes: u64,
    /// Version of the operator set.
    pub opset: Option<i64>,
    /// Number of weights, computed from the file.
    pub params: Option<u64>,
    /// Multiply-accumulates of one run, computed from the file.
    pub macs: Option<u64>,
    /// Inputs as they were run.
    pub inputs: Vec<TensorSection>,
    /// Outputs as they came.
    pub outputs: Vec<TensorSection>,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorSection {
    /// Its name.
    pub name: String,
    /// Its element type, such as `f32`.
    #[serde(rename = "type")]
    pub element: String,
    /// Its shape, outermost axis first.
    pub shape: Vec<u64>,
}

/// The device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceSection {
    /// Stable identity.
    pub id: String,
    /// URL that it was reached by.
    pub url: String,
    /// Chip or processor.
    pub soc: Option<String>,
    /// Board.
    pub board: Option<String>,
    /// Operating system and distribution.
    pub os: String,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Instruction set and C library.
    pub abi: String,
    /// The cores.
    pub cores: Vec<CoreSection>,
    /// Physical memory, in KiB.
    pub ram_kb: Option<u64>,
    /// Size of a page, in bytes.
    pub page_size: u64,
    /// What runs the agent in place of a processor: then times say nothing about a real one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator: Option<String>,
}

/// One core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreSection {
    /// Its number.
    pub index: u32,
    /// Its model.
    pub model: Option<String>,
    /// Its highest frequency.
    pub max_frequency_khz: Option<u64>,
    /// Its relative speed, 1024 for the fastest.
    pub capacity: Option<u32>,
}

/// The runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuntimeSection {
    /// `tract` or `ort`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its build, as it says itself.
    pub build: Option<String>,
    /// The file it was loaded from.
    pub library: Option<String>,
    /// Threads of one operator.
    pub num_threads: u32,
    /// Cores that it could use.
    pub cores: Vec<u32>,
    /// How far it could rewrite the graph.
    pub optimization: String,
    /// Whether idle threads spin; ONNX Runtime only.
    pub spinning: Option<bool>,
    /// Whether tensors come from an arena; ONNX Runtime only.
    pub arena: Option<bool>,
    /// Whether memory is planned from the first run; ONNX Runtime only.
    pub memory_pattern: Option<bool>,
    /// Version of the agent.
    pub agent_version: String,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsSection {
    /// Name of the preset.
    pub preset: String,
    /// Latency processes.
    pub processes: u32,
    /// Least number of runs of a process.
    pub min_runs: u64,
    /// Least time of a process.
    pub min_secs: f64,
    /// Greatest time of a process.
    pub max_secs: f64,
    /// Least number of runs of the warm-up.
    pub warm_up_runs: u64,
    /// Least time of the warm-up.
    pub warm_up_secs: f64,
    /// Share of the median that its interval had to become narrower than, where that was asked for.
    pub interval_share: Option<f64>,
    /// Longest time for loading the model, and for one run of it.
    #[serde(default)]
    pub timeout_secs: f64,
    /// Cores that were asked for: `any`, `big`, `little` or numbers.
    pub affinity: String,
    /// Seed of the inputs' values.
    pub seed: u64,
}

/// Statistics over the runs of all processes, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyMetrics {
    /// Number of measured runs.
    pub runs: u64,
    /// Arithmetic mean.
    pub avg_ms: f64,
    /// Least.
    pub min_ms: f64,
    /// Greatest.
    pub max_ms: f64,
    /// Sample standard deviation.
    pub stddev_ms: f64,
    /// Median: the latency, where no statistic is named.
    pub median_ms: f64,
    /// 5th percentile.
    pub p5_ms: f64,
    /// 25th percentile.
    pub p25_ms: f64,
    /// 75th percentile.
    pub p75_ms: f64,
    /// 90th percentile, which MLPerf Mobile reports.
    pub p90_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Median absolute deviation from the median.
    pub mad_ms: f64,
    /// Standard deviation over mean.
    pub cv: f64,
    /// 95 % interval of the median, over runs and processes.
    pub median_ci95_ms: [f64; 2],
    /// Runs below and above Tukey's fences.
    pub outliers: [usize; 2],
    /// Loading and optimizing the model, median of the processes; the runtime's own start is not in it.
    pub init_ms: f64,
    /// The part of that for reading and translating the file; null where the runtime does all in one step.
    #[serde(default)]
    pub load_ms: Option<f64>,
    /// The part of that for optimizing and planning; all of it where the runtime does all in one step.
    #[serde(default)]
    pub optimization_ms: f64,
    /// First run of a process, median of the processes.
    pub first_inference_ms: f64,
    /// Mean of the warm-up runs after the first.
    pub average_warm_up_ms: Option<f64>,
    /// Coefficient of variation of the processes' medians.
    pub between_process_cv: Option<f64>,
}

/// Resident memory of the process that loads and runs the model, in KiB: of several, the one whose peak is the middle one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryMetrics {
    /// Highest resident memory.
    pub peak_rss_kb: Option<u64>,
    /// Least and greatest peak of the processes.
    #[serde(default)]
    pub peak_rss_range_kb: Option<[u64; 2]>,
    /// Fresh processes that memory was measured in.
    #[serde(default)]
    pub processes: usize,
    /// Anonymous part after the first run.
    pub rss_anon_kb: Option<u64>,
    /// File-backed part after the first run.
    pub rss_file_kb: Option<u64>,
    /// Before the model is loaded: program and runtime.
    pub before_load_kb: Option<u64>,
    /// What loading added.
    pub init_footprint_kb: Option<u64>,
    /// After the first run.
    pub after_first_run_kb: Option<u64>,
    /// What stays over before loading after the model is dropped.
    pub retained_kb: Option<u64>,
    /// Computed from the model, for comparison.
    pub static_estimate: StaticEstimate,
    /// How the peak was read.
    pub method: String,
}

/// Memory that a model needs at least, computed from the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StaticEstimate {
    /// Its weights, in KiB.
    pub weights_kb: Option<f64>,
    /// Highest sum of live activations, in KiB.
    pub activations_peak_kb: Option<f64>,
}

/// One node, scaled so that all nodes sum to the unprofiled median.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// Position in the order of running.
    pub index: usize,
    /// Name of the node.
    pub name: String,
    /// Operator that the runtime ran.
    #[serde(rename = "type")]
    pub op: String,
    /// Time in one run.
    pub avg_ms: f64,
    /// Share of the sum, in percent.
    pub pct: f64,
    /// Share of this node and all before it, in percent.
    pub cdf_pct: f64,
    /// Calls in one run.
    pub times_called: f64,
}

/// All nodes of one operator type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeRow {
    /// Operator type.
    #[serde(rename = "type")]
    pub op: String,
    /// Number of nodes.
    pub count: usize,
    /// Time in one run.
    pub avg_ms: f64,
    /// Share of the sum, in percent.
    pub pct: f64,
}

/// The device before the first and after the last latency process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentSection {
    /// Before the first.
    pub before: edgefit_protocol::environment::Environment,
    /// After the last.
    pub after: edgefit_protocol::environment::Environment,
}

/// Whether the numbers can be taken as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// Whether there is no flag.
    pub ok: bool,
    /// What is wrong.
    pub flags: Vec<Flag>,
    /// What node times were multiplied by so that they sum to the unprofiled median.
    pub operator_scale: Option<f64>,
}

/// Why there are no numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSection {
    /// What to branch on.
    pub kind: String,
    /// What happened and what to do.
    pub message: String,
    /// The signal that ended the job's process.
    pub signal: Option<i32>,
    /// The node of the model.
    pub node: Option<String>,
}

impl From<&JobError> for ErrorSection {
    fn from(error: &JobError) -> Self {
        Self {
            kind: error.kind.name().to_owned(),
            message: error.message.clone(),
            signal: error.signal,
            node: error.node.clone(),
        }
    }
}

impl From<&DeviceError> for ErrorSection {
    /// What the device told, in its own words; else what happened to the connection.
    fn from(error: &DeviceError) -> Self {
        match error {
            DeviceError::Refused { cause, .. } | DeviceError::Job { cause, .. } => cause.into(),
            DeviceError::Unreachable { .. } | DeviceError::Handshake { .. } | DeviceError::Lost { .. } => {
                Self { kind: "device".to_owned(), message: error.to_string(), signal: None, node: None }
            }
        }
    }
}

impl From<&Error> for ErrorSection {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind.name().to_owned(), message: error.message.clone(), signal: None, node: None }
    }
}
