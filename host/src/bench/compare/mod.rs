//! `edgefit compare`: several models side by side, measured in interleaved random order so that what the machine does
//! meanwhile meets all of them alike, with a canary that tells when the machine itself changed.

mod noise;
mod score;
pub mod text;

use serde::{Deserialize, Serialize};

use super::{
    BenchOptions, ModelFacts, convert,
    report::{DeviceSection, ErrorSection, RuntimeSection, SettingsSection},
};
use crate::device::{
    BatchError, BatchPlan, BatchStep, Device, DeviceInfo, MeasureRequest, Measurement, canary::Canary,
    statistics::ratio_interval, validity, validity::Flag,
};

pub use score::{Normalization, Score, ScoreRule};

/// Name and version of the schema.
pub const SCHEMA: &str = "edgefit-compare/1";

/// Fewest rounds: of one round, no interval of a ratio can be known.
const MIN_ROUNDS: u32 = 2;

/// Rounds where nobody states them: of three, intervals are twice as wide.
const USUAL_ROUNDS: u32 = 5;

/// A model to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// Its name, such as that of its file.
    pub name: String,
    /// The bytes of its ONNX file.
    pub model: &'a [u8],
    /// What is known of it without running it.
    pub facts: ModelFacts,
}

/// Models side by side. A reader may rely on every name here; what was not measured is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The device; null where it was never reached.
    pub device: Option<DeviceSection>,
    /// The runtime that ran the models.
    pub runtime: Option<RuntimeSection>,
    /// How they were measured; `processes` are the rounds, in each of which every model ran once, in a fresh process.
    pub settings: SettingsSection,
    /// The data that accuracies are of.
    pub data: Option<DataSection>,
    /// How scores were computed.
    pub score: Option<Score>,
    /// The models as they were given; the first is what the others are compared with.
    pub models: Vec<Row>,
    /// The canary over the batch.
    pub canary: Canary,
    /// What is to be known of the whole batch.
    pub validity: BatchValidity,
    /// Why there are no numbers.
    pub error: Option<ErrorSection>,
}

/// The data that accuracies are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSection {
    /// Name of the format, with its folder.
    pub name: String,
    /// Test images.
    pub images: usize,
    /// Seed of the split into training, validation and test.
    pub seed: u64,
}

/// Whether the batch can be taken as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchValidity {
    /// Whether neither the batch nor a model has a flag.
    pub ok: bool,
    /// What is wrong with the batch.
    pub flags: Vec<Flag>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Median latency over all rounds.
    pub median_ms: f64,
    /// 95 % interval of the median.
    pub median_ci95_ms: [f64; 2],
    /// 90th percentile.
    pub p90_ms: f64,
    /// Geometric mean of the rounds' ratios to the first model.
    pub ratio: f64,
    /// 95 % interval of the ratio, by Student's t over the rounds.
    pub ratio_ci95: [f64; 2],
    /// Whether the interval of the ratio holds 1: no difference was seen.
    pub within_noise: bool,
    /// Highest resident memory of the process, in KiB; the middle one of the rounds.
    pub peak_rss_kb: Option<u64>,
    /// What the model adds to the process at its highest, in KiB.
    pub model_peak_kb: Option<u64>,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Number of weights.
    pub params: Option<u64>,
    /// Multiply-accumulates of one run.
    pub macs: Option<u64>,
    /// Accuracy on the user's data, from 0 to 1.
    pub accuracy: Option<f64>,
    /// Whether the images do not tell its accuracy from the first model's: exact McNemar test at 5 %.
    pub accuracy_within_noise: Option<bool>,
    /// See [`Score`]; for models with an accuracy.
    pub score: Option<f64>,
    /// What is wrong with its measurement.
    pub flags: Vec<Flag>,
}

