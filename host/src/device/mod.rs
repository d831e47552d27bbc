//! Devices: measuring models where they will run.
//!
//! A [`Device`] is one agent at the other end of a [transport]. It uploads a model once,
//! has the agent run the passes of a [`MeasureRequest`] in fresh processes, and returns a
//! [`Measurement`]: raw samples with everything they are valid for. [`statistics`] turns samples
//! into numbers, [`validity`] says what is wrong with them. Several models are measured side by side in a [`Batch`], watched by
//! a [canary].
//!
//! Nothing here knows about searches or tables, and nothing here predicts.

mod batch;
pub mod canary;
mod client;
mod error;
mod handle;
mod measurement;
mod named;
mod outputs;
mod request;
pub mod statistics;
pub mod transport;
pub mod validity;

pub use batch::{Batch, BatchError, BatchPlan, BatchStep};
pub use error::DeviceError;
pub use handle::{Device, DeviceInfo};
pub use measurement::{LatencyRun, Measurement, MemoryReading, OperatorProfile, Provenance};
pub use named::connect;
pub use outputs::{OutputsRequest, SampleOutputs};
pub use request::{Agreement, MeasureRequest, PassStep, RunOn};
pub use transport::local::LocalOptions;
