//! A job: one model, one runtime with its settings, one pass.

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    error::{ErrorKind, JobError},
    limits,
    message::Sha256,
    runtime::RuntimeName,
};

/// What one fresh process on the device is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The ONNX file; it has to be on the device.
    pub model: Sha256,
    /// The runtime.
    pub runtime: RuntimeName,
    /// How the runtime is set.
    pub settings: Settings,
    /// Shapes of inputs whose own is dynamic.
    pub shapes: Vec<InputShape>,
    /// What the inputs hold.
    pub inputs: Inputs,
    /// What to find out.
    pub pass: Pass,
    /// The process is ended after this time, in nanoseconds; at most [`limits::MAX_JOB_NS`].
    pub timeout_ns: u64,
    /// The process is ended where loading the model, or one run of it, takes longer than this, in nanoseconds; at most
    /// [`limits::MAX_JOB_NS`]. So a model that never ends is told from one whose many runs take long.
    pub step_timeout_ns: u64,
    /// Address space that the process may have, in bytes; `None` for what the device has free.
    pub memory_limit_bytes: Option<u64>,
}

impl Job {
    /// Compares the job with the limits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`], naming what is over which limit.
    pub fn check(&self) -> Result<(), JobError> {
        let bounds: [(&str, u64, u64); 5] = [
            ("threads", self.settings.threads.into(), limits::MAX_THREADS.into()),
            ("timeout_ns", self.timeout_ns, limits::MAX_JOB_NS),
            ("step_timeout_ns", self.step_timeout_ns, limits::MAX_JOB_NS),
            ("shapes", self.shapes.len() as u64, limits::MAX_TENSORS as u64),
            ("affinity", self.settings.affinity.named_cores().len() as u64, limits::MAX_CORES as u64),
        ];
        for (name, value, limit) in bounds {
            if value > limit {
                return Err(refused(name, value, limit));
            }
        }
        if self.settings.threads == 0 || self.timeout_ns == 0 || self.step_timeout_ns == 0 {
            let message = "threads, timeout_ns and step_timeout_ns have to be at least 1";
            return Err(JobError::new(ErrorKind::Request, message));
        }
        Ok(())
    }
}

fn refused(name: &str, value: u64, limit: u64) -> JobError {
    JobError::new(ErrorKind::Request, alloc::format!("{name} = {value} is over the limit of {limit}"))
}

/// How the runtime is set. Everything here is part of what a measurement is valid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Threads that run one operator together; at least 1, which means no thread pool.
    pub threads: u32,
    /// Cores that the process may use.
    pub affinity: Affinity,
    /// How far the runtime may rewrite the graph.
    pub optimization: Optimization,
    /// What only ONNX Runtime has.
    pub ort: OrtSettings,
}

impl Default for Settings {
    /// One thread, any core, fully optimized.
    fn default() -> Self {
        Self { threads: 1, affinity: Affinity::Any, optimization: Optimization::All, ort: OrtSettings::default() }
    }
}

/// Cores that a job's process may use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Affinity {
    /// Whatever the agent itself may use.
    Any,
    /// The fastest kind of core that the device has.
    Big,
    /// The slowest kind of core that the device has.
    Little,
    /// These cores, by number.
    Cores(Vec<u32>),
}

impl Affinity {
    /// The cores that are named one by one.
    pub fn named_cores(&self) -> &[u32] {
        match self {
            Self::Cores(cores) => cores,
            Self::Any | Self::Big | Self::Little => &[],
        }
    }
}

impl fmt::Display for Affinity {
    /// As users write it: `any`, `big`, `little`, or core numbers such as `0,2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Big => f.write_str("big"),
            Self::Little => f.write_str("little"),
            Self::Cores(cores) => {
                for (position, core) in cores.iter().enumerate() {
                    let separator = if position == 0 { "" } else { "," };
                    write!(f, "{separator}{core}")?;
                }
                Ok(())
            }
        }
    }
}

/// How far the runtime may rewrite the graph before it runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimization {
    /// As little as the runtime allows. tract: typed graph. ONNX Runtime: disabled.
    Disabled,
    /// Rewrites that hold on any device. tract: decluttered. ONNX Runtime: level 1.
    Basic,
    /// ONNX Runtime: level 2. tract has no such level and takes [`Optimization::All`].
    Extended,
    /// Everything. tract: optimized for this processor. ONNX Runtime: all.
    All,
}

/// Settings that only ONNX Runtime has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrtSettings {
    /// Path of the shared library on the device; without it ORT_DYLIB_PATH and the system's
    /// places are tried.
    pub library: Option<String>,
    /// Whether tensors come from the runtime's arena.
    pub arena: bool,
    /// Whether memory is planned from the first run.
    pub memory_pattern: bool,
    /// Whether idle threads of the pool spin.
    pub spinning: bool,
}

impl Default for OrtSettings {
    /// ONNX Runtime's own defaults.
    fn default() -> Self {
        Self { library: None, arena: true, memory_pattern: true, spinning: true }
    }
}

/// The shape of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputShape {
    /// Name of the input.
    pub input: String,
    /// The shape, outermost axis first.
    pub shape: Vec<u64>,
}

