//! Measuring networks of a run: exported, sent to the device once, and never measured again when the study holds the result.

use edgefit_graph::{Digest, Graph, Weights};
use edgefit_latency::{Measured, NodeTime};
use edgefit_onnx::{ExportOptions, export};
use edgefit_protocol::error::ErrorKind as JobErrorKind;
use edgefit_search::{Metric, Readings, Value};

use crate::config::DeviceConfig;
use crate::device::statistics::median;
use crate::device::{Agreement, Device, DeviceError, MeasureRequest, Measurement};
use crate::error::{Error, ErrorKind, Result};
use crate::study::{self, Study};

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_KIB: u64 = 1024;

/// What a measurement is for; part of its key in the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A model of the latency table.
    Table,
    /// A trained candidate.
    Trial,
    /// A finalist, measured again.
    Final,
    /// The winner, measured as thoroughly as the device's preset says.
    Winner,
}

impl Purpose {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Trial => "trial",
            Self::Final => "final",
            Self::Winner => "winner",
        }
    }
}

/// A measurement with its record for the study; `record` is `None` when the study had it already.
pub(super) struct Taken {
    pub(super) measurement: Measurement,
    pub(super) record: Option<study::Measurement>,
}

/// Why a network has no measurement.
pub(super) enum MeasureFailure {
    /// The network itself cannot be measured: it crashes, hangs or does not fit. The device is ready for the next.
    Network(String),
    /// The device is gone, or the run cannot go on for another reason.
    Run(Error),
}

/// The device of a run together with how it is used.
pub(super) struct Measurer {
    device: Device,
    config: DeviceConfig,
    seed: u64,
    processes: u32,
}

impl Measurer {
    pub(super) fn new(device: Device, config: &DeviceConfig, seed: u64, processes: usize) -> Self {
        let processes = u32::try_from(processes).unwrap_or(u32::MAX);
        Self { device, config: config.clone(), seed, processes }
    }

    pub(super) fn device(&mut self) -> &mut Device {
        &mut self.device
    }

    /// The measurement of a network for a purpose: the study's if it has one, else a new one.
    pub(super) fn measure(
        &mut self,
        study: &mut Study,
        purpose: Purpose,
        digest: &Digest,
        model: &[u8],
    ) -> std::result::Result<Taken, MeasureFailure> {
        let key = key(purpose, digest);
        if let Some(measurement) = recorded(study, &key).map_err(MeasureFailure::Run)? {
            return Ok(Taken { measurement, record: None });
        }
        let measurement = self.device.measure(model, &self.request(purpose)).map_err(failure)?;
        let document = serde_json::to_string(&measurement).map_err(|e| MeasureFailure::Run(internal(e)))?;
        let record = study::Measurement { key, purpose: purpose.name().to_owned(), document };
        Ok(Taken { measurement, record: Some(record) })
    }

    /// How networks are measured for a purpose.
    fn request(&self, purpose: Purpose) -> MeasureRequest {
        let runtime = self.config.runtime;
        let mut request = MeasureRequest::search(runtime);
        match purpose {
            Purpose::Table | Purpose::Trial | Purpose::Final => {
                request.processes = self.processes;
                request.agreement = Some(Agreement::SEARCH);
            }
            Purpose::Winner => {
                let preset = self.config.preset;
                request.plan = preset.plan();
                request.processes = preset.processes();
                request.run_on.timeout_ns = preset.timeout_ns();
            }
        }
        request.seed = self.seed;
        request.run_on.settings.threads = self.config.threads;
        if let Some(affinity) = &self.config.affinity {
            request.run_on.settings.affinity = affinity.clone();
        }
        request
    }
}

/// The key of a measurement in the study.
pub(super) fn key(purpose: Purpose, digest: &Digest) -> String {
    format!("{}/{digest}", purpose.name())
}

/// The measurement of this key, if the study has it.
pub(super) fn recorded(study: &mut Study, key: &str) -> Result<Option<Measurement>> {
    let Some(record) = study.measurement(key)? else { return Ok(None) };
    serde_json::from_str(&record.document).map(Some).map_err(internal)
}

/// A network as the file that the device gets.
pub(super) fn model_bytes(graph: &Graph, weights: &Weights, options: &ExportOptions) -> Result<Vec<u8>> {
    export(graph, weights, options).map_err(internal)
}

/// What the latency table learns from a measurement.
pub(super) fn table_sample(measurement: &Measurement) -> Measured {
    let nodes = measurement.operators.iter().flat_map(|profile| &profile.nodes);
    Measured {
        latency_ns: measurement.latency.iter().filter_map(|run| median(&run.samples_ns)).collect(),
        profile: nodes
            .map(|node| NodeTime {
                name: node.name.clone(),
                op: node.op.clone(),
                time_ns: node.mean_ns * node.calls_per_run,
            })
            .collect(),
        peak_memory_bytes: model_peak_kib(measurement).map(|kib| kib * BYTES_PER_KIB),
        measured_at_unix_s: None,
    }
}

/// What the trial learns from a measurement, with its origin. The latency is the median of the processes' medians, so that one
/// disturbed process of three does not decide.
pub(super) fn readings(measurement: &Measurement) -> Readings {
    let by = origin(measurement);
    let summary = measurement.summary();
    let [low, high] = summary.median_interval.map(|ns| ns / NS_PER_MS);
    let medians_ns: Vec<u64> =
        measurement.latency.iter().filter_map(|run| median(&run.samples_ns)).map(|ns| ns as u64).collect();
    let median_ns = median(&medians_ns).unwrap_or(summary.median);
    let median = Value::measured(median_ns / NS_PER_MS, Some((low, high)), &by);
    let mut readings = Readings::new()
        .with(Metric::LatencyMs, median)
        .with(Metric::LatencyP90Ms, Value::measured(summary.p90 / NS_PER_MS, None, &by));
    if let Some(kib) = model_peak_kib(measurement) {
        readings.add(Metric::PeakMemoryKib, Value::measured(kib as f64, None, &by));
    }
    readings
}

/// Who measured: device, runtime with version, threads.
pub(super) fn origin(measurement: &Measurement) -> String {
    let from = &measurement.provenance;
    let runtime = format!("{} {}", from.runtime.name.name(), from.runtime.version);
    let (threads, processes) = (from.settings.threads, measurement.latency.len());
    format!("{}, {runtime}, {threads} thread(s), {processes} process(es)", from.device_url)
}

fn model_peak_kib(measurement: &Measurement) -> Option<u64> {
    measurement.memory.as_ref().and_then(|memory| memory.model_peak_kib())
}

/// Whether a failed job says something about the network, or about the device.
fn failure(error: DeviceError) -> MeasureFailure {
    match error.kind() {
        Some(
            JobErrorKind::ModelUnreadable
            | JobErrorKind::Unsupported
            | JobErrorKind::RunFailed
            | JobErrorKind::Crashed
            | JobErrorKind::OutOfMemory
            | JobErrorKind::Timeout,
        ) => MeasureFailure::Network(error.to_string()),
        _ => MeasureFailure::Run(error.into()),
    }
}

fn internal(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, cause)
}
