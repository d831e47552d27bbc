//! The passes: what a job measures, one file each, and how one job runs through its pass.
//!
//! A pass runs in a fresh process of its own, so that none disturbs another: memory is never read
//! while latency is measured, and profiled runs never count as latency.

mod ending;
mod energy;
mod latency;
mod memory;
mod outputs;
mod per_operator;
mod reference;
mod sampling;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    job::{Inputs, Job, Pass},
    report::{JobReport, LoadTimes, PassReport, Phase},
    tensor::{TensorData, TensorInfo},
};

use crate::{
    device::{affinity, environment},
    inputs::{self, Samples},
    runtimes::{self, LoadOptions, Loaded, Runtime, Session},
};

/// A job with the places of its blobs.
pub struct Task<'a> {
    /// The job.
    pub job: &'a Job,
    /// The ONNX file.
    pub model: &'a Path,
    /// The blob of input samples, where the job names one.
    pub samples: Option<&'a Path>,
}

/// Who hears about a job while it runs.
pub trait Observer {
    /// The job went on to another phase.
    fn phase(&mut self, phase: Phase);

    /// A run ended. Not within the time of any run.
    fn ran(&mut self);

    /// An outputs pass has another tensor.
    ///
    /// # Errors
    ///
    /// When nobody listens any longer.
    fn output(&mut self, sample: u64, output: u32, tensor: TensorData) -> Result<(), JobError>;
}

/// Runs one job in this process.
///
/// # Errors
///
/// Whatever the affinity, the runtime, the model or its inputs did not allow.
pub fn run(task: &Task<'_>, observer: &mut dyn Observer) -> Result<JobReport, JobError> {
    let settings = &task.job.settings;
    let cores = affinity::apply(&settings.affinity)?;
    observer.phase(Phase::Loading);
    let started = Instant::now();
    let runtime = runtimes::start(task.job.runtime, settings.ort.library.as_deref())?;
    let runtime_ns = sampling::elapsed_ns(started);
    let before = environment::read();
    let (model, pass) = run_pass(task, runtime.as_ref(), observer)?;
    Ok(JobReport {
        runtime: runtime.describe(),
        cores,
        load: LoadTimes { runtime_ns, ..model.load },
        inputs: model.inputs,
        outputs: model.outputs,
        before,
        after: environment::read(),
        pass,
    })
}

/// What is known of a model after its session is gone.
struct Model {
    load: LoadTimes,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
}

impl Model {
    fn of(loaded: &Loaded) -> Self {
        Self { load: loaded.times, inputs: loaded.session.inputs().to_vec(), outputs: loaded.session.outputs() }
    }
}

fn run_pass(
    task: &Task<'_>,
    runtime: &dyn Runtime,
    observer: &mut dyn Observer,
) -> Result<(Model, PassReport), JobError> {
    if task.job.pass == Pass::Memory {
        return memory::measure(task, runtime, observer);
    }
    let mut loaded = load(task, runtime)?;
    let report = run_loaded(task, loaded.session.as_mut(), observer)?;
    Ok((Model::of(&loaded), report))
}

/// Loads the model of a job, all of whose shapes have to be of inputs that the model has.
fn load(task: &Task<'_>, runtime: &dyn Runtime) -> Result<Loaded, JobError> {
    let loaded = runtime.load(task.model, &load_options(task.job))?;
    let names: Vec<&str> = loaded.session.inputs().iter().map(|input| input.name.as_str()).collect();
    match task.job.shapes.iter().find(|given| !names.contains(&given.input.as_str())) {
        None => Ok(loaded),
        Some(given) => {
            let message = format!("the model has no input {}; it has {}", given.input, names.join(", "));
            Err(JobError::new(ErrorKind::WrongShape, message))
        }
    }
}

fn run_loaded(task: &Task<'_>, session: &mut dyn Session, observer: &mut dyn Observer) -> Result<PassReport, JobError> {
    let (Pass::Latency(plan) | Pass::PerOperator(plan) | Pass::Energy(plan)) = &task.job.pass else {
        return outputs::run(task, session, observer);
    };
    let inputs = first_inputs(task, session.inputs())?;
    session.set_inputs(&inputs)?;
    match task.job.pass {
        Pass::PerOperator(_) => per_operator::measure(session, plan, observer).map(PassReport::PerOperator),
        Pass::Energy(_) => energy::measure(session, plan, observer).map(PassReport::Energy),
        _ => latency::measure(session, plan, observer).map(PassReport::Latency),
    }
}

fn load_options(job: &Job) -> LoadOptions<'_> {
    LoadOptions { settings: &job.settings, shapes: &job.shapes, profiled: matches!(job.pass, Pass::PerOperator(_)) }
}

/// Inputs of every run of a pass that does not go through samples.
fn first_inputs(task: &Task<'_>, infos: &[TensorInfo]) -> Result<Vec<TensorData>, JobError> {
    match task.job.inputs {
        Inputs::Seeded { seed } => inputs::seeded(infos, seed),
        Inputs::Blob { .. } => {
            let first = open_samples(task, infos)?.next_sample()?;
            Ok(first.expect("an open blob holds at least one sample"))
        }
    }
}

fn open_samples(task: &Task<'_>, infos: &[TensorInfo]) -> Result<Samples, JobError> {
    let path: PathBuf = task.samples.map(Path::to_path_buf).unwrap_or_default();
    Samples::open(&path, infos)
}

/// Runs the session once and returns how long it took, in nanoseconds.
fn timed_run(session: &mut dyn Session, observer: &mut dyn Observer) -> Result<u64, JobError> {
    let started = Instant::now();
    session.run()?;
    let run_ns = sampling::elapsed_ns(started);
    observer.ran();
    Ok(run_ns)
}
