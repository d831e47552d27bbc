//! `winner.json`: the winner's genotype and metrics, each with its unit, its interval and where it came from.

use edgefit_search::{Constraint, Metric, Origin, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::data::Candidate;
use super::wording;

/// Name and version of the form of the file.
pub const WINNER_SCHEMA: &str = "edgefit-winner/1";

/// What belongs to a winner besides its own numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WinnerContext {
    /// The name of its file, such as `winner.onnx`.
    pub model: String,
    /// SHA-256 of that file, in hexadecimal.
    pub model_sha256: String,
    /// The digest of its network, which names and weights do not change.
    pub network_digest: String,
    /// Names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// Version of edgefit, device, runtime, seed and the like.
    pub provenance: Json,
}

/// The winner as JSON, for programs; `constraints` are those of the run, each with whether it holds.
pub fn winner_json(winner: &Candidate, constraints: &[Constraint], context: &WinnerContext) -> String {
    let metrics: Map<String, Json> = Metric::ALL.into_iter().filter_map(|metric| entry(winner, metric)).collect();
    let document = json!({
        "schema": WINNER_SCHEMA,
        "model": context.model,
        "model_sha256": context.model_sha256,
        "network_digest": context.network_digest,
        "trial": winner.id,
        "genotype": winner.genotype,
        "classes": context.classes,
        "metrics": metrics,
        "constraints": constraints.iter().map(|constraint| checked(winner, constraint)).collect::<Vec<_>>(),
        "provenance": context.provenance,
    });
    format!("{document:#}\n")
}

/// A metric with its most trusted value, and what was predicted where that is another one.
fn entry(winner: &Candidate, metric: Metric) -> Option<(String, Json)> {
    let best = winner.readings.best(metric)?;
    let mut entry = described(metric, best);
    if let Some(predicted) = winner.readings.predicted(metric).filter(|predicted| predicted.origin != best.origin) {
        entry["predicted"] = described(metric, predicted);
    }
    Some((metric.name().to_owned(), entry))
}

fn described(metric: Metric, value: &Value) -> Json {
    json!({
        "value": value.value,
        "unit": unit(metric),
        "interval_95": value.interval.map(|(low, high)| [low, high]),
        "origin": wording::origin(&value.origin),
        "source": source(&value.origin),
    })
}

fn source(origin: &Origin) -> Json {
    wording::source(origin).map_or(Json::Null, Json::from)
}

/// The unit as other programs look for it; shares and counts say what they are.
fn unit(metric: Metric) -> &'static str {
    match metric {
        share if share.is_share() => "share",
        Metric::Macs | Metric::Params => "count",
        other => other.unit(),
    }
}

fn checked(winner: &Candidate, constraint: &Constraint) -> Json {
    let is_met = winner.best(constraint.metric).map(|value| constraint.excess(value) == 0.0);
    json!({ "metric": constraint.metric.name(), "min": constraint.min, "max": constraint.max, "is_met": is_met })
}
