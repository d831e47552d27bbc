//! `pareto.csv`: one row for each network of the front, numbers whole, units in the names of the columns.

use edgefit_search::{Metric, Value};

use super::data::Candidate;

/// Columns that every file has.
const COLUMNS: [&str; 16] = [
    "id",
    "genotype",
    "accuracy",
    "accuracy_source",
    "latency_ms",
    "latency_ms_low",
    "latency_ms_high",
    "predicted_latency_ms",
    "predicted_latency_ms_low",
    "predicted_latency_ms_high",
    "peak_memory_kib",
    "peak_memory_origin",
    "model_size_kib",
    "macs",
    "params",
    "meets_constraints",
];

/// Columns of each further device, before the colon and its name.
const OF_OTHERS: [&str; 7] = [
    "latency_ms",
    "latency_ms_low",
    "latency_ms_high",
    "predicted_latency_ms",
    "predicted_latency_ms_low",
    "predicted_latency_ms_high",
    "peak_memory_kib",
];

/// The front as CSV, in the order given; `latency_ms` is what was measured on the first device and is empty where nothing was, and
/// `latency_ms:NAME` on a further one.
pub fn pareto_csv<'c>(front: impl IntoIterator<Item = &'c Candidate>, devices: &[&str]) -> Vec<u8> {
    let others = || (0_u8..).zip(devices).skip(1);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let further = others().flat_map(|(_, device)| OF_OTHERS.map(|column| format!("{column}:{device}")));
    let header: Vec<String> = COLUMNS.iter().map(|column| (*column).to_owned()).chain(further).collect();
    writer.write_record(&header).expect("memory takes all rows");
    for candidate in front {
        let further = others().flat_map(|(device, _)| on_device(candidate, device));
        let row: Vec<String> = row(candidate).into_iter().chain(further).collect();
        writer.write_record(&row).expect("all rows are as long as the header, and memory takes them");
    }
    writer.into_inner().expect("memory takes all that is written to it")
}

/// A row; what is not known is empty.
fn row(candidate: &Candidate) -> [String; 16] {
    let readings = &candidate.readings;
    let (accuracy, memory) = (readings.best(Metric::Accuracy), readings.best(Metric::PeakMemoryKib));
    let [latency, low, high, predicted, predicted_low, predicted_high, peak] = on_device(candidate, 0);
    [
        candidate.id.to_string(),
        candidate.genotype.clone(),
        number(accuracy.map(|value| value.value)),
        accuracy.and_then(|value| super::wording::source(&value.origin)).unwrap_or_default().to_owned(),
        latency,
        low,
        high,
        predicted,
        predicted_low,
        predicted_high,
        peak,
        memory.map(|value| super::wording::origin(&value.origin)).unwrap_or_default().to_owned(),
        number(candidate.best(Metric::ModelSizeKib)),
        number(candidate.best(Metric::Macs)),
        number(candidate.best(Metric::Params)),
        candidate.meets_constraints.to_string(),
    ]
}

/// What a device decides, in the order of [`OF_OTHERS`].
fn on_device(candidate: &Candidate, device: u8) -> [String; 7] {
    let readings = &candidate.readings;
    let measured = readings.measured_on(device, Metric::LatencyMs);
    let predicted = readings.predicted_on(device, Metric::LatencyMs);
    let [latency, low, high] = with_ends(measured);
    let [predicted, predicted_low, predicted_high] = with_ends(predicted);
    let peak = number(readings.best_on(device, Metric::PeakMemoryKib).map(|value| value.value));
    [latency, low, high, predicted, predicted_low, predicted_high, peak]
}

fn with_ends(value: Option<&Value>) -> [String; 3] {
    let ends = value.and_then(|value| value.interval);
    [number(value.map(|value| value.value)), number(ends.map(|(low, _)| low)), number(ends.map(|(_, high)| high))]
}

/// A number whole, as the shortest text that is read as the same.
fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{value:?}")).unwrap_or_default()
}
