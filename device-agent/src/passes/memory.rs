//! The memory pass: resident memory before loading, loaded, running, at its peak, and afterwards.

use edgefit_protocol::{
    error::JobError,
    report::{MemoryReport, PassReport, Phase, Resident},
};

use super::{Model, Observer, Task, first_inputs, load};
use crate::{
    device::resident::{self, PeakMark},
    runtimes::{Loaded, Runtime},
};

/// Runs after the first, for a runtime that plans its memory from the first run.
const FURTHER_RUNS: usize = 4;

/// Loads, runs and drops the model, reading the kernel's counters in between.
pub(super) fn measure(
    task: &Task<'_>,
    runtime: &dyn Runtime,
    observer: &mut dyn Observer,
) -> Result<(Model, PassReport), JobError> {
    let before_load = resident::read();
    let mark = PeakMark::reset();
    let mut loaded = load(task, runtime)?;
    let after_load = resident::read();
    observer.phase(Phase::Measuring);
    let after_first_run = run(task, &mut loaded, observer)?;
    let (peak_kib, method) = mark.read();
    let model = Model::of(&loaded);
    drop(loaded);
    let report = PassReport::Memory(MemoryReport {
        before_load,
        after_load,
        after_first_run,
        retained: resident::read(),
        peak_kib,
        method,
    });
    Ok((model, report))
}

fn run(task: &Task<'_>, loaded: &mut Loaded, observer: &mut dyn Observer) -> Result<Resident, JobError> {
    let session = loaded.session.as_mut();
    session.set_inputs(&first_inputs(task, session.inputs())?)?;
    session.run()?;
    let after_first_run = resident::read();
    observer.ran();
    for _ in 0..FURTHER_RUNS {
        session.run()?;
        observer.ran();
    }
    Ok(after_first_run)
}
