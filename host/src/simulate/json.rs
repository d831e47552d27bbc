//! The comparison as a JSON document.
//!
//! `format` is the version of the document; fields are added without another one, and never change their meaning.

use edgefit_search::StrategySettings;
use edgefit_search::simulate::{Ideal, Summary};
use serde::Serialize;

use super::Comparison;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    table: String,
    networks: usize,
    feasible_networks: usize,
    accuracy_column: &'a str,
    latency_column: Option<&'a str>,
    max_latency: Option<f64>,
    queries: usize,
    repeats: usize,
    seed: u64,
    /// `accuracy`, in the unit of its column, or `hypervolume_share`.
    judged_by: &'static str,
    /// The best accuracy of the feasible networks.
    best_accuracy: Option<f64>,
    /// Accuracy and latency from which the hypervolume is counted.
    reference: Option<[f64; 2]>,
    strategies: Vec<Strategy<'a>>,
}

#[derive(Serialize)]
struct Strategy<'a> {
    strategy: &'a str,
    settings: Settings<'a>,
    /// After each query.
    mean: Vec<f64>,
    standard_deviation: &'a [f64],
    queries_to_best: QueriesToBest,
    stopped_mean: f64,
}

/// The settings that were stated; the number of trials is that of the queries.
#[derive(Serialize)]
struct Settings<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    learning_rate: Option<f64>,
}

#[derive(Serialize)]
struct QueriesToBest {
    /// A search that did not find the best counts with all its queries.
    mean: f64,
    standard_error: f64,
    median: f64,
    found: usize,
}

/// The whole comparison, on one line.
pub fn json(comparison: &Comparison) -> String {
    let (plan, (networks, feasible_networks)) = (&comparison.plan, comparison.benchmark.counts());
    let (judged_by, best_accuracy, reference) = match comparison.benchmark.ideal() {
        Ideal::Loss(loss) => ("accuracy", Some(-loss), None),
        Ideal::Hypervolume { reference, .. } => ("hypervolume_share", None, Some([-reference[0], reference[1]])),
    };
    let summaries = plan.candidates.iter().zip(&comparison.summaries);
    let document = Document {
        format: 1,
        table: plan.table.display().to_string(),
        networks,
        feasible_networks,
        accuracy_column: &plan.accuracy_column,
        latency_column: plan.latency_column.as_deref(),
        max_latency: plan.max_latency,
        queries: plan.queries,
        repeats: plan.repeats,
        seed: plan.seed,
        judged_by,
        best_accuracy,
        reference,
        strategies: summaries
            .map(|(candidate, summary)| strategy(candidate.label(), candidate.settings(), summary, reference.is_some()))
            .collect(),
    };
    serde_json::to_string(&document).expect("numbers, texts and lists are JSON") + "\n"
}

fn strategy<'a>(label: &'a str, settings: &'a StrategySettings, summary: &'a Summary, is_share: bool) -> Strategy<'a> {
    let StrategySettings { name, population, sample, initial, learning_rate, .. } = settings;
    let to_best = &summary.to_ideal;
    Strategy {
        strategy: label,
        settings: Settings {
            name,
            population: *population,
            sample: *sample,
            initial: *initial,
            learning_rate: *learning_rate,
        },
        mean: summary.mean.iter().map(|mean| if is_share { *mean } else { -mean }).collect(),
        standard_deviation: &summary.deviation,
        queries_to_best: QueriesToBest {
            mean: to_best.mean,
            standard_error: to_best.error,
            median: to_best.median,
            found: to_best.reached,
        },
        stopped_mean: summary.stopped,
    }
}
