//! When a latency pass ends: as the plan says, and where it asks for that, when undisturbed runs alone are enough.
//!
//! Other virtual machines and the other thread of a core slow a device down for milliseconds to minutes. Runs between two short readings of
//! the reference work were not slowed down, and in most disturbed seconds there are some.

use edgefit_protocol::{job::Plan, limits, report::Stop};

use super::sampling::{SampleLog, StopRule};

/// Watches a pass.
pub(super) struct Ending<'a> {
    plan: &'a Plan,
    rule: StopRule<'a>,
    /// What the rule said of all runs, once it is met.
    met: Option<Stop>,
    undisturbed_rule: StopRule<'a>,
    undisturbed: SampleLog,
    /// Runs since the last reading.
    since_reading: Vec<u64>,
    /// Whether that reading was short.
    was_short: bool,
}

impl<'a> Ending<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            rule: StopRule::new(plan),
            met: None,
            undisturbed_rule: StopRule::new(plan),
            undisturbed: SampleLog::new(limits::MAX_SAMPLES),
            since_reading: Vec::new(),
            was_short: false,
        }
    }

    pub(super) fn hear_reading(&mut self, reading_ns: u64) {
        let is_short = self.plan.undisturbed.is_some_and(|wanted| reading_ns <= wanted.reference_ns);
        let runs = self.since_reading.drain(..);
        if is_short && self.was_short {
            runs.for_each(|run_ns| self.undisturbed.push(run_ns));
        }
        self.was_short = is_short;
    }

    pub(super) fn hear_run(&mut self, run_ns: u64) {
        if self.plan.undisturbed.is_some() && self.since_reading.len() < limits::MAX_SAMPLES {
            self.since_reading.push(run_ns);
        }
    }

    /// Why the pass is over after these runs, if it is.
    pub(super) fn check(&mut self, log: &SampleLog, elapsed_ns: u64) -> Option<Stop> {
        self.met = self.met.or_else(|| self.rule.check(log, elapsed_ns));
        let met = self.met?;
        match self.plan.undisturbed {
            Some(wanted) if elapsed_ns < wanted.max_ns => match self.undisturbed.runs() < self.plan.min_runs {
                true => None,
                false => self.undisturbed_rule.check(&self.undisturbed, elapsed_ns),
            },
            _ => Some(met),
        }
    }
}

#[cfg(test)]
mod tests {
    use edgefit_protocol::job::Undisturbed;

    use super::*;

    const WANTED: Undisturbed = Undisturbed { reference_ns: 100, max_ns: 900 };

    fn plan(undisturbed: Option<Undisturbed>) -> Plan {
        Plan { min_runs: 2, min_ns: 10, max_ns: 1_000, interval_share: None, undisturbed, ..Plan::SEARCH }
    }

    /// Two runs after each reading; how many readings it takes until it ends.
    fn readings_until_the_end(plan: &Plan, readings_ns: &[u64], nanoseconds_each: u64) -> Option<usize> {
        let (mut ending, mut log) = (Ending::new(plan), SampleLog::new(limits::MAX_SAMPLES));
        readings_ns.iter().zip(1_u64..).position(|(reading_ns, count)| {
            ending.hear_reading(*reading_ns);
            (0..2).any(|_| {
                log.push(5);
                ending.hear_run(5);
                ending.check(&log, count * nanoseconds_each).is_some()
            })
        })
    }

    #[test]
    fn nobody_asks_so_the_plan_alone_counts() {
        assert_eq!(readings_until_the_end(&plan(None), &[500, 500], 10), Some(0));
    }

    #[test]
    fn runs_count_between_two_short_readings() {
        let plan = plan(Some(WANTED));
        assert_eq!(readings_until_the_end(&plan, &[90, 100, 90], 10), Some(1));
        assert_eq!(readings_until_the_end(&plan, &[90, 101, 90, 101, 90, 90, 90], 10), Some(5));
    }

    #[test]
    fn it_does_not_wait_for_ever() {
        let slow = [101; 20];
        assert_eq!(readings_until_the_end(&plan(Some(WANTED)), &slow, 100), Some(8));
    }
}