/// Measures every candidate in every round and compares them with the first. Each job is told to `hear` before it starts.
///
/// # Errors
///
/// [`BatchError`] of the first job that fails.
pub fn compare(
    device: &mut Device,
    candidates: &[Candidate<'_>],
    options: &BenchOptions,
    hear: &mut dyn FnMut(BatchStep),
) -> Result<Comparison, BatchError> {
    let options = &with_rounds(options);
    let request = MeasureRequest { per_operator: None, ..options.request() };
    let models: Vec<(&[u8], MeasureRequest)> = candidates.iter().map(|c| (c.model, request.clone())).collect();
    let plan = BatchPlan { rounds: options.processes(), seed: options.seed };
    let batch = device.measure_batch(&models, &plan, hear)?;
    let cores = device.info().description.cores.len();
    let first = batch.measurements.first();
    let rows = candidates.iter().zip(&batch.measurements);
    let rows: Vec<Row> = rows.map(|(c, measured)| row(c, measured, first.unwrap_or(measured), cores)).collect();
    let flags: Vec<Flag> = batch.canary.flag().into_iter().collect();
    let ok = flags.is_empty() && rows.iter().all(|row| row.flags.is_empty());
    Ok(Comparison {
        device: Some(convert::device(device.info())),
        runtime: first.map(|measurement| convert::runtime(&measurement.provenance)),
        models: rows,
        canary: batch.canary,
        validity: BatchValidity { ok, flags },
        ..Comparison::blank(options)
    })
}

fn with_rounds(options: &BenchOptions) -> BenchOptions {
    let rounds = options.processes.unwrap_or(USUAL_ROUNDS).max(MIN_ROUNDS);
    BenchOptions { processes: Some(rounds), ..options.clone() }
}

impl Comparison {
    /// The comparison that failed. `info` is `None` where the device was never reached.
    pub fn failed(info: Option<&DeviceInfo>, error: ErrorSection, options: &BenchOptions) -> Self {
        let device = info.map(convert::device);
        Self { device, error: Some(error), ..Self::blank(&with_rounds(options)) }
    }

    fn blank(options: &BenchOptions) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            device: None,
            runtime: None,
            settings: convert::settings(options),
            data: None,
            score: None,
            models: Vec::new(),
            canary: Canary::default(),
            validity: BatchValidity::default(),
            error: None,
        }
    }

    /// Adds the accuracies: for every model, whether it classified each image right.
    pub fn add_accuracies(&mut self, data: DataSection, right: &[Vec<bool>]) {
        for (row, of_model) in self.models.iter_mut().zip(right) {
            let count = of_model.iter().filter(|right| **right).count();
            row.accuracy = Some(count as f64 / of_model.len().max(1) as f64);
            row.accuracy_within_noise = Some(noise::same_accuracy(&right[0], of_model));
        }
        self.data = Some(data);
    }

    /// Adds the scores of the models that have an accuracy.
    pub fn add_scores(&mut self, rule: ScoreRule) {
        let medians: Vec<f64> = self.models.iter().map(|row| row.median_ms).collect();
        let score = rule.score(&medians);
        for row in &mut self.models {
            row.score = row.accuracy.map(|accuracy| score.of(accuracy, row.median_ms));
        }
        self.score = Some(score);
    }
}

fn row(candidate: &Candidate<'_>, measurement: &Measurement, first: &Measurement, cores: usize) -> Row {
    let summary = measurement.summary();
    let (own, of_first) = (samples(measurement), samples(first));
    let (ratio, ratio_ci95) = ratio_interval(&own, &of_first).unwrap_or((1.0, [0.0, f64::MAX]));
    let memory = measurement.memory.as_ref();
    Row {
        name: candidate.name.clone(),
        sha256: measurement.provenance.model_sha256.clone(),
        median_ms: summary.median / 1e6,
        median_ci95_ms: summary.median_interval.map(|ns| ns / 1e6),
        p90_ms: summary.p90 / 1e6,
        ratio,
        ratio_ci95,
        within_noise: (ratio_ci95[0]..=ratio_ci95[1]).contains(&1.0),
        peak_rss_kb: memory.and_then(|memory| memory.peak_kib()),
        model_peak_kb: memory.and_then(|memory| memory.model_peak_kib()),
        size_bytes: measurement.provenance.model_bytes,
        params: candidate.facts.params,
        macs: candidate.facts.macs,
        accuracy: None,
        accuracy_within_noise: None,
        score: None,
        flags: validity::flags(measurement, cores),
    }
}

fn samples(measurement: &Measurement) -> Vec<&[u64]> {
    measurement.latency.iter().map(|run| run.samples_ns.as_slice()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;
    use edgefit_protocol::runtime::RuntimeName;

    /// A model, itself again, and one of twice the time.
    pub(super) fn comparison() -> Comparison {
        let first = fixture::measurement();
        let mut twice = fixture::measurement();
        twice.latency.iter_mut().for_each(|run| run.samples_ns.iter_mut().for_each(|ns| *ns *= 2));
        let named = |name: &str| Candidate { name: name.into(), model: &[], facts: ModelFacts::default() };
        let models = vec![
            row(&named("a"), &first, &first, 2),
            row(&named("again"), &first, &first, 2),
            row(&named("twice"), &twice, &first, 2),
        ];
        Comparison { models, ..Comparison::blank(&BenchOptions::new(RuntimeName::Tract)) }
    }

    fn data() -> DataSection {
        DataSection { name: "digits".into(), images: 100, seed: 0 }
    }

    #[test]
    fn a_model_is_within_its_own_noise_and_one_of_twice_the_time_is_not() {
        let comparison = comparison();
        let [_, same, twice] = comparison.models.as_slice() else { panic!("three models") };
        assert!(same.within_noise);
        assert!(!twice.within_noise);
        for value in [twice.ratio, twice.ratio_ci95[0], twice.ratio_ci95[1]] {
            assert!((value - 2.0).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn scores_weigh_accuracy_against_latency() {
        let mut comparison = comparison();
        let right = |count: usize| (0..100).map(|i| i < count).collect::<Vec<bool>>();
        comparison.add_accuracies(data(), &[right(90), right(90), right(95)]);
        comparison.add_scores(ScoreRule { lambda: 0.1, normalization: Normalization::Given(2.1) });
        let scores: Vec<f64> = comparison.models.iter().filter_map(|row| row.score).collect();
        assert!((scores[0] - 0.85).abs() < 1e-12, "{scores:?}");
        assert!((scores[2] - 0.85).abs() < 1e-12, "{scores:?}");
        assert_eq!(comparison.models[1].accuracy_within_noise, Some(true));
    }

    #[test]
    fn a_comparison_comes_back_from_its_json() {
        let mut comparison = comparison();
        comparison.add_accuracies(data(), &[vec![true], vec![true], vec![false]]);
        let json = serde_json::to_string(&comparison).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
    }
}
