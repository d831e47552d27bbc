//! How a failed request looks on the wire: a kind to branch on, and a message for people.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The request is not valid: a limit is exceeded or values contradict each other.
    Request,
    /// The two sides speak different protocol versions.
    Version,
    /// The token is missing or wrong.
    Unauthorized,
    /// The agent is serving another host.
    Busy,
    /// A blob that the job names is not on the device.
    MissingBlob,
    /// A blob does not have the hash that it is named by.
    CorruptBlob,
    /// The device has no room for a blob.
    Storage,
    /// The runtime, or the library that it needs, is not there.
    RuntimeMissing,
    /// The runtime's library is older than what the agent needs.
    RuntimeTooOld,
    /// The runtime's library is known not to work on this device.
    RuntimeKnownBad,
    /// The model cannot be read: not ONNX, truncated, or its data is in another file.
    ModelUnreadable,
    /// The model has an operator, a type or an attribute that the runtime does not support.
    Unsupported,
    /// An input has a dynamic axis and the job gives no shape for it.
    DynamicShape,
    /// A given input or shape does not fit the model.
    WrongShape,
    /// The runtime reported an error while it ran the model.
    RunFailed,
    /// The job's process ended with a signal or an exit code instead of a report.
    Crashed,
    /// The job needed more memory than it may have.
    OutOfMemory,
    /// The job took longer than it may.
    Timeout,
    /// The host canceled the job.
    Canceled,
    /// The device refused something the job needs, such as a core that does not exist.
    Device,
    /// The agent broke one of its own rules.
    Internal,
}

impl ErrorKind {
    /// The kind as it is written in JSON and shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Version => "version",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::MissingBlob => "missing-blob",
            Self::CorruptBlob => "corrupt-blob",
            Self::Storage => "storage",
            Self::RuntimeMissing => "runtime-missing",
            Self::RuntimeTooOld => "runtime-too-old",
            Self::RuntimeKnownBad => "runtime-known-bad",
            Self::ModelUnreadable => "model-unreadable",
            Self::Unsupported => "unsupported",
            Self::DynamicShape => "dynamic-shape",
            Self::WrongShape => "wrong-shape",
            Self::RunFailed => "run-failed",
            Self::Crashed => "crashed",
            Self::OutOfMemory => "out-of-memory",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Device => "device",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// What to branch on.
    pub kind: ErrorKind,
    /// What happened and what to do, for people.
    pub message: String,
    /// The signal that ended the job's process.
    pub signal: Option<i32>,
    /// The node of the model, where the runtime names one.
    pub node: Option<String>,
}

impl JobError {
    /// An error without a signal and a node. A message over
    /// [`limits::MAX_MESSAGE_BYTES`] is cut.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(limits::MAX_MESSAGE_BYTES));
        Self { kind, message, signal: None, node: None }
    }

    /// The same error, naming a node of the model.
    pub fn at_node(self, node: Option<String>) -> Self {
        Self { node, ..self }
    }

    /// The same error, naming the signal that ended the process.
    pub fn with_signal(self, signal: Option<i32>) -> Self {
        Self { signal, ..self }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(node) = &self.node {
            write!(f, " (node {node})")?;
        }
        if let Some(signal) = self.signal {
            write!(f, " (signal {signal})")?;
        }
        Ok(())
    }
}

impl core::error::Error for JobError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = "ä".repeat(limits::MAX_MESSAGE_BYTES);
        let error = JobError::new(ErrorKind::RunFailed, long);
        assert_eq!(error.message.len(), limits::MAX_MESSAGE_BYTES);
    }
}
