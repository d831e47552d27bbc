//! The energy pass: what the device draws while the model runs again and again.
//!
//! Where the device tells nothing, the model is run once, so that its outputs are known, and the report says why.

use std::time::Instant;

use edgefit_protocol::{
    error::JobError,
    job::Plan,
    limits,
    report::{Energy, EnergyReport, Phase},
};

use super::{
    Observer,
    latency::warm_up,
    sampling::{SampleLog, StopRule, elapsed_ns},
    timed_run,
};
use crate::{
    device::energy::{self, Meter},
    runtimes::Session,
};

/// Warms up, then runs with a meter until the plan says stop.
pub(super) fn measure(
    session: &mut dyn Session,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<EnergyReport, JobError> {
    observer.phase(Phase::WarmingUp);
    let first_ns = timed_run(session, observer)?;
    let source = match energy::find() {
        Ok(source) => source,
        Err(reason) => return Ok(EnergyReport::Absent { reason }),
    };
    warm_up(session, plan, first_ns, observer)?;
    observer.phase(Phase::Measuring);
    let measured = match source.start() {
        Ok(meter) => metered_runs(session, plan, meter, observer)?,
        Err(reason) => Err(reason),
    };
    Ok(measured.map_or_else(|reason| EnergyReport::Absent { reason }, EnergyReport::Measured))
}

/// The energy, or why it is not known; the outer error is the model's.
fn metered_runs(
    session: &mut dyn Session,
    plan: &Plan,
    mut meter: Meter,
    observer: &mut dyn Observer,
) -> Result<Result<Energy, String>, JobError> {
    let mut log = SampleLog::new(limits::MAX_SAMPLES);
    let mut rule = StopRule::new(plan);
    let started = Instant::now();
    let measured_ns = loop {
        log.push(timed_run(session, observer)?);
        meter.keep_up();
        let measured_ns = elapsed_ns(started);
        if rule.check(&log, measured_ns).is_some() {
            break measured_ns;
        }
    };
    let runs = log.runs();
    let drawn = meter.finish(measured_ns);
    Ok(drawn.map(|drawn| Energy {
        joules: drawn.joules,
        runs,
        measured_ns,
        method: drawn.method,
        sampling: drawn.sampling,
    }))
}
