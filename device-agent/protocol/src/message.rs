//! Every request of a host and every reply of an agent: the contract on one page.
//!
//! After the [handshake](crate::handshake) the host sends one request at a time and reads replies
//! until the one that ends it:
//!
//! | request | replies, in order |
//! | --- | --- |
//! | [`Request::HasBlob`] | [`Reply::Blob`] |
//! | [`Request::PutBlob`] | [`Reply::Blob`] or [`Reply::Failed`] |
//! | [`Request::State`] | [`Reply::State`] |
//! | [`Request::Probe`] | [`Reply::Runtime`] or [`Reply::Failed`] |
//! | [`Request::Run`] | any number of [`Reply::Progress`] and [`Reply::Output`], then [`Reply::Done`] or [`Reply::Failed`] |
//! | [`Request::Cancel`] | none of its own: a job under way ends with [`Reply::Failed`] |
//! | [`Request::Shutdown`] | none: the agent ends the connection |

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    environment::DeviceState,
    error::JobError,
    job::Job,
    report::{JobReport, Phase},
    runtime::{RuntimeDescription, RuntimeName},
    tensor::TensorData,
};

/// SHA-256 of a blob: its name.
pub type Sha256 = [u8; 32];

/// What a host asks of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// How much of this blob is there?
    HasBlob {
        /// The blob.
        sha256: Sha256,
    },
    /// Here is a piece of a blob. Pieces come in order; one at offset 0 starts anew, one at the offset that [`Reply::Blob`] tells goes on,
    /// also over a later connection.
    PutBlob {
        /// The blob.
        sha256: Sha256,
        /// Length of the whole blob, in bytes; at most [`crate::limits::MAX_BLOB_BYTES`].
        total_bytes: u64,
        /// Where the piece starts, in bytes.
        offset: u64,
        /// The piece; at most [`crate::limits::MAX_CHUNK_BYTES`].
        chunk: Vec<u8>,
    },
    /// How is the device?
    State,
    /// Is this runtime usable, and which version is it?
    Probe {
        /// The runtime.
        runtime: RuntimeName,
        /// Path of its shared library on the device, where it has one.
        library: Option<String>,
    },
    /// Run this job in a fresh process; or, where the host asked under this number before and did not hear the answer, give that.
    Run {
        /// Number of the question within its host's session: the same when a job is asked again over a new connection.
        ticket: u64,
        /// The job.
        job: Box<Job>,
    },
    /// Stop the job under way.
    Cancel,
    /// End the connection.
    Shutdown,
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// How much of a blob is there.
    Blob {
        /// Bytes that are stored, from the start.
        stored_bytes: u64,
        /// Whether it is whole and its hash was checked.
        complete: bool,
        /// Its file, once it is whole.
        path: Option<String>,
    },
    /// How the device is.
    State(Box<DeviceState>),
    /// A usable runtime.
    Runtime(RuntimeDescription),
    /// A job went on to its next phase, or is still in it after another run; nothing is said of most runs.
    Progress(Phase),
    /// One output tensor of an outputs pass.
    Output {
        /// Index of the input sample.
        sample: u64,
        /// Index of the output in the model.
        output: u32,
        /// The tensor.
        tensor: TensorData,
    },
    /// A job is done.
    Done(Box<JobReport>),
    /// The request failed; the agent is ready for the next one.
    Failed(JobError),
}
