//! The agent from outside: the real program, real processes, real ONNX files.
//!
//! [`conformance`] is the suite that every runtime passes, [`robustness`] is what a model or a host
//! may do to the agent, [`sessions`] is what a host finds that comes back, [`mutations`] is damage in numbers, [`transports`] is how a host reaches it.
//!
//! ONNX Runtime's test needs its library in `ORT_DYLIB_PATH`, and so it is ignored here; the workspace's test program brings the
//! library and runs it.

#![expect(clippy::unwrap_used, reason = "a test ends with its first surprise")]

mod conformance;
mod host;
mod models;
mod mutations;
mod robustness;
mod sessions;
mod transports;
