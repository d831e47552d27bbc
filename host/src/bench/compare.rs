//! `edgefit compare`: several models side by side, measured in interleaved random order so that what the machine does
//! meanwhile meets all of them alike.

use std::fmt::{self, Write};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{BenchOptions, ModelFacts};
use crate::device::{
    Device, DeviceError, MeasureRequest, Measurement,
    statistics::{Summary, ratio_interval},
};

/// A model to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// Its name, such as that of its file.
    pub name: String,
    /// The bytes of its ONNX file.
    pub model: &'a [u8],
    /// What is known of it without running it.
    pub facts: ModelFacts,
    /// Its accuracy on the user's data, from 0 to 1.
    pub accuracy: Option<f64>,
}

/// How accuracy and cost become one number: `accuracy - lambda * cost / reference`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// What a reference's worth of latency costs in accuracy.
    pub lambda: f64,
    /// The latency that counts as 1, in milliseconds.
    pub reference_ms: f64,
}

/// Models side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Rounds; each measures every model once, in a fresh process.
    pub rounds: u32,
    /// Seed of the order in each round.
    pub seed: u64,
    /// How scores were computed.
    pub score: Option<Score>,
    /// The models as they were given; the first is what the others are compared with.
    pub models: Vec<Row>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Median latency over all rounds.
    pub median_ms: f64,
    /// 95 % interval of the median.
    pub median_ci95_ms: [f64; 2],
    /// Median over that of the first model.
    pub ratio: f64,
    /// 95 % interval of the ratio, by bootstrap over rounds.
    pub ratio_ci95: [f64; 2],
    /// Whether the interval of the ratio holds 1: no difference was seen.
    pub within_noise: bool,
    /// Highest resident memory, in KiB.
    pub peak_rss_kb: Option<u64>,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// Number of weights.
    pub params: Option<u64>,
    /// Multiply-accumulates of one run.
    pub macs: Option<u64>,
    /// Accuracy on the user's data.
    pub accuracy: Option<f64>,
    /// See [`Score`]; for models with an accuracy.
    pub score: Option<f64>,
}

