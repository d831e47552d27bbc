//! The answer, first on the page: what the winner is, and its numbers with where each comes from.

use edgefit_search::{Constraint, Metric, Value};
use maud::{Markup, html};

use super::data::{ReportData, Winner};
use super::wording;

/// What is told of the winner on each of several devices.
const ON_EACH: [Metric; 4] = [Metric::LatencyMs, Metric::LatencyP90Ms, Metric::PeakMemoryKib, Metric::Accuracy];

/// The sentence and the numbers.
pub(super) fn draw(data: &ReportData) -> Markup {
    match &data.winner {
        Some(winner) => html! {
            h1 { (sentence(data, winner)) }
            div.tiles { @for metric in Metric::ALL { (tile(data, winner, metric)) } }
            @if data.devices.len() > 1 { (devices(data, winner)) }
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
    let latency = data.bound_on(0, Metric::LatencyMs);
    html! {
        "winner.onnx"
        @if let Some(accuracy) = value(Metric::Accuracy) { " classifies " (strong(Metric::Accuracy, accuracy)) " of the test images right" }
        @if let Some(time) = value(Metric::LatencyMs) { " in " (strong(Metric::LatencyMs, time)) " each" }
        (data.on(0, Metric::LatencyMs))
        @if let Some(bound) = latency { " (bound: " (wording::bound(bound)) ")" }
        "."
    }
}

fn tile(data: &ReportData, winner: &Winner, metric: Metric) -> Markup {
    let Some(value) = winner.candidate.readings.best(metric) else { return html! {} };
    let constraint = data.bound_on(0, metric);
    let predicted = winner.candidate.readings.predicted(metric).filter(|predicted| predicted.origin != value.origin);
    html! {
        section.tile {
            h2 { (wording::name(metric)) (data.on(0, metric)) " " (badge(value)) }
            p.value { (wording::quantity(metric, value.value)) }
            @if let Some(ends) = value.interval { p.detail { "95 % interval " (wording::interval(metric, ends)) } }
            @if let Some(constraint) = constraint { (verdict(constraint, value)) }
            @if let Some(predicted) = predicted { p.detail { "predicted " (wording::with_interval(metric, predicted)) } }
            p.meaning { (wording::meaning(metric)) }
            @if let Some(source) = wording::source(&value.origin) { p.meaning { "Source: " (source) "." } }
        }
    }
}

/// What the winner is on each device.
fn devices(data: &ReportData, winner: &Winner) -> Markup {
    let row = |device: u8, name: &str| {
        let told = |metric| {
            winner.candidate.readings.best_on(device, metric).map(|value| wording::with_interval(metric, value))
        };
        html! {
            tr {
                th scope="row" { (name) }
                @for metric in ON_EACH { td.number { (told(metric).unwrap_or_default()) } }
                td { (bounds(data, winner, device)) }
            }
        }
    };
    html! {
        h2 { "On each device" }
        div.wide { table {
            thead { tr {
                th scope="col" { "Device" }
                @for metric in ON_EACH { th.number scope="col" { (wording::name(metric)) } }
                th scope="col" { "Bounds" }
            } }
            tbody { @for (number, device) in data.numbered() { (row(number, &device.name)) } }
        } }
    }
}

/// `latency at most 1.00 ms: met`.
fn bounds(data: &ReportData, winner: &Winner, device: u8) -> String {
    let told = |bound: &Constraint| {
        let value = winner.candidate.readings.best_on(device, bound.metric);
        let verdict = match value.map(|value| bound.excess(value.value) == 0.0) {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not known",
        };
        format!("{} {}: {verdict}", wording::name(bound.metric).to_lowercase(), wording::bound(bound))
    };
    let its = data.constraints.iter().filter(|bound| bound.device == device && bound.metric.is_of_device());
    its.map(told).collect::<Vec<_>>().join("; ")
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
