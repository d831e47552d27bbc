//! `edgefit bench`: one model on one device, as a report that can be trusted.
//!
//! [`bench()`] measures and gives a [`Report`] in the schema `edgefit-bench/1`, whose names are those of TFLite's
//! benchmark_result.proto where it has one. [`text`] renders it for people, [`trace`] as a Chrome trace. The command line
//! itself is elsewhere.

pub mod compare;
mod convert;
#[cfg(test)]
mod fixture;
mod preset;
mod report;
mod series;
pub mod text;
pub mod trace;

use edgefit_protocol::{
    job::{InputShape, Settings},
    runtime::RuntimeName,
};

use crate::device::{Device, DeviceError, MeasureRequest, RunOn};

pub use preset::Preset;
pub use report::{
    DeviceSection, EnvironmentSection, ErrorSection, LatencyMetrics, MemoryMetrics, ModelSection, OperatorRow, Report,
    RuntimeSection, SCHEMA, StaticEstimate, TypeRow, Validity,
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
    /// Latency processes instead of the preset's number; at least 1.
    pub processes: Option<u32>,
    /// Whether nodes are measured too.
    pub per_operator: bool,
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
            processes: None,
            per_operator: false,
            seed: 0,
        }
    }

    fn request(&self) -> MeasureRequest {
        let run_on = RunOn {
            settings: self.settings.clone(),
            shapes: self.shapes.clone(),
            timeout_ns: self.preset.timeout_ns(),
            ..RunOn::new(self.runtime)
        };
        MeasureRequest {
            run_on,
            plan: self.preset.plan(),
            processes: self.processes.unwrap_or(self.preset.processes()),
            agreement: None,
            per_operator: self.per_operator.then_some(MeasureRequest::PROFILE),
            memory: true,
            seed: self.seed,
        }
    }
}

/// What is known of a model without running it; whatever is not is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFacts {
    /// Version of the operator set.
    pub opset: Option<i64>,
    /// Number of weights.
    pub params: Option<u64>,
    /// Multiply-accumulates of one run.
    pub macs: Option<u64>,
    /// Bytes of the weights.
    pub weight_bytes: Option<u64>,
    /// Highest sum of live activations, in bytes.
    pub activation_peak_bytes: Option<u64>,
}

/// Measures a model, given as the bytes of an ONNX file.
///
/// # Errors
///
/// [`DeviceError`]; [`Report::failed`] turns one that the device told into a report.
pub fn bench(
    device: &mut Device,
    model: &[u8],
    facts: &ModelFacts,
    options: &BenchOptions,
) -> Result<Report, DeviceError> {
    let measurement = device.measure(model, &options.request())?;
    Ok(convert::report(device.info(), &measurement, facts, options))
}
