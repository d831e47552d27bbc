//! `edgefit bench`: one model on one device, as a report that can be trusted.
//!
//! [`bench()`] measures and gives a [`Report`] in the schema `edgefit-bench/1`, whose names are those of TFLite's
//! benchmark_result.proto where it has one. [`text`] renders it for people, [`trace`] as a Chrome trace. The command line
//! itself is elsewhere.

pub mod compare;
mod convert;
mod energy;
mod facts;
#[cfg(test)]
mod fixture;
mod limits;
mod preset;
mod report;
mod series;
pub mod text;
pub mod trace;

use edgefit_protocol::{
    job::{InputShape, Plan, Settings},
    limits::USUAL_TIMEOUT_NS,
    runtime::RuntimeName,
};

use crate::device::{Device, DeviceError, MeasureRequest, PassStep, RunOn};

pub use energy::EnergyMetrics;
pub use facts::ModelFacts;
pub use limits::{MAX_SECS, PlanLimits};
pub use preset::Preset;
pub use report::{
    DeviceSection, EnvironmentSection, ErrorSection, LatencyMetrics, MemoryMetrics, ModelSection, OperatorRow, Report,
    RuntimeSection, SCHEMA, SettingsSection, StaticEstimate, TypeRow, Validity,
};
pub use series::MinuteRow;

/// What to measure of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchOptions {
    /// The runtime.
    pub runtime: RuntimeName,
    /// Its settings.
    pub settings: Settings,
    /// Shapes of inputs whose own is dynamic.
    pub shapes: Vec<InputShape>,
    /// How long to measure.
    pub preset: Preset,
    /// What is different from the preset's plan.
    pub limits: PlanLimits,
    /// Latency processes instead of the preset's number; at least 1.
    pub processes: Option<u32>,
    /// Longest time for loading the model, and for one run of it, in nanoseconds.
    pub step_timeout_ns: u64,
    /// Whether nodes are measured too.
    pub per_operator: bool,
    /// Whether energy is measured too.
    pub energy: bool,
    /// Seed of the inputs' values.
    pub seed: u64,
}

impl BenchOptions {
    /// The quick preset with the runtime's default settings.
    pub fn new(runtime: RuntimeName) -> Self {
        Self {
            runtime,
            settings: Settings::default(),
            shapes: Vec::new(),
            preset: Preset::Quick,
            limits: PlanLimits::default(),
            processes: None,
            step_timeout_ns: USUAL_TIMEOUT_NS,
            per_operator: false,
            energy: false,
            seed: 0,
        }
    }

    /// When a latency pass ends.
    pub fn plan(&self) -> Plan {
        self.limits.apply(self.preset.plan())
    }

    /// Latency passes, each in a fresh process.
    pub fn processes(&self) -> u32 {
        self.processes.unwrap_or(self.preset.processes()).max(1)
    }

    /// With what a model runs.
    pub fn run_on(&self) -> RunOn {
        RunOn {
            settings: self.settings.clone(),
            shapes: self.shapes.clone(),
            timeout_ns: limits::timeout_ns(&self.plan(), self.step_timeout_ns),
            step_timeout_ns: self.step_timeout_ns,
            ..RunOn::new(self.runtime)
        }
    }

    fn request(&self) -> MeasureRequest {
        MeasureRequest {
            run_on: self.run_on(),
            plan: self.plan(),
            processes: self.processes(),
            agreement: None,
            per_operator: self.per_operator.then_some(MeasureRequest::PROFILE),
            memory_processes: self.processes(),
            energy: self.energy.then(|| energy::plan(&self.limits)),
            seed: self.seed,
        }
    }
}

/// Measures a model, given as the bytes of an ONNX file; each pass is told to `hear` before it starts.
///
/// # Errors
///
/// [`DeviceError`]; [`Report::failed`] turns one into a report.
pub fn bench(
    device: &mut Device,
    model: &[u8],
    facts: &ModelFacts,
    options: &BenchOptions,
    hear: &mut dyn FnMut(PassStep<'_>),
) -> Result<Report, DeviceError> {
    let measurement = device.measure_heard(model, &options.request(), hear)?;
    Ok(convert::report(device.info(), &measurement, facts, options))
}
