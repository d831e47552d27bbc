//! The onnx package's own checker, over all cases in one Python process.

use std::process::Command;

use crate::needs::python;
use crate::{process, repository};

use super::cases::Case;

/// The indices of the cases that the checker refuses, with its reason.
pub(super) fn refused(cases: &[Case]) -> Result<Vec<(usize, String)>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (index, case) in cases.iter().enumerate() {
        let file = folder.path().join(format!("{index}.onnx"));
        std::fs::write(file, case.onnx()?).map_err(|error| error.to_string())?;
    }
    let interpreter = python::interpreter().map_err(|missing| missing.to_string())?;
    let script = repository::root().join("tests/python/check_models.py");
    let refused = process::succeed(Command::new(interpreter).arg(script).arg(folder.path()))?;
    serde_json::from_str(&refused).map_err(|error| format!("{error} in {refused}"))
}
