//! Devices: measuring models where they will run.
//!
//! A [`Device`] is one agent at the other end of a [transport]. It uploads a model once,
//! has the agent run the passes of a [`MeasureRequest`] in fresh processes, and returns a
//! [`Measurement`]: raw samples with everything they are valid for. [`statistics`] turns samples
//! into numbers, [`validity`] says what is wrong with them. Several models are measured side by side in a [`Batch`], watched by
//! a [canary].
//!
//! Nothing here knows about searches or tables, and nothing here predicts.

pub mod agents;
mod batch;
pub mod canary;
pub mod check;
mod client;
mod cool_down;
mod error;
mod handle;
mod library;
mod line;
mod measurement;
mod outputs;
mod pace;
mod pool;
mod registry;
mod request;
pub mod statistics;
pub mod transport;
mod tries;
mod url;
pub mod validity;

pub use batch::{Batch, BatchError, BatchPlan, BatchStep};
pub use cool_down::CoolDown;
pub use error::DeviceError;
pub use handle::{Device, DeviceInfo, DeviceOptions};
pub use measurement::{LatencyRun, Measurement, MemoryReading, OperatorProfile, Provenance};
pub use outputs::{OutputsRequest, SampleOutputs};
pub use pool::{Pool, PoolJob};
pub use registry::{Entry, LOCAL, Registry, RegistryError, connect};
pub use request::{Agreement, MeasureRequest, PassStep, RunOn};
pub use transport::local::LocalOptions;
pub use url::{DeviceUrl, UrlError};
