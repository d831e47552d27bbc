//! How fast a device is just now, by the fixed work that the agent times beside every latency: what slows that down slows the
//! model down as well, and is not the model's.
//!
//! The fastest readings of a device are what it can do. Runs between slower ones were disturbed: by other virtual machines, by the other
//! thread of a core, by a clock that went down. Disturbances often last for milliseconds, so that a process has undisturbed runs too.

use std::collections::VecDeque;
use std::time::Duration;

use edgefit_protocol::job::{Plan, Undisturbed};

use super::measurement::LatencyRun;
use super::statistics::{median, quantile};

/// A reading counts as disturbed when its work took longer than the device's by this share.
const DISTURBED_SHARE: f64 = 0.1;

/// The quantile of its readings that a process is remembered by: most have some undisturbed ones.
const OF_A_PROCESS: f64 = 0.05;

/// The quantile of these, over the processes, that counts as undisturbed.
const UNDISTURBED: f64 = 0.1;

/// Most processes that are remembered, the latest.
const MOST_PROCESSES: usize = 1024;

/// A process has to have so many undisturbed runs to count, or half of its runs if it has few.
const LEAST_RUNS: usize = 10;

/// How long a process goes on at most for undisturbed runs: so many times as long as the plan wants anyway, and this.
const PLANS_FOR_QUIET: u64 = 2;
const QUIET_NS: u64 = 300_000_000;

/// What disturbances may cost at most: this much, and this share of the time that measuring took otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_SHARE: f64 = 0.5;

/// What is known of a device's pace.
#[derive(Debug, Default)]
pub(super) struct Pace {
    processes_ns: VecDeque<f64>,
    undisturbed_ns: Option<f64>,
    measuring: Duration,
    waiting: Duration,
}

impl Pace {
    /// Learns from a process.
    pub(super) fn tell(&mut self, run: &LatencyRun) {
        let Some(shortest_ns) = low_quantile(run.reference_ns.iter().map(|ns| *ns as f64), OF_A_PROCESS) else {
            return;
        };
        self.processes_ns.push_back(shortest_ns);
        if self.processes_ns.len() > MOST_PROCESSES {
            self.processes_ns.pop_front();
        }
        self.undisturbed_ns = low_quantile(self.processes_ns.iter().copied(), UNDISTURBED);
        self.spend(self.disturbed_time(run), true);
    }

    /// How long the runs of a process took that do not count.
    fn disturbed_time(&self, run: &LatencyRun) -> Duration {
        let Some(limit_ns) = self.limit_ns() else { return Duration::ZERO };
        let flagged = run.samples_ns.iter().zip(flags(run, limit_ns));
        let disturbed_ns: u64 = flagged.filter(|(_, is_quiet)| !is_quiet).map(|(ns, _)| *ns).sum();
        Duration::from_nanos(disturbed_ns.saturating_mul(run.stride))
    }

    /// What the agent has to know to go on until there are undisturbed runs; `None` before anything is known of the device and, unless
    /// it `is_worth_waiting`, once disturbances have cost enough.
    pub(super) fn wanted(&self, plan: &Plan, is_worth_waiting: bool) -> Option<Undisturbed> {
        let reference_ns = self.limit_ns().filter(|_| is_worth_waiting || self.is_patient())? as u64;
        Some(Undisturbed { reference_ns, max_ns: plan.min_ns.saturating_mul(PLANS_FOR_QUIET).saturating_add(QUIET_NS) })
    }

    /// The longest reading that is undisturbed.
    fn limit_ns(&self) -> Option<f64> {
        Some(self.undisturbed_ns?.max(1.0) * (1.0 + DISTURBED_SHARE))
    }

    /// How many times as long as undisturbed the fixed work took in a process; `None` where it was not timed.
    pub(super) fn slowdown(&self, run: &LatencyRun) -> Option<f64> {
        Some(median(&run.reference_ns)? / self.undisturbed_ns?.max(1.0))
    }

    /// Whether a process has too few undisturbed runs to count.
    pub(super) fn is_disturbed(&self, run: &LatencyRun) -> bool {
        let enough = LEAST_RUNS.min(run.samples_ns.len().div_ceil(2));
        self.limit_ns()
            .is_some_and(|limit_ns| flags(run, limit_ns).iter().filter(|is_quiet| **is_quiet).count() < enough)
    }

    /// A process with its disturbed runs told apart, and the readings between the others.
    pub(super) fn undisturbed(&self, mut run: LatencyRun) -> LatencyRun {
        let Some(limit_ns) = self.limit_ns() else { return run };
        let flagged = flags(&run, limit_ns);
        let mut quiet = Vec::with_capacity(run.samples_ns.len());
        for (sample_ns, is_quiet) in run.samples_ns.iter().zip(flagged) {
            (if is_quiet { &mut quiet } else { &mut run.disturbed_ns }).push(*sample_ns);
        }
        run.samples_ns = quiet;
        run.reference_ns.retain(|ns| *ns as f64 <= limit_ns);
        run.reference_at_runs.clear();
        run
    }

