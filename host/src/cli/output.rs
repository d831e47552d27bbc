//! Results on standard output or in a file.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::running;
use crate::error::{Error, ErrorKind, Result};

/// Prints a result.
///
/// # Errors
/// When nobody takes it.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| Error::new(ErrorKind::Storage, format!("cannot write to standard output: {e}")))
}

/// Prints a result as one JSON document.
///
/// # Errors
/// When nobody takes it.
pub(super) fn print_json(result: &impl Serialize) -> Result<()> {
    print(&document(result)?)
}

/// Writes a result as one JSON document to a file, or to standard output for `-`.
///
/// # Errors
/// When it cannot be written.
pub(super) fn json(path: &Path, result: &impl Serialize) -> Result<()> {
    match running::is_standard_output(path) {
        true => print_json(result),
        false => running::write_result(path, &document(result)?),
    }
}

fn document(result: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(result).map_err(|e| Error::new(ErrorKind::Internal, e))?;
    Ok(text + "\n")
}
