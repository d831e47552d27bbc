//! Resident memory of this process, as the kernel counts it.

use std::fs;

use edgefit_protocol::report::{PeakMethod, Resident};

use super::kernel_file::number_of;

const STATUS: &str = "/proc/self/status";

/// Resident memory now.
pub fn read() -> Resident {
    parse(&fs::read_to_string(STATUS).unwrap_or_default())
}

fn parse(status: &str) -> Resident {
    let shared_kib = number_of(status, "RssShmem").unwrap_or(0);
    Resident {
        total_kib: number_of(status, "VmRSS"),
        anonymous_kib: number_of(status, "RssAnon"),
        file_kib: number_of(status, "RssFile").map(|file_kib| file_kib + shared_kib),
    }
}

/// The kernel's mark of the highest resident memory.
pub struct PeakMark {
    reset: bool,
}

impl PeakMark {
    /// Sets the mark to what is resident now, where the kernel allows it (proc(5),
    /// `/proc/pid/clear_refs`, value 5).
    pub fn reset() -> Self {
        Self { reset: fs::write("/proc/self/clear_refs", "5").is_ok() }
    }

    /// The mark in KiB, and what it covers.
    pub fn read(&self) -> (Option<u64>, PeakMethod) {
        let status = fs::read_to_string(STATUS).unwrap_or_default();
        match (number_of(&status, "VmHWM"), self.reset) {
            (Some(kib), true) => (Some(kib), PeakMethod::ResetHighWaterMark),
            (Some(kib), false) => (Some(kib), PeakMethod::HighWaterMark),
            (None, _) => (None, PeakMethod::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_and_file_backed_are_told_apart() {
        let status = "VmHWM:\t 900 kB\nVmRSS:\t 800 kB\nRssAnon:\t 500 kB\nRssFile:\t 290 kB\nRssShmem:\t 10 kB\n";
        let expected = Resident { total_kib: Some(800), anonymous_kib: Some(500), file_kib: Some(300) };
        assert_eq!(parse(status), expected);
        assert_eq!(parse(""), Resident::default());
    }

    #[test]
    fn the_mark_rises_with_memory_that_is_touched_and_freed() {
        let mark = PeakMark::reset();
        let (before, _) = mark.read();
        let touched = std::hint::black_box(vec![1_u8; 64 * 1024 * 1024]);
        drop(touched);
        let (after, method) = mark.read();
        assert_ne!(method, PeakMethod::Unavailable);
        assert!(after.unwrap() >= before.unwrap() + 60 * 1024);
    }
}
