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

/// The winner as JSON, for programs; `constraints` are those of the run, each with whether it holds. `metrics` are those on the first
/// of the devices, and `devices` has them of each.
pub fn winner_json(
    winner: &Candidate,
    devices: &[&str],
    constraints: &[Constraint],
    context: &WinnerContext,
) -> String {
    let document = json!({
        "schema": WINNER_SCHEMA,
        "model": context.model,
        "model_sha256": context.model_sha256,
        "network_digest": context.network_digest,
        "trial": winner.id,
        "genotype": winner.genotype,
        "classes": context.classes,
        "metrics": metrics(winner, 0),
        "devices": (0_u8..).zip(devices).map(|(number, name)| json!({ "name": name, "metrics": on_device(winner, number) })).collect::<Vec<_>>(),
        "constraints": constraints.iter().map(|constraint| checked(winner, devices, constraint)).collect::<Vec<_>>(),
        "provenance": context.provenance,
    });
    format!("{document:#}\n")
}

/// All that is known of it on a device.
fn metrics(winner: &Candidate, device: u8) -> Map<String, Json> {
    Metric::ALL.into_iter().filter_map(|metric| entry(winner, device, metric)).collect()
}

/// What a device decides, and how many test images it classified right.
fn on_device(winner: &Candidate, device: u8) -> Map<String, Json> {
    let is_its =
        |name: &String| name.parse().is_ok_and(|metric: Metric| metric.is_of_device() || metric == Metric::Accuracy);
    metrics(winner, device).into_iter().filter(|(name, _)| is_its(name)).collect()
}

/// A metric with its most trusted value, and what was predicted where that is another one.
fn entry(winner: &Candidate, device: u8, metric: Metric) -> Option<(String, Json)> {
    let best = winner.readings.best_on(device, metric)?;
    let mut entry = described(metric, best);
    if let Some(predicted) =
        winner.readings.predicted_on(device, metric).filter(|predicted| predicted.origin != best.origin)
    {
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

fn checked(winner: &Candidate, devices: &[&str], constraint: &Constraint) -> Json {
    let Constraint { metric, min, max, device } = *constraint;
    let is_met = winner.readings.best_on(device, metric).map(|value| constraint.excess(value.value) == 0.0);
    let on = devices.get(device as usize).filter(|_| metric.is_of_device());
    json!({ "metric": metric.name(), "device": on, "min": min, "max": max, "is_met": is_met })
}
