//! The answer, first on the page: what the winner is, and its numbers with where each comes from.

use edgefit_search::{Constraint, Metric, Value};
use maud::{Markup, html};

use super::data::{ReportData, Winner};
use super::wording;

/// The sentence and the numbers.
pub(super) fn draw(data: &ReportData) -> Markup {
    match &data.winner {
        Some(winner) => html! {
            h1 { (sentence(data, winner)) }
            div.tiles { @for metric in Metric::ALL { (tile(data, winner, metric)) } }
        },
        None => html! {
            h1.missed { "No network met every bound as measured." }
            p { "The networks that came closest are below. A looser bound, a smaller space or more trials may help." }
        },
    }
}

fn sentence(data: &ReportData, winner: &Winner) -> Markup {
    let value = |metric| winner.candidate.readings.best(metric);
    let strong = |metric, value: &Value| html! { strong { (wording::quantity(metric, value.value)) } };
    let latency = data.constraints.iter().find(|constraint| constraint.metric == Metric::LatencyMs);
    html! {
        "winner.onnx"
        @if let Some(accuracy) = value(Metric::Accuracy) { " classifies " (strong(Metric::Accuracy, accuracy)) " of the test images right" }
        @if let Some(time) = value(Metric::LatencyMs) { " in " (strong(Metric::LatencyMs, time)) " each" }
        @if let Some(bound) = latency { " (bound: " (wording::bound(bound)) ")" }
        "."
    }
}

fn tile(data: &ReportData, winner: &Winner, metric: Metric) -> Markup {
    let Some(value) = winner.candidate.readings.best(metric) else { return html! {} };
    let constraint = data.constraints.iter().find(|constraint| constraint.metric == metric);
    let predicted = winner.candidate.readings.predicted(metric).filter(|predicted| predicted.origin != value.origin);
    html! {
        section.tile {
            h2 { (wording::name(metric)) " " (badge(value)) }
            p.value { (wording::quantity(metric, value.value)) }
            @if let Some(ends) = value.interval { p.detail { "95 % interval " (wording::interval(metric, ends)) } }
            @if let Some(constraint) = constraint { (verdict(constraint, value)) }
            @if let Some(predicted) = predicted { p.detail { "predicted " (wording::with_interval(metric, predicted)) } }
            p.meaning { (wording::meaning(metric)) }
            @if let Some(source) = wording::source(&value.origin) { p.meaning { "Source: " (source) "." } }
        }
    }
}

fn badge(value: &Value) -> Markup {
    let origin = wording::origin(&value.origin);
    html! { span class={ "badge " (origin) } { (origin) } }
}

fn verdict(constraint: &Constraint, value: &Value) -> Markup {
    let is_met = constraint.excess(value.value) == 0.0;
    html! {
        p.verdict.missed[!is_met] { @if is_met { "✓ " } @else { "✗ missed: " } (wording::bound(constraint)) }
        @if let Some(max) = constraint.max.filter(|max| *max > 0.0) {
            div.gauge.missed[!is_met] aria-hidden="true" { span style={ "width:" (format!("{:.1}", (100.0 * value.value / max).min(100.0))) "%" } {} }
        }
    }
}