/// What the inputs of a run hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inputs {
    /// The same made-up values in every run: floats uniform in [-1, 1), integers and booleans
    /// 0 or 1.
    Seeded {
        /// Seed of the values.
        seed: u64,
    },
    /// The samples of a blob, one after the other. A sample is the contents of every input in
    /// the model's order, row-major and little-endian. Passes other than
    /// [`Pass::Outputs`] take the first sample only.
    Blob {
        /// The blob.
        sha256: Sha256,
    },
}

/// What a job finds out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pass {
    /// Durations of whole runs.
    Latency(Plan),
    /// Durations of the nodes that the runtime really runs.
    PerOperator(Plan),
    /// Resident memory around loading and running.
    Memory,
    /// The outputs for every input sample.
    Outputs,
    /// Energy of whole runs, where the device tells it.
    Energy(Plan),
}

/// When warm-up and measuring end. A run is never cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Warm-up takes at least this many runs.
    pub warm_up_runs: u64,
    /// Warm-up takes at least this long, in nanoseconds.
    pub warm_up_ns: u64,
    /// Measuring takes at least this many runs.
    pub min_runs: u64,
    /// Measuring takes at least this long, in nanoseconds.
    pub min_ns: u64,
    /// Measuring ends after this many runs.
    pub max_runs: u64,
    /// Measuring ends after this long, in nanoseconds, however many runs there were.
    pub max_ns: u64,
    /// Past both minima, measuring goes on until the 95 % interval of the median is narrower
    /// than this share of the median; `None` to stop at the minimum.
    pub interval_share: Option<f64>,
    /// Past all that, measuring goes on until it is met by undisturbed runs alone; `None` where that is not known or not asked for.
    pub undisturbed: Option<Undisturbed>,
}

/// When a run counts as undisturbed: when the readings of the reference work before and behind it were short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undisturbed {
    /// The longest that such a reading takes, in nanoseconds.
    pub reference_ns: u64,
    /// Measuring goes on for such runs for no longer than this in all, in nanoseconds.
    pub max_ns: u64,
}

impl Plan {
    /// At least 50 runs and 1 s, at most 150 s: TFLite benchmark_model's defaults.
    pub const QUICK: Self = Self {
        warm_up_runs: 3,
        warm_up_ns: 500_000_000,
        min_runs: 50,
        min_ns: 1_000_000_000,
        max_runs: u64::MAX,
        max_ns: 150_000_000_000,
        interval_share: None,
        undisturbed: None,
    };

    /// At least 1,024 runs and 60 s, as MLPerf Mobile's single stream asks for.
    pub const MLPERF: Self = Self { min_runs: 1024, min_ns: 60_000_000_000, max_ns: 600_000_000_000, ..Self::QUICK };

    /// Ten minutes, to see how much of the speed is kept.
    pub const SUSTAINED: Self = Self { min_runs: 1, min_ns: 600_000_000_000, max_ns: 660_000_000_000, ..Self::QUICK };

    /// Short, for the many small models of a search: 20 ms of warm-up, then 20 to 200 ms until
    /// the median's interval is narrower than 2 %.
    pub const SEARCH: Self = Self {
        warm_up_runs: 3,
        warm_up_ns: 20_000_000,
        min_runs: 20,
        min_ns: 20_000_000,
        max_runs: u64::MAX,
        max_ns: 200_000_000,
        interval_share: Some(0.02),
        undisturbed: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(change: impl FnOnce(&mut Job)) -> Result<(), ErrorKind> {
        let mut job = Job {
            model: [0; 32],
            runtime: RuntimeName::Tract,
            settings: Settings::default(),
            shapes: Vec::new(),
            inputs: Inputs::Seeded { seed: 0 },
            pass: Pass::Memory,
            timeout_ns: 1,
            step_timeout_ns: 1,
            memory_limit_bytes: None,
        };
        change(&mut job);
        job.check().map_err(|error| error.kind)
    }

    #[test]
    fn limits_are_inclusive_and_checked() {
        assert_eq!(job(|_| ()), Ok(()));
        assert_eq!(job(|j| j.timeout_ns = limits::MAX_JOB_NS), Ok(()));
        let refused = Err(ErrorKind::Request);
        assert_eq!(job(|j| j.timeout_ns = limits::MAX_JOB_NS + 1), refused);
        assert_eq!(job(|j| j.timeout_ns = 0), refused);
        assert_eq!(job(|j| j.step_timeout_ns = limits::MAX_JOB_NS + 1), refused);
        assert_eq!(job(|j| j.step_timeout_ns = 0), refused);
        assert_eq!(job(|j| j.settings.threads = 0), refused);
        assert_eq!(job(|j| j.settings.threads = 1_000_000), refused);
        let every_core = (0..=limits::MAX_CORES as u32).collect();
        assert_eq!(job(|j| j.settings.affinity = Affinity::Cores(every_core)), refused);
    }

    #[test]
    fn every_preset_ends() {
        for plan in [Plan::QUICK, Plan::MLPERF, Plan::SUSTAINED, Plan::SEARCH] {
            assert!(plan.min_ns <= plan.max_ns);
            assert!(plan.warm_up_ns + plan.max_ns < limits::MAX_JOB_NS);
        }
    }
}
