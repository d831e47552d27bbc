//! The edgefit agent: runs ONNX models on the device it is on, and measures them.
//!
//! [`server::serve`] speaks [`edgefit_protocol`] over any pair of byte streams. Every job runs in
//! a fresh process of the same program ([`worker`]), so that a model that crashes, hangs or eats
//! all memory ends in a structured error and leaves the agent as it was. A [runtime](runtimes)
//! loads and runs the model, a [pass](passes) measures it, and [`device`] reads the state of
//! the machine.
//!
//! The agent knows nothing about networks, searches or statistics: it takes ONNX bytes and a plan
//! and returns raw samples.

pub mod command;
pub mod device;
pub mod inputs;
pub mod onnx_runtime;
pub mod passes;
pub mod runtimes;
pub mod server;
pub mod stream;
pub mod worker;

/// Version of this agent, as it introduces itself.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
