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
const PATIENCE: Duration = Duration::from_secs(10);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use edgefit_protocol::environment::Environment;
    use edgefit_protocol::report::{LoadTimes, Stop};

    use super::{LatencyRun, Pace};

    fn run(reference_ns: &[u64]) -> LatencyRun {
        LatencyRun {
            samples_ns: vec![1_000; 10],
            stride: 1,
            runs: 10,
            stop: Stop::Minimum,
            first_inference_ns: 0,
            warm_up_ns: Vec::new(),
            reference_ns: reference_ns.to_vec(),
            load: LoadTimes::default(),
            before: Environment::default(),
            after: Environment::default(),
        }
    }

    #[test]
    fn a_process_whose_work_took_longer_than_the_device_needs_was_disturbed() {
        let mut pace = Pace::default();
        assert!(!pace.is_disturbed(&run(&[100, 101])), "nothing is known yet");
        pace.tell(&run(&[100, 102, 103, 101]));
        assert!(!pace.is_disturbed(&run(&[104, 104, 300])));
        assert!(pace.is_disturbed(&run(&[125, 124, 100])));
        assert_eq!(pace.slowdown(&run(&[])), None);
    }

    #[test]
    fn the_first_processes_may_turn_out_to_have_been_disturbed() {
        let mut pace = Pace::default();
        let first = run(&[125; 20]);
        pace.tell(&first);
        assert!(!pace.is_disturbed(&first));
        pace.tell(&run(&[100; 20]));
        assert!(pace.is_disturbed(&first));
    }

    #[test]
    fn patience_has_an_end_and_grows_with_the_work() {
        let mut pace = Pace::default();
        pace.spend(Duration::from_secs(11), true);
        assert!(!pace.is_patient());
        pace.spend(Duration::from_secs(4), false);
        assert!(pace.is_patient());
    }
}