/// Measures every candidate in every round and compares them with the first.
///
/// # Errors
///
/// [`DeviceError`] of the first pass that fails.
pub fn compare(
    device: &mut Device,
    candidates: &[Candidate<'_>],
    options: &BenchOptions,
    score: Option<Score>,
) -> Result<Comparison, DeviceError> {
    let rounds = options.processes.unwrap_or(options.preset.processes()).max(2);
    let measured = measure_in_rounds(device, candidates, options, rounds)?;
    let models = candidates
        .iter()
        .zip(&measured)
        .map(|(candidate, measurement)| row(candidate, measurement, &measured[0], score))
        .collect();
    Ok(Comparison { rounds, seed: options.seed, score, models })
}

fn measure_in_rounds(
    device: &mut Device,
    candidates: &[Candidate<'_>],
    options: &BenchOptions,
    rounds: u32,
) -> Result<Vec<Measurement>, DeviceError> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let mut measured: Vec<Option<Measurement>> = vec![None; candidates.len()];
    for round in 0..rounds {
        order.shuffle(&mut rng);
        let request = MeasureRequest { processes: 1, per_operator: None, memory: round == 0, ..options.request() };
        for index in &order {
            let one = device.measure(candidates[*index].model, &request)?;
            add_round(&mut measured[*index], one);
        }
    }
    Ok(measured.into_iter().flatten().collect())
}

fn add_round(whole: &mut Option<Measurement>, round: Measurement) {
    match whole {
        Some(whole) => whole.latency.extend(round.latency),
        None => *whole = Some(round),
    }
}

fn row(candidate: &Candidate<'_>, measurement: &Measurement, first: &Measurement, score: Option<Score>) -> Row {
    let summary: Summary = measurement.summary();
    let median_ms = summary.median / 1e6;
    let ratio_ci95 = ratio_interval(&samples(measurement), &samples(first)).unwrap_or([1.0, 1.0]);
    Row {
        name: candidate.name.clone(),
        median_ms,
        median_ci95_ms: summary.median_interval.map(|ns| ns / 1e6),
        ratio: summary.median / first.median_ns(),
        ratio_ci95,
        within_noise: (ratio_ci95[0]..=ratio_ci95[1]).contains(&1.0),
        peak_rss_kb: measurement.memory.as_ref().and_then(|memory| memory.peak_kib()),
        size_bytes: measurement.provenance.model_bytes,
        params: candidate.facts.params,
        macs: candidate.facts.macs,
        accuracy: candidate.accuracy,
        score: score.zip(candidate.accuracy).map(|(score, accuracy)| score.of(accuracy, median_ms)),
    }
}

impl Score {
    /// The score of an accuracy from 0 to 1 at a latency in milliseconds.
    pub fn of(&self, accuracy: f64, latency_ms: f64) -> f64 {
        accuracy - self.lambda * latency_ms / self.reference_ms
    }
}

fn samples(measurement: &Measurement) -> Vec<&[u64]> {
    measurement.latency.iter().map(|run| run.samples_ns.as_slice()).collect()
}

/// The comparison for people.
pub fn render(comparison: &Comparison) -> String {
    let mut text = String::new();
    write_comparison(&mut text, comparison).expect("writing into a string does not fail");
    text
}

fn write_comparison(text: &mut String, comparison: &Comparison) -> fmt::Result {
    writeln!(text, "{} rounds in random order, seed {}", comparison.rounds, comparison.seed)?;
    if let Some(Score { lambda, reference_ms }) = comparison.score {
        writeln!(text, "score = accuracy - {lambda} * median / {reference_ms} ms")?;
    }
    let names = comparison.models.iter().map(|row| row.name.chars().count());
    let width = names.max().unwrap_or(0).max(5);
    writeln!(
        text,
        "{:<width$} {:>10} {:>21} {:>7} {:>15} {:>9} {:>9} {:>11} {:>8} {:>8}",
        "model",
        "median ms",
        "95 % interval",
        "ratio",
        "95 % interval",
        "peak KiB",
        "params",
        "MACs",
        "accuracy",
        "score"
    )?;
    comparison.models.iter().try_for_each(|row| write_row(text, row, width))?;
    for row in comparison.models.iter().skip(1).filter(|row| row.within_noise) {
        writeln!(text, "{} and {}: the difference is within the noise", comparison.models[0].name, row.name)?;
    }
    Ok(())
}

fn write_row(text: &mut String, row: &Row, width: usize) -> fmt::Result {
    let [low, high] = row.median_ci95_ms;
    let [ratio_low, ratio_high] = row.ratio_ci95;
    writeln!(
        text,
        "{:<width$} {:>10.4} {:>9.4} to {:>8.4} {:>7.3} {:>6.3} to {:>5.3} {:>9} {:>9} {:>11} {:>8} {:>8}",
        row.name,
        row.median_ms,
        low,
        high,
        row.ratio,
        ratio_low,
        ratio_high,
        or_dash(row.peak_rss_kb),
        or_dash(row.params),
        or_dash(row.macs),
        or_dash(row.accuracy.map(|accuracy| format!("{accuracy:.4}"))),
        or_dash(row.score.map(|score| format!("{score:.4}")))
    )
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    fn rows(accuracy: Option<f64>, score: Option<Score>) -> [Row; 2] {
        let first = fixture::measurement();
        let mut second = fixture::measurement();
        second.latency.iter_mut().for_each(|run| run.samples_ns.iter_mut().for_each(|ns| *ns *= 2));
        let named = |name: &str| Candidate { name: name.into(), model: &[], facts: ModelFacts::default(), accuracy };
        [row(&named("a"), &first, &first, score), row(&named("b"), &second, &first, score)]
    }

    #[test]
    fn a_model_is_within_its_own_noise_and_one_of_twice_the_time_is_not() {
        let [same, twice] = rows(None, None);
        assert!(same.within_noise);
        assert!(!twice.within_noise);
        assert_eq!(twice.ratio, 2.0);
        assert_eq!(twice.ratio_ci95, [2.0, 2.0]);
    }

    #[test]
    fn the_score_is_printed_with_its_formula() {
        let score = Score { lambda: 0.1, reference_ms: 2.1 };
        let [a, b] = rows(Some(0.9), Some(score));
        assert!((a.score.unwrap() - 0.85).abs() < 1e-12);
        assert!((b.score.unwrap() - 0.8).abs() < 1e-12);
        let comparison = Comparison { rounds: 2, seed: 0, score: Some(score), models: vec![a.clone(), a, b] };
        let text = render(&comparison);
        assert!(text.contains("score = accuracy - 0.1 * median / 2.1 ms"), "{text}");
        assert_eq!(text.matches("within the noise").count(), 1, "{text}");
    }
}
