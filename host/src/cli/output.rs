//! Results on standard output.

use std::io::Write;

use serde::Serialize;

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
    let text = serde_json::to_string_pretty(result).map_err(|e| Error::new(ErrorKind::Internal, e))?;
    print(&(text + "\n"))
}
