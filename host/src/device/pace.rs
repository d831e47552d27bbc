//! How fast a device is just now, by the fixed work that the agent times beside every latency: what slows that down slows the
//! model down as well, and is not the model's.
//!
//! The fastest readings of a device are what it can do. A process whose readings are slower was disturbed: by other virtual
//! machines, by the other thread of its core, by a clock that went down.

use std::collections::VecDeque;
use std::time::Duration;

use super::measurement::LatencyRun;
use super::statistics::{median, quantile};

/// A process counts as disturbed when its work took longer than the device's by this share.
const DISTURBED_SHARE: f64 = 0.08;

/// The quantile of all readings that counts as undisturbed.
const UNDISTURBED: f64 = 0.05;

/// Most readings that are remembered, the latest.
const MOST_READINGS: usize = 4096;

/// What disturbances may cost at most: this much, and this share of the time that measuring took otherwise.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_SHARE: f64 = 0.5;

/// What is known of a device's pace.
#[derive(Debug, Default)]
pub(super) struct Pace {
    readings_ns: VecDeque<u64>,
    undisturbed_ns: Option<f64>,
    measuring: Duration,
    waiting: Duration,
}

impl Pace {
    /// Learns from a process.
    pub(super) fn tell(&mut self, run: &LatencyRun) {
        self.readings_ns.extend(&run.reference_ns);
        let surplus = self.readings_ns.len().saturating_sub(MOST_READINGS);
        self.readings_ns.drain(..surplus);
        let mut sorted: Vec<f64> = self.readings_ns.iter().map(|ns| *ns as f64).collect();
        sorted.sort_by(f64::total_cmp);
        self.undisturbed_ns = quantile(&sorted, UNDISTURBED);
    }

    /// How many times as long as undisturbed the fixed work took in a process; `None` where it was not timed.
    pub(super) fn slowdown(&self, run: &LatencyRun) -> Option<f64> {
        Some(median(&run.reference_ns)? / self.undisturbed_ns?.max(1.0))
    }

    /// Whether a process was disturbed.
    pub(super) fn is_disturbed(&self, run: &LatencyRun) -> bool {
        self.slowdown(run).is_some_and(|slowdown| slowdown > 1.0 + DISTURBED_SHARE)
    }

    /// Counts time that was spent measuring, or waiting for a quiet moment.
    pub(super) fn spend(&mut self, time: Duration, is_waiting: bool) {
        *(if is_waiting { &mut self.waiting } else { &mut self.measuring }) += time;
    }

    /// Whether disturbances have not cost too much yet.
    pub(super) fn is_patient(&self) -> bool {
        self.waiting < PATIENCE + self.measuring.mul_f64(PATIENCE_SHARE)
    }
}
