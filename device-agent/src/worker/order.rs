//! What the agent tells a job's process. Both are the same executable, so that this has no
//! version of its own.

use std::path::PathBuf;

use edgefit_protocol::{job::Job, runtime::RuntimeName};
use serde::{Deserialize, Serialize};

/// The first and only message to a job's process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Process id of the agent; the job ends when its parent is another.
    pub agent_pid: i32,
    /// Address space that the process may have, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Longest time without a word of a run that ended, in nanoseconds.
    pub word_ns: u64,
    /// What to do.
    pub work: Work,
}

/// What a job's process does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Find out whether a runtime is usable.
    Probe {
        /// The runtime.
        runtime: RuntimeName,
        /// Path of its library.
        library: Option<String>,
    },
    /// Run a job.
    Run {
        /// The job.
        job: Box<Job>,
        /// The ONNX file.
        model: PathBuf,
        /// The blob of input samples.
        samples: Option<PathBuf>,
    },
}
