//! Ctrl-C and SIGTERM: the first asks the run to finish cleanly, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Starts to listen; the flag that is returned turns true at the first signal.
///
/// # Errors
/// When the signal handler cannot be set.
pub(super) fn listen() -> Result<&'static AtomicBool> {
    ctrlc::set_handler(on_signal)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(&REQUESTED)
}

fn on_signal() {
    if REQUESTED.swap(true, Ordering::SeqCst) {
        std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()));
    }
    eprintln!("\nfinishing what is under way; press Ctrl-C again to stop at once (the run can be resumed either way)");
}
