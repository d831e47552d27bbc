//! What a user may change of a preset's plan, and how long a pass may then take.

use edgefit_protocol::{job::Plan, limits};

/// Steps of a pass that the plan's times do not hold: loading, the first run, and the last one, which is never cut.
const STEPS: u64 = 3;

/// Greatest `max_secs`: half of the longest time of a job.
pub const MAX_SECS: f64 = (limits::MAX_JOB_NS / 2 / 1_000_000_000) as f64;

/// Changes to a plan; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PlanLimits {
    /// Least number of measured runs of a process.
    pub min_runs: Option<u64>,
    /// Least measured time of a process, in seconds.
    pub min_secs: Option<f64>,
    /// Greatest measured time of a process, in seconds; at most [`MAX_SECS`].
    pub max_secs: Option<f64>,
    /// Past the minima, go on until the 95 % interval of the median is narrower than this share of it.
    pub interval_share: Option<f64>,
}

impl PlanLimits {
    /// The plan with these changes. A minimum that is raised above the maximum raises the maximum too, and the other way round.
    pub fn apply(&self, plan: Plan) -> Plan {
        let ns = |secs: f64| (secs.clamp(0.0, MAX_SECS) * 1e9) as u64;
        let (mut min_ns, mut max_ns) = (plan.min_ns, plan.max_ns);
        if let Some(secs) = self.min_secs {
            min_ns = ns(secs);
            max_ns = max_ns.max(min_ns);
        }
        if let Some(secs) = self.max_secs {
            max_ns = ns(secs);
            min_ns = min_ns.min(max_ns);
        }
        Plan {
            min_runs: self.min_runs.unwrap_or(plan.min_runs),
            min_ns,
            max_ns,
            interval_share: self.interval_share.or(plan.interval_share),
            ..plan
        }
    }
}

/// Longest time for one pass, in nanoseconds, whose steps (loading, a run) may each take `step_timeout_ns`: no pass that keeps to
/// that takes longer, unless it reaches the longest time of a job.
pub(super) fn timeout_ns(plan: &Plan, step_timeout_ns: u64) -> u64 {
    let steps_ns = (plan.warm_up_runs + STEPS).saturating_mul(step_timeout_ns);
    let timeout_ns = steps_ns.saturating_add(plan.warm_up_ns).saturating_add(plan.max_ns);
    timeout_ns.min(limits::MAX_JOB_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_keeps_what_is_not_changed_and_stays_possible() {
        assert_eq!(PlanLimits::default().apply(Plan::QUICK), Plan::QUICK);
        let longer = PlanLimits { min_secs: Some(200.0), ..PlanLimits::default() }.apply(Plan::QUICK);
        assert_eq!((longer.min_ns, longer.max_ns), (200_000_000_000, 200_000_000_000));
        let shorter = PlanLimits { max_secs: Some(0.5), ..PlanLimits::default() }.apply(Plan::QUICK);
        assert_eq!((shorter.min_ns, shorter.max_ns), (500_000_000, 500_000_000));
        let adaptive = PlanLimits { interval_share: Some(0.01), min_runs: Some(5), ..PlanLimits::default() };
        let plan = adaptive.apply(Plan::QUICK);
        assert_eq!((plan.interval_share, plan.min_runs), (Some(0.01), 5));
    }

    #[test]
    fn the_longest_plan_still_has_a_timeout_that_jobs_may_have() {
        let longest = PlanLimits { max_secs: Some(f64::INFINITY), ..PlanLimits::default() }.apply(Plan::QUICK);
        assert_eq!(longest.max_ns, (MAX_SECS * 1e9) as u64);
        for step_timeout_ns in [1, 60_000_000_000, limits::MAX_JOB_NS] {
            assert!(timeout_ns(&longest, step_timeout_ns) <= limits::MAX_JOB_NS);
            assert!(timeout_ns(&longest, step_timeout_ns) > longest.max_ns);
        }
        let short = PlanLimits { max_secs: Some(1.0), ..PlanLimits::default() }.apply(Plan::QUICK);
        assert_eq!(timeout_ns(&short, 10_000_000_000), 6 * 10_000_000_000 + 1_500_000_000);
    }
}
