//! Latency tables that learn: what a device measured, what was fitted to it, and what that predicts for other networks.
//!
//! A [`Table`] holds the raw samples of one device, runtime, version and thread count. A network is seen as its
//! [`KernelSet`]: the kernels that the runtime really executes, after the fusion rule of that runtime. Several
//! [`predictor`]s are fitted to the samples; cross-validation on whole networks chooses the one that guides and keeps the
//! figures of the others beside it. Each prediction carries a conformal interval.
//!
//! This crate measures nothing, connects to no device and reads no clock. Only [`mod@file`] touches the disk.

pub mod active;
mod diagnosis;
mod difference;
pub mod evaluation;
pub mod file;
pub mod fusion;
mod interval;
mod kernel;
mod kernel_set;
mod linear;
mod matching;
mod memory;
mod pace;
pub mod predictor;
mod sample;
mod selection;
mod source;
mod statistics;
#[cfg(test)]
mod synthetic;
mod table;
pub mod tabulated;
mod vocabulary;

pub use diagnosis::{Coverage, Diagnosis, KernelCheck, NetworkCheck};
pub use difference::{CrossError, Difference, Ratios};
pub use fusion::{FusionRule, UnknownRuntime};
pub use interval::{Interval, Prediction};
pub use kernel::{Features, Kernel, KernelKey, KernelKind};
pub use kernel_set::KernelSet;
pub use sample::{KernelSample, Measured, NetworkSample, NodeTime, Provenance};
pub use selection::{Candidate, Selection};
pub use source::Source;
pub use table::{MAX_SAMPLES, Population, Share, Table, TableError};
pub use vocabulary::Known;
