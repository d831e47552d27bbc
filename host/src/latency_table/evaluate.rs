//! How good a table is: the figures of every predictor beside the baselines', as JSON and as a table for people.

use edgefit_latency::evaluation::Scores;
use serde::Serialize;

use crate::quantity::{milliseconds, percent, significant};

/// Figures of the predictors on networks that they were not fitted to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Version of this document; fields are added without another one.
    pub format: u32,
    /// What was evaluated, in a few words each.
    pub about: Vec<String>,
    /// Networks that were fitted.
    pub fitted: usize,
    /// Networks that were tested.
    pub tested: usize,
    /// Draws whose mean the figures are.
    pub draws: usize,
    /// Seed of the draws or of the fresh networks.
    pub seed: u64,
    /// One for each predictor, ours first, the noise floor last where it was measured.
    pub predictors: Vec<Figures>,
    /// Each model that was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<TestedModel>,
}

/// A model that was measured twice, and what the table had predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestedModel {
    /// Its file or genotype.
    pub model: String,
    /// Median latency, measured first.
    pub measured_ms: f64,
    /// Median latency, measured again.
    pub again_ms: f64,
    /// Predicted by the table.
    pub predicted_ms: f64,
    /// Lower end of the 90 % interval.
    pub low_ms: f64,
    /// Upper end; absent without bound.
    pub high_ms: Option<f64>,
    /// Kernels that the device had measured.
    pub kernels_seen: usize,
    /// Kernels whose kind it had measured.
    pub kernels_inferred: usize,
    /// Kernels of a kind that it had not measured.
    pub kernels_unknown: usize,
}

impl TestedModel {
    fn row(&self) -> String {
        let high = self.high_ms.map_or_else(|| "any".to_owned(), milliseconds);
        let interval = format!("{} to {high}", milliseconds(self.low_ms));
        let error = percent(self.predicted_ms / self.measured_ms - 1.0);
        let kernels = format!("{} + {} + {}", self.kernels_seen, self.kernels_inferred, self.kernels_unknown);
        let (measured, predicted) = (milliseconds(self.measured_ms), milliseconds(self.predicted_ms));
        format!("{measured:>11} {predicted:>11} {error:>10} {interval:>24} {kernels:>15}  {}\n", self.model)
    }
}

/// Figures of one predictor. Shares are 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Its name.
    pub predictor: String,
    /// What it is, in a few words.
    pub what: &'static str,
    /// Share predicted within 10 % of the measured value.
    pub within_10: f64,
    /// Share predicted within 5 %.
    pub within_5: f64,
    /// Root mean square of the relative errors.
    pub rmspe: f64,
    /// Mean of the absolute relative errors.
    pub mape: f64,
    /// Rank correlation of predicted and measured.
    pub spearman: f64,
    /// Share of measured values inside their 90 % interval; absent where there is no interval.
    pub coverage: Option<f64>,
    /// Mean width of the intervals relative to the prediction; absent where one is without bound.
    pub mean_width: Option<f64>,
}

/// Names of what is evaluated beside the predictors themselves.
pub(super) const OURS: &str = "table";
pub(super) const NOISE_FLOOR: &str = "noise-floor";

impl Figures {
    pub(super) fn new(predictor: &str, scores: &Scores) -> Self {
        let has_interval = predictor != NOISE_FLOOR;
        Self {
            predictor: predictor.to_owned(),
            what: what(predictor),
            within_10: scores.within_10,
            within_5: scores.within_5,
            rmspe: scores.rmspe,
            mape: scores.mape,
            spearman: scores.spearman,
            coverage: has_interval.then_some(scores.coverage),
            mean_width: (has_interval && scores.mean_width.is_finite()).then_some(scores.mean_width),
        }
    }
}

fn what(predictor: &str) -> &'static str {
    match predictor {
        OURS => "what cross-validation chose: edgefit's prediction",
        NOISE_FLOOR => "the same networks measured twice",
        "operator-count" => "baseline: linear in the counts of operators",
        "macs" => "baseline: linear in the multiply-accumulates",
        "plain-sum" => "baseline: the sum of the kernels' own times",
        _ => "may be chosen",
    }
}

impl Evaluation {
    /// For people.
    pub fn text(&self) -> String {
        let head = format!(
            "{:22} {:>10} {:>10} {:>10} {:>9} {:>10} {:>10}\n",
            "", "within", "within", "", "", "90 %", "its mean"
        );
        let names = ["predictor", "10 %", "5 %", "RMSPE", "Spearman", "covers", "width"];
        let [name, within_10, within_5, rmspe, spearman, covers, width] = names;
        let head = format!(
            "{head}{name:22} {within_10:>10} {within_5:>10} {rmspe:>10} {spearman:>9} {covers:>10} {width:>10}\n"
        );
        let rows: String = self.predictors.iter().map(row).collect();
        let about: String = self.about.iter().map(|line| format!("{line}\n")).collect();
        format!("{about}{head}{rows}")
    }

    /// For people, one line for each model.
    pub fn models_text(&self) -> String {
        let head = ["measured", "predicted", "error", "90 % interval", "kernels"];
        let [measured, predicted, error, interval, kernels] = head;
        let head = format!("{measured:>11} {predicted:>11} {error:>10} {interval:>24} {kernels:>15}  model\n");
        let note = "kernels: seen + inferred from others of their kind + of a kind never measured\n";
        let rows: String = self.models.iter().map(TestedModel::row).collect();
        format!("{head}{rows}{note}")
    }
}

fn row(figures: &Figures) -> String {
    let or_dash = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    format!(
        "{:22} {:>10} {:>10} {:>10} {:>9} {:>10} {:>10}\n",
        figures.predictor,
        percent(figures.within_10),
        percent(figures.within_5),
        percent(figures.rmspe),
        significant(figures.spearman, 3),
        or_dash(figures.coverage),
        or_dash(figures.mean_width)
    )
}