    /// Median of the undisturbed runs of a process; `None` without one.
    pub(super) fn median_ns(&self, run: &LatencyRun) -> Option<f64> {
        median(&self.undisturbed(run.clone()).samples_ns)
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

fn low_quantile(values: impl Iterator<Item = f64>, q: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, q)
}

/// Of each sample of a process, whether it lies between two readings that took at most this long. Those of a process without readings do.
fn flags(run: &LatencyRun, limit_ns: f64) -> Vec<bool> {
    let is_short: Vec<bool> = run.reference_ns.iter().map(|ns| *ns as f64 <= limit_ns).collect();
    if is_short.is_empty() {
        return vec![true; run.samples_ns.len()];
    }
    let mut next = 0;
    let is_quiet = |sample: usize| {
        let at_run = sample as u64 * run.stride;
        // The first reading that comes behind this run.
        while run.reference_at_runs.get(next).is_some_and(|at| *at <= at_run) {
            next += 1;
        }
        next.checked_sub(1).is_some_and(|before| is_short[before]) && is_short.get(next).copied().unwrap_or(false)
    };
    (0..run.samples_ns.len()).map(is_quiet).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use edgefit_protocol::environment::Environment;
    use edgefit_protocol::job::Plan;
    use edgefit_protocol::report::{LoadTimes, Stop};

    use super::{LatencyRun, Pace};

    /// Ten runs between each two readings, each with the later reading as its duration.
    fn run(reference_ns: &[u64]) -> LatencyRun {
        let samples_ns: Vec<u64> = reference_ns.iter().skip(1).flat_map(|ns| [*ns; 10]).collect();
        LatencyRun {
            runs: samples_ns.len() as u64,
            samples_ns,
            disturbed_ns: Vec::new(),
            stride: 1,
            stop: Stop::Minimum,
            first_inference_ns: 0,
            warm_up_ns: Vec::new(),
            reference_ns: reference_ns.to_vec(),
            reference_at_runs: (0..reference_ns.len() as u64).map(|at| 10 * at).collect(),
            load: LoadTimes::default(),
            before: Environment::default(),
            after: Environment::default(),
        }
    }

    #[test]
    fn a_process_with_too_few_runs_between_short_readings_was_disturbed() {
        let mut pace = Pace::default();
        assert!(!pace.is_disturbed(&run(&[100, 101])), "nothing is known yet");
        pace.tell(&run(&[100, 102, 103, 101]));
        assert!(!pace.is_disturbed(&run(&[104, 104, 300])));
        assert!(pace.is_disturbed(&run(&[104, 300, 104, 300])));
        assert!(pace.is_disturbed(&run(&[125, 124, 100])));
        assert_eq!(pace.slowdown(&run(&[])), None);
    }

    #[test]
    fn disturbed_runs_of_a_process_do_not_count() {
        let mut pace = Pace::default();
        pace.tell(&run(&[100; 20]));
        let mixed = run(&[100, 101, 180, 180, 102, 103]);
        assert_eq!(pace.median_ns(&mixed), Some(102.0));
        let found = pace.undisturbed(mixed);
        assert_eq!(found.samples_ns, [[101; 10], [103; 10]].concat());
        assert_eq!(found.disturbed_ns.len(), 30);
        assert_eq!(found.reference_ns, [100, 101, 102, 103]);
    }

    #[test]
    fn the_first_processes_may_turn_out_to_have_been_disturbed() {
        let mut pace = Pace::default();
        let first = run(&[125; 20]);
        pace.tell(&first);
        assert!(!pace.is_disturbed(&first));
        (0..9).for_each(|_| pace.tell(&run(&[100; 20])));
        assert!(pace.is_disturbed(&first));
        assert_eq!(pace.slowdown(&first), Some(1.25));
    }

    #[test]
    fn a_long_disturbance_is_not_taken_for_the_pace() {
        let mut pace = Pace::default();
        pace.tell(&run(&[100; 20]));
        (0..9).for_each(|_| pace.tell(&run(&[[180; 200].as_slice(), &[101; 20]].concat())));
        assert!(pace.is_disturbed(&run(&[180; 20])));
    }

    #[test]
    fn patience_grows_with_what_is_measured() {
        let mut pace = Pace::default();
        pace.tell(&run(&[100; 20]));
        assert!(pace.wanted(&Plan::SEARCH, false).is_some());
        pace.spend(Duration::from_secs(11), true);
        assert!(!pace.is_patient());
        assert_eq!(pace.wanted(&Plan::SEARCH, false), None);
        assert!(pace.wanted(&Plan::SEARCH, true).is_some());
        pace.spend(Duration::from_secs(60), false);
        assert!(pace.is_patient());
    }
}
