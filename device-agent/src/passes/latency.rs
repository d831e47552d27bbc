//! The latency pass: durations of whole runs, nothing else going on in the process.

use std::time::Instant;

use edgefit_protocol::{
    error::JobError,
    job::Plan,
    limits,
    report::{LatencyReport, Phase},
};

use super::{
    Observer,
    ending::Ending,
    reference::Reference,
    sampling::{SampleLog, elapsed_ns},
    timed_run,
};
use crate::runtimes::Session;

/// Warms up, then measures until the plan says stop. The inputs are in place before.
pub(super) fn measure(
    session: &mut dyn Session,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<LatencyReport, JobError> {
    observer.phase(Phase::WarmingUp);
    let first_inference_ns = timed_run(session, observer)?;
    let warm_up_ns = warm_up(session, plan, first_inference_ns, observer)?;
    observer.phase(Phase::Measuring);
    let mut log = SampleLog::new(limits::MAX_SAMPLES);
    let (mut ending, mut reference) = (Ending::new(plan), Reference::new());
    let started = Instant::now();
    let stop = loop {
        if let Some(reading_ns) = reference.read_when_due(elapsed_ns(started), log.runs()) {
            ending.hear_reading(reading_ns);
        }
        let run_ns = timed_run(session, observer)?;
        log.push(run_ns);
        ending.hear_run(run_ns);
        if let Some(stop) = ending.check(&log, elapsed_ns(started)) {
            break stop;
        }
    };
    // What was run last has a reading behind it too.
    reference.read_when_due(u64::MAX, log.runs());
    let (reference_ns, reference_at_runs) = reference.into_readings();
    Ok(LatencyReport {
        first_inference_ns,
        warm_up_ns,
        stride: log.stride(),
        runs: log.runs(),
        stop,
        samples_ns: log.into_samples_ns(),
        reference_ns,
        reference_at_runs,
    })
}

/// The runs after the first that the plan wants before measuring.
pub(super) fn warm_up(
    session: &mut dyn Session,
    plan: &Plan,
    first_ns: u64,
    observer: &mut dyn Observer,
) -> Result<Vec<u64>, JobError> {
    let mut log = SampleLog::new(limits::MAX_WARM_UP_SAMPLES);
    let mut spent_ns = first_ns;
    while log.runs() + 1 < plan.warm_up_runs || spent_ns < plan.warm_up_ns {
        let sample_ns = timed_run(session, observer)?;
        spent_ns = spent_ns.saturating_add(sample_ns.max(1));
        log.push(sample_ns);
    }
    Ok(log.into_samples_ns())
}
