//! Why a job's process ended without an answer.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use edgefit_protocol::error::{ErrorKind, JobError};

const SIGILL: i32 = 4;
const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

/// What the allocation failures of Rust, C++ and tract leave on the standard error.
const OUT_OF_MEMORY_MARKS: [&str; 6] = [
    "memory allocation of",
    "bad_alloc",
    "Cannot allocate memory",
    "capacity overflow",
    "failed to allocate",
    "!self.data.is_null()",
];

/// The error for a process that ended like this, with the end of its standard error.
pub(super) fn explain(status: ExitStatus, errors: &str) -> JobError {
    let signal = status.signal();
    let out_of_memory = OUT_OF_MEMORY_MARKS.iter().any(|mark| errors.contains(mark));
    let kind = match signal {
        _ if out_of_memory => ErrorKind::OutOfMemory,
        // The agent explains a process only when it did not end it itself.
        Some(SIGKILL) => ErrorKind::OutOfMemory,
        _ => ErrorKind::Crashed,
    };
    let what = match kind {
        ErrorKind::OutOfMemory => "the job needed more memory than it may have".to_owned(),
        _ => format!("the job's process ended {}", how(status)),
    };
    let message = match errors {
        "" => what,
        errors => format!("{what}: {errors}"),
    };
    JobError::new(kind, message).with_signal(signal)
}

fn how(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("with {}", signal_name(signal)),
        (None, Some(code)) => format!("with exit code {code} and no answer"),
        (None, None) => "for an unknown reason".to_owned(),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        SIGILL => "SIGILL, an instruction that this processor does not have",
        SIGABRT => "SIGABRT",
        SIGBUS => "SIGBUS",
        SIGSEGV => "SIGSEGV, an invalid memory access",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw_status: i32, errors: &str, kind: ErrorKind, signal: Option<i32>) {
        let error = explain(ExitStatus::from_raw(raw_status), errors);
        assert_eq!((error.kind, error.signal), (kind, signal), "{error}");
    }

    #[test]
    fn the_signal_and_the_last_words_decide() {
        check(SIGSEGV, "", ErrorKind::Crashed, Some(SIGSEGV));
        check(SIGILL, "", ErrorKind::Crashed, Some(SIGILL));
        let last_words = "memory allocation of 9999 bytes failed";
        check(SIGABRT, last_words, ErrorKind::OutOfMemory, Some(SIGABRT));
        check(SIGABRT, "panicked at", ErrorKind::Crashed, Some(SIGABRT));
        check(SIGKILL, "", ErrorKind::OutOfMemory, Some(SIGKILL));
        check(101 << 8, "panicked at", ErrorKind::Crashed, None);
    }
}
