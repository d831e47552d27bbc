//! The tables of the page: networks, what stopped proposals, where the time went, names with values.

use edgefit_search::{Metric, Origin, Value};
use maud::{Markup, html};

use super::data::{Candidate, Fact, ReportData, Span, Untrained};
use super::wording;
use crate::quantity;

/// Metrics that are shown of every network, best first known.
const SHOWN: [Metric; 5] =
    [Metric::Accuracy, Metric::LatencyMs, Metric::PeakMemoryKib, Metric::ModelSizeKib, Metric::Macs];

/// Networks with what is known of them, the most accurate first.
pub(super) fn networks(data: &ReportData, candidates: &[&Candidate]) -> Markup {
    let winner = data.winner.as_ref().map(|winner| winner.candidate.id);
    let is_expected = candidates.iter().any(|candidate| candidate.expected_accuracy.is_some());
    let mut sorted = candidates.to_vec();
    let accuracy = |candidate: &Candidate| candidate.best(Metric::Accuracy).unwrap_or_default();
    sorted.sort_by(|a, b| accuracy(b).total_cmp(&accuracy(a)));
    html! {
        div.wide { table.networks {
            thead { tr {
                th.number scope="col" { "Trial" }
                @for metric in SHOWN { th.number scope="col" { (wording::name(metric)) (data.on(0, metric)) } }
                @for (device, _) in data.numbered().skip(1) { th.number scope="col" { "Latency" (data.on(device, Metric::LatencyMs)) } }
                @for (device, _) in data.numbered() { th.number scope="col" { "Latency predicted" (data.on(device, Metric::LatencyMs)) } }
                @if is_expected { th.number scope="col" { "Accuracy expected" } }
                th scope="col" { "Bounds" }
                th scope="col" { "Network" }
            } }
            tbody { @for candidate in sorted { (network(data, candidate, winner == Some(candidate.id), is_expected)) } }
        } }
    }
}

fn network(data: &ReportData, candidate: &Candidate, is_winner: bool, is_expected: bool) -> Markup {
    let predicted = |device: u8| candidate.readings.predicted_on(device, Metric::LatencyMs);
    html! {
        tr.chosen[is_winner] {
            th.number scope="row" { (candidate.id) @if is_winner { " ★" } }
            @for metric in SHOWN { td.number { (cell(candidate, 0, metric)) } }
            @for (device, _) in data.numbered().skip(1) { td.number { (cell(candidate, device, Metric::LatencyMs)) } }
            @for (device, _) in data.numbered() { td.number { @if let Some(value) = predicted(device) { (told(Metric::LatencyMs, value)) } @else { "–" } } }
            @if is_expected { td.number { @if let Some(value) = &candidate.expected_accuracy { (told(Metric::Accuracy, value)) } @else { "–" } } }
            td { @if candidate.meets_constraints { "met" } @else { "missed" } }
            td.genotype { (candidate.genotype) }
        }
    }
}

fn cell(candidate: &Candidate, device: u8, metric: Metric) -> Markup {
    let Some(value) = candidate.readings.best_on(device, metric) else { return html! { "–" } };
    told(metric, value)
}

/// A value over its interval, marked where it is only predicted.
fn told(metric: Metric, value: &Value) -> Markup {
    let mark = if matches!(value.origin, Origin::Predicted { .. }) { "≈ " } else { "" };
    html! {
        span title=(wording::origin(&value.origin)) { (mark) (wording::quantity(metric, value.value)) }
        @if let Some(ends) = value.interval { small { (wording::interval(metric, ends)) } }
    }
}

/// What became of the proposals.
pub(super) fn proposals(data: &ReportData) -> Markup {
    let Untrained { stopped, duplicates, failed } = &data.untrained;
    let stopped = stopped.iter().map(|(bound, count)| {
        let (metric, on) = (wording::name(bound.metric).to_lowercase(), data.on(bound.device, bound.metric));
        (format!("stopped untrained: {metric}{on} {}", wording::bound(bound)), *count)
    });
    let rest = [("proposed before".to_owned(), *duplicates), ("failed".to_owned(), *failed)];
    let trained = [("trained".to_owned(), data.candidates.len() as u64)];
    let rows: Vec<(String, u64)> =
        trained.into_iter().chain(stopped).chain(rest.into_iter().filter(|(_, count)| *count > 0)).collect();
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or_default();
    html! { table.bars { tbody { @for (name, count) in &rows { (bar_row(name, &quantity::count(*count), *count as f64, most as f64)) } } } }
}

/// How long each part of the run took.
pub(super) fn phases(spans: &[Span]) -> Markup {
    let most = spans.iter().map(|span| span.seconds).fold(0.0, f64::max);
    html! { table.bars { tbody { @for span in spans { (bar_row(&span.name, &quantity::seconds(span.seconds), span.seconds, most)) } } } }
}

/// Names with values.
pub(super) fn facts(facts: &[Fact]) -> Markup {
    html! { dl { @for fact in facts { div { dt { (fact.name) } dd { (fact.value) } } } } }
}

fn bar_row(name: &str, value: &str, length: f64, most: f64) -> Markup {
    html! { tr { th scope="row" { (name) } td.number { (value) } td.bar { (bar(length, most)) } } }
}

/// A bar that says nothing that does not stand beside it.
pub(super) fn bar(length: f64, most: f64) -> Markup {
    html! { span style={ "width:" (format!("{:.1}", 100.0 * ratio(length, most))) "%" } {} }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
