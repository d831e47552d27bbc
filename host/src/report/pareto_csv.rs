//! `pareto.csv`: one row for each network of the front, numbers whole, units in the names of the columns.

use edgefit_search::{Metric, Value};
use serde::Serialize;

use super::data::Candidate;

/// A row; what is not known is empty.
#[derive(Serialize)]
struct Row<'c> {
    id: u64,
    genotype: &'c str,
    accuracy: Option<f64>,
    accuracy_source: Option<&'c str>,
    latency_ms: Option<f64>,
    latency_ms_low: Option<f64>,
    latency_ms_high: Option<f64>,
    predicted_latency_ms: Option<f64>,
    predicted_latency_ms_low: Option<f64>,
    predicted_latency_ms_high: Option<f64>,
    peak_memory_kib: Option<f64>,
    peak_memory_origin: Option<&'static str>,
    model_size_kib: Option<f64>,
    macs: Option<f64>,
    params: Option<f64>,
    meets_constraints: bool,
}

/// The front as CSV, in the order given; `latency_ms` is what was measured and is empty where nothing was.
pub fn pareto_csv<'c>(front: impl IntoIterator<Item = &'c Candidate>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for candidate in front {
        writer.serialize(row(candidate)).expect("rows are flat and memory takes them all");
    }
    writer.into_inner().expect("memory takes all that is written to it")
}

fn row(candidate: &Candidate) -> Row<'_> {
    let readings = &candidate.readings;
    let accuracy = readings.best(Metric::Accuracy);
    let measured = readings.measured(Metric::LatencyMs);
    let predicted = readings.predicted(Metric::LatencyMs);
    let memory = readings.best(Metric::PeakMemoryKib);
    Row {
        id: candidate.id,
        genotype: &candidate.genotype,
        accuracy: accuracy.map(|value| value.value),
        accuracy_source: accuracy.and_then(|value| super::wording::source(&value.origin)),
        latency_ms: measured.map(|value| value.value),
        latency_ms_low: low(measured),
        latency_ms_high: high(measured),
        predicted_latency_ms: predicted.map(|value| value.value),
        predicted_latency_ms_low: low(predicted),
        predicted_latency_ms_high: high(predicted),
        peak_memory_kib: memory.map(|value| value.value),
        peak_memory_origin: memory.map(|value| super::wording::origin(&value.origin)),
        model_size_kib: candidate.best(Metric::ModelSizeKib),
        macs: candidate.best(Metric::Macs),
        params: candidate.best(Metric::Params),
        meets_constraints: candidate.meets_constraints,
    }
}

fn low(value: Option<&Value>) -> Option<f64> {
    value.and_then(|value| value.interval).map(|(low, _)| low)
}

fn high(value: Option<&Value>) -> Option<f64> {
    value.and_then(|value| value.interval).map(|(_, high)| high)
}
