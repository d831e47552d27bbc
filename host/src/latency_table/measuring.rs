//! One model on the device, as tables learn it: how it is measured, what a failure means, and the sample that comes of it.

use edgefit_latency::{Measured, NodeTime};
use edgefit_protocol::error::ErrorKind as JobErrorKind;

use crate::config::DeviceConfig;
use crate::device::statistics::median;
use crate::device::{Agreement, Device, DeviceError, MeasureRequest, Measurement};
use crate::error::Error;
use crate::progress::Event;

const BYTES_PER_KIB: u64 = 1024;

/// Why a network has no measurement.
pub(crate) enum MeasureFailure {
    /// The network itself cannot be measured: it crashes, hangs or does not fit. The device is ready for the next.
    Network(String),
    /// The device is gone, or the run cannot go on for another reason.
    Run(Error),
}

/// How the models of a table and the candidates of a search are measured: in short passes, for the latency in
/// `processes` at least, until two agree.
pub(crate) fn request(device: &DeviceConfig, seed: u64, processes: usize) -> MeasureRequest {
    let mut request = MeasureRequest::search(device.runtime);
    request.processes = u32::try_from(processes).unwrap_or(u32::MAX);
    request.agreement = Some(Agreement::SEARCH);
    request.seed = seed;
    request.run_on.settings.threads = device.threads;
    if let Some(affinity) = &device.affinity {
        request.run_on.settings.affinity = affinity.clone();
    }
    request
}

/// Measures a model.
pub(crate) fn measure(
    device: &mut Device,
    model: &[u8],
    request: &MeasureRequest,
) -> Result<Measurement, MeasureFailure> {
    device.measure(model, request).map_err(failure)
}

/// What a latency table learns from a measurement.
pub(crate) fn table_sample(measurement: &Measurement) -> Measured {
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
        reference_ns: measurement.reference_ns(),
    }
}

/// What the model adds to its process at the peak, in KiB.
pub(crate) fn model_peak_kib(measurement: &Measurement) -> Option<u64> {
    measurement.memory.as_ref().and_then(|memory| memory.model_peak_kib())
}

/// What is said of a board of several that is lost.
pub(crate) fn lost(error: &DeviceError) -> Event {
    Event::Warning(format!("{error}; the other devices take over its work"))
}

/// Whether a failed job says something about the network, or about the device.
pub(crate) fn failure(error: DeviceError) -> MeasureFailure {
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
