//! The agent: its own suite where it needs what only this program brings, and what damaged frames and models do to it.

pub(crate) mod emulated;
pub(crate) mod frames;
pub(crate) mod models;

use crate::harness::Outcome;
use crate::needs::{program, python};
use crate::{process, repository};

/// ONNX Runtime passes the suite that every runtime of the agent passes.
pub(crate) fn onnx_runtime_passes() -> Outcome {
    let (_, place) = program::place()?;
    let mut cargo = repository::cargo();
    cargo.args(["test", "--quiet", "--offline", "--workspace", "--test=agent"]).args(place);
    cargo.args(["--", "--ignored", "--exact", "conformance::onnx_runtime_passes"]);
    let said = process::succeed(cargo.env("ORT_DYLIB_PATH", python::onnx_runtime()?))?;
    assert!(said.contains("1 passed"), "the suite was not run: {said}");
    Ok(())
}
