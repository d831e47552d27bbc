//! Measuring networks of a run: exported, sent to the device once, and never measured again when the study holds the result.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgefit_graph::{Digest, Graph, Weights};
use edgefit_onnx::{ExportOptions, export};
use edgefit_search::{Metric, Readings, Value};

use crate::config::DeviceConfig;
use crate::device::statistics::median;
use crate::device::{Agreement, Device, DeviceError, MeasureRequest, Measurement, Pool, PoolJob};
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::measuring::{MeasureFailure, measure, model_peak_kib, request};
use crate::study::{self, Study};

const NS_PER_MS: f64 = 1e6;

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

/// A measurement, or why there is none.
pub(super) type Taking = std::result::Result<Taken, MeasureFailure>;

/// A device of a run together with how it is used.
pub(super) struct Measurer {
    /// Shared by all that use one device in different ways, one at a time.
    pool: Arc<Mutex<Pool>>,
    /// What several devices measured side by side, until it is asked for; by its key.
    ahead: BTreeMap<String, Measurement>,
    config: DeviceConfig,
    /// Number of the device in the run.
    number: u8,
    seed: u64,
    processes: usize,
}

impl Measurer {
    pub(super) fn new(pool: Arc<Mutex<Pool>>, config: &DeviceConfig, number: u8, seed: u64, processes: usize) -> Self {
        Self { pool, ahead: BTreeMap::new(), config: config.clone(), number, seed, processes }
    }

    /// Does work on one device.
    pub(super) fn on_device<T>(&self, work: impl FnOnce(&mut Device) -> T) -> T {
        work(held(&self.pool).first())
    }

    /// Number of devices.
    pub(super) fn devices(&self) -> usize {
        held(&self.pool).count()
    }

    /// Has several devices measure networks side by side, for [`Self::measure`] to find. A network that fails is measured once more
    /// there, where its failure is dealt with. One device does nothing ahead.
    pub(super) fn measure_ahead(
        &mut self,
        study: &mut Study,
        purpose: Purpose,
        networks: &[(Digest, Vec<u8>)],
        lost: &mut dyn FnMut(&DeviceError),
    ) -> Result<()> {
        if self.devices() < 2 {
            return Ok(());
        }
        let mut missing = Vec::new();
        for (digest, model) in networks {
            let key = key(purpose, self.number, digest);
            if recorded(study, &key)?.is_none() {
                missing.push((key, model.as_slice()));
            }
        }
        let request = self.request(purpose);
        let jobs: Vec<PoolJob<'_>> = missing.iter().map(|(_, model)| (*model, &request)).collect();
        let measured = held(&self.pool).measure_all(&jobs, lost);
        let found = missing.into_iter().zip(measured).filter_map(|((key, _), result)| Some((key, result.ok()?)));
        self.ahead.extend(found);
        Ok(())
    }

    /// The measurement of a network for a purpose that the study has.
    pub(super) fn recorded(&self, study: &mut Study, purpose: Purpose, digest: &Digest) -> Result<Option<Taken>> {
        let measurement = recorded(study, &key(purpose, self.number, digest))?;
        Ok(measurement.map(|measurement| Taken { measurement, record: None }))
    }

    /// A new measurement of a network for a purpose.
    pub(super) fn measure(&mut self, purpose: Purpose, digest: &Digest, model: &[u8]) -> Taking {
        let key = key(purpose, self.number, digest);
        let request = self.request(purpose);
        let measurement = match self.ahead.remove(&key) {
            Some(measurement) => measurement,
            None => self.on_device(|device| measure(device, model, &request))?,
        };
        let document = serde_json::to_string(&measurement).map_err(|e| MeasureFailure::Run(internal(e)))?;
        let record = study::Measurement { key, purpose: purpose.name().to_owned(), document };
        Ok(Taken { measurement, record: Some(record) })
    }

    /// How networks are measured for a purpose.
    fn request(&self, purpose: Purpose) -> MeasureRequest {
        let mut request = request(&self.config, self.seed, self.processes);
        if matches!(purpose, Purpose::Final | Purpose::Winner) {
            request.agreement = Some(Agreement::FINAL);
        }
        if purpose == Purpose::Winner {
            let preset = self.config.preset;
            request.plan = preset.plan();
            request.processes = preset.processes();
            request.run_on.timeout_ns = preset.timeout_ns();
        }
        request
    }
}

/// What a panicked user held is as good as before: a device is made anew when its connection is broken.
pub(super) fn held(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key in the study of a measurement on the device of this number.
pub(super) fn key(purpose: Purpose, device: u8, digest: &Digest) -> String {
    match device {
        0 => format!("{}/{digest}", purpose.name()),
        other => format!("{}@{other}/{digest}", purpose.name()),
    }
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

/// What is learned from a measurement, with its origin. The latency is the median of the processes' medians, so that one disturbed
/// process of three does not decide.
pub(super) fn readings(measurement: &Measurement) -> Readings {
    let by = origin(measurement);
    let summary = measurement.summary();
    let [low, high] = summary.median_interval.map(|ns| ns / NS_PER_MS);
    let medians_ns: Vec<u64> =
        measurement.latency.iter().filter_map(|run| median(&run.samples_ns)).map(|ns| ns as u64).collect();
    let median_ns = median(&medians_ns).unwrap_or(summary.median);
    let latency = Value::measured(median_ns / NS_PER_MS, Some((low, high)), &by);
    let p90 = Value::measured(summary.p90 / NS_PER_MS, None, &by);
    let mut readings = Readings::new().with(Metric::LatencyMs, latency).with(Metric::LatencyP90Ms, p90);
    if let Some(kib) = model_peak_kib(measurement) {
        readings.add(Metric::PeakMemoryKib, Value::measured(kib as f64, None, &by));
    }
    readings
}

/// The same without the median latency where the device itself was slower all the while: of the network that says less than the table does.
pub(super) fn undisturbed_readings(measurement: &Measurement) -> Readings {
    let all = readings(measurement);
    if measurement.slowdown.is_none() {
        return all;
    }
    let told = all.iter().filter(|(metric, _)| *metric != Metric::LatencyMs);
    told.fold(Readings::new(), |readings, (metric, value)| readings.with(metric, value.clone()))
}

/// Who measured: device, runtime with version, threads.
pub(super) fn origin(measurement: &Measurement) -> String {
    let from = &measurement.provenance;
    let runtime = format!("{} {}", from.runtime.name.name(), from.runtime.version);
    let (threads, processes) = (from.settings.threads, measurement.latency.len());
    let emulated = if from.emulator.is_some() { ", emulated" } else { "" };
    let slowed = measurement.slowdown.map_or(String::new(), |slowdown| format!(", device {slowdown:.2} times as slow"));
    let left_out = measurement.disturbed_share();
    let left_out = match left_out > 0.0 {
        true => format!(", {:.0} % of the runs left out, when the device was slower", left_out * 100.0),
        false => String::new(),
    };
    format!("{}{emulated}, {runtime}, {threads} thread(s), {processes} process(es){slowed}{left_out}", from.device_url)
}

fn internal(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, cause)
}
