//! The per-operator pass: which nodes the runtime really runs, and how long each takes.
//!
//! Profiling costs time of its own, so that these runs never count as the latency.

use std::time::Instant;

use edgefit_protocol::{
    error::JobError,
    job::Plan,
    limits,
    report::{PerOperatorReport, Phase},
};

use super::{
    Observer,
    latency::warm_up,
    sampling::{SampleLog, StopRule, elapsed_ns},
    timed_run,
};
use crate::runtimes::Session;

/// Warms up without a profile, then profiles until the plan says stop.
pub(super) fn measure(
    session: &mut dyn Session,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<PerOperatorReport, JobError> {
    observer.phase(Phase::WarmingUp);
    let first_ns = timed_run(session, observer)?;
    warm_up(session, plan, first_ns, observer)?;
    observer.phase(Phase::Measuring);
    session.start_profile();
    let (runs, total_ns) = profiled_runs(session, plan, observer)?;
    let mut nodes = session.end_profile()?;
    nodes.truncate(limits::MAX_NODES);
    Ok(PerOperatorReport { runs, mean_run_ns: total_ns as f64 / runs as f64, nodes })
}

fn profiled_runs(session: &mut dyn Session, plan: &Plan, observer: &mut dyn Observer) -> Result<(u64, u64), JobError> {
    let mut log = SampleLog::new(limits::MAX_SAMPLES);
    let mut rule = StopRule::new(plan);
    let mut total_ns = 0;
    let started = Instant::now();
    loop {
        let sample_ns = timed_run(session, observer)?;
        total_ns += sample_ns;
        log.push(sample_ns);
        if rule.check(&log, elapsed_ns(started)).is_some() {
            return Ok((log.runs(), total_ns));
        }
    }
}
