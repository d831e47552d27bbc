//! A latency table as a page: predicted against measured, error by kernel, coverage of the intervals.
//!
//! All predictions shown are of networks that the fit behind them did not know. Made from the table alone; nothing is measured.

use edgefit_latency::{Coverage, Diagnosis, KernelCheck, KernelKind, NetworkCheck, Table, TableError};
use maud::{Markup, html};

use super::chart::{Axis, Frame, Marker, Scale, legend, points};
use super::page::{document, section};
use super::prediction::{agreement_frame, band};
use super::tables::bar;
use crate::quantity::{count, milliseconds, percent};

const NS_PER_MS: f64 = 1e6;
/// Most kernels drawn as marks: of more, every so manieth.
const MOST_MARKS: usize = 1_500;

/// The HTML of a fitted table; `facts` say what it is, by a name each.
///
/// # Errors
/// When the table is not fitted.
pub fn table_page(name: &str, facts: &[(&'static str, String)], table: &Table) -> Result<String, TableError> {
    let diagnosis = table.diagnosis()?;
    let chosen = table.evaluation().map(|selection| selection.best().predictor).unwrap_or_default();
    let body = html! {
        header { p.run { (name) } h1 { "Latency table, guided by " strong { (chosen) } } }
        main {
            (section("What it is", html! { dl { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } } }))
            div.columns {
                (section("Networks: predicted against measured", networks(&diagnosis.networks, chosen)))
                (section("Coverage of the intervals", coverage(&diagnosis.coverage, &diagnosis.networks)))
            }
            div.columns {
                (section("Kernels: predicted against measured", kernels(&diagnosis.kernels)))
                (section("Error by kind of kernel", kinds(&diagnosis)))
            }
            (section("What it was chosen against", candidates(table)))
        }
    };
    Ok(document(
        &format!("edgefit: {name}"),
        &body,
        "Every prediction is of a network that the fit behind it did not know.",
    ))
}

fn scale(values: impl IntoIterator<Item = f64>) -> Scale {
    let scale = Scale::covering(values);
    if scale.is_log() { scale } else { scale.within(0.0, f64::INFINITY) }
}

fn networks(checks: &[NetworkCheck], chosen: &str) -> Markup {
    let ms = |ns: f64| ns / NS_PER_MS;
    let scale = scale(checks.iter().flat_map(|c| [c.measured_ns, c.predicted_ns.value].map(ms)));
    let frame = agreement_frame(scale, "measured median latency (ms)", "predicted median latency (ms)");
    let tip = |check: &NetworkCheck, ns: f64, by: &str| {
        let error = percent(ns / check.measured_ns - 1.0);
        let (measured, predicted) = (milliseconds(ms(check.measured_ns)), milliseconds(ms(ns)));
        format!("network {}\nmeasured {measured}\npredicted {predicted} by {by}\nerror {error}", check.id)
    };
    let mark = |marker: Marker, check: &NetworkCheck, ns: f64, by: &str| {
        let shown = ms(ns).clamp(scale.low(), scale.high());
        marker.at(frame.x(ms(check.measured_ns)), frame.y(shown), &tip(check, ns, by))
    };
    let content = html! {
        (band(&frame, scale))
        @for check in checks { (mark(Marker::Cross, check, check.baseline_ns, "operator-count")) }
        @for check in checks { (mark(Marker::Dot, check, check.predicted_ns.value, chosen)) }
    };
    html! {
        (frame.draw("Predicted against measured latency", "each mark is a network; on the diagonal, both agree", &content))
        (legend(&[(Marker::Dot, chosen), (Marker::Cross, "operator-count, for comparison"), (Marker::Band, "within 10 % of measured")]))
        p.note { "Marks on the upper or lower end of the plot lie beyond it." }
    }
}

fn coverage(coverage: &[Coverage], networks: &[NetworkCheck]) -> Markup {
    html! {
        @if coverage.is_empty() { p { "There are too few networks for this." } }
        @else { (coverage_plot(coverage)) }
        table {
            thead { tr { th scope="col" { "Networks by latency" } th.number scope="col" { "Networks" } th.number scope="col" { "90 % interval covers" } th.number scope="col" { "Its mean width" } } }
            tbody { @for (name, quarter) in quarters(networks) {
                tr {
                    th scope="row" { (name) }
                    td.number { (quarter.len()) }
                    td.number { (percent(mean(quarter.iter().map(|c| f64::from(c.predicted_ns.contains(c.measured_ns)))))) }
                    td.number { (percent(mean(quarter.iter().map(|c| c.predicted_ns.relative_width())))) }
                }
            } }
        }
    }
}

fn coverage_plot(coverage: &[Coverage]) -> Markup {
    let scale = Scale::between(40.0, 100.0);
    let (x, y) = (Axis::new("confidence of the interval (%)", scale), Axis::new("networks inside (%)", scale));
    let frame = Frame::new(x, y, 560.0, 360.0);
    let at = |confidence: f64, covered: f64| (frame.x(confidence * 100.0), frame.y((covered * 100.0).max(40.0)));
    let line: Vec<(f64, f64)> = coverage.iter().map(|one| at(one.confidence, one.covered)).collect();
    let content = html! {
        polyline.diagonal points=(points(&[at(0.4, 0.4), at(1.0, 1.0)])) {}
        polyline.course points=(points(&line)) {}
        @for one in coverage {
            @let (x, y) = at(one.confidence, one.covered);
            (Marker::Dot.at(x, y, &format!("{} asked, {} inside", percent(one.confidence), percent(one.covered))))
        }
    };
    html! {
        (frame.draw("Coverage of the intervals", "on the diagonal, as many networks are inside as were promised", &content))
        p.note { "Half of the networks calibrate the intervals of the other half." }
    }
}

/// Networks in four groups of rising latency.
fn quarters(networks: &[NetworkCheck]) -> Vec<(&'static str, Vec<&NetworkCheck>)> {
    let mut sorted: Vec<&NetworkCheck> = networks.iter().collect();
    sorted.sort_by(|a, b| a.measured_ns.total_cmp(&b.measured_ns));
    let names = ["fastest quarter", "second", "third", "slowest quarter"];
    let quarter = |at: usize| sorted[at * sorted.len() / 4..(at + 1) * sorted.len() / 4].to_vec();
    names.into_iter().enumerate().map(|(at, name)| (name, quarter(at))).filter(|(_, part)| !part.is_empty()).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn kernels(checks: &[KernelCheck]) -> Markup {
    if checks.is_empty() {
        return html! { p { "No kernel was profiled, or the predictor that guides is not a sum over kernels." } };
    }
    let us = |ns: f64| ns / 1e3;
    let shown: Vec<&KernelCheck> = checks.iter().step_by(checks.len().div_ceil(MOST_MARKS)).collect();
    let scale = scale(shown.iter().flat_map(|check| [us(check.measured_ns), us(check.predicted_ns)]));
    let frame = agreement_frame(scale, "profiled in its network (µs)", "predicted (µs)");
    let content = html! {
        (band(&frame, scale))
        @for check in &shown {
            @let error = percent(check.predicted_ns / check.measured_ns - 1.0);
            (Marker::Ring.at(frame.x(us(check.measured_ns)), frame.y(us(check.predicted_ns)), &format!("{}: {error}", check.kind.name())))
        }
    };
    html! {
        (frame.draw("Predicted against profiled kernel times", "each mark is a kernel in a network", &content))
        p.note { (count(shown.len() as u64)) " of " (count(checks.len() as u64)) " kernels in networks; profiles are brought to the level of runs without one." }
    }
}

/// The errors of one kind's kernels.
struct KindErrors {
    kind: KernelKind,
    kernels: usize,
    time_ns: f64,
    median: f64,
    p90: f64,
}

fn kind_errors(checks: &[KernelCheck]) -> Vec<KindErrors> {
    let of_kind = |kind: KernelKind| {
        let of_kind = || checks.iter().filter(|check| check.kind == kind);
        let mut errors: Vec<f64> = of_kind().map(|c| (c.predicted_ns / c.measured_ns - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let at = |share: usize| errors.get(errors.len() * share / 100).copied();
        let time_ns = of_kind().map(|check| check.measured_ns).sum();
        Some(KindErrors { kind, kernels: errors.len(), time_ns, median: at(50)?, p90: at(90)? })
    };
    let mut kinds: Vec<KindErrors> = KernelKind::ALL.into_iter().filter_map(of_kind).collect();
    kinds.sort_by(|a, b| b.time_ns.total_cmp(&a.time_ns));
    kinds
}

fn kinds(diagnosis: &Diagnosis) -> Markup {
    let kinds = kind_errors(&diagnosis.kernels);
    let all: f64 = kinds.iter().map(|kind| kind.time_ns).sum();
    let most = kinds.iter().map(|kind| kind.median).fold(0.0, f64::max);
    html! {
        div.wide { table.bars {
            thead { tr { th scope="col" { "Kind" } th.number scope="col" { "Profiled" } th.number scope="col" { "Share of time" } th.number scope="col" { "90 % within" } th.number scope="col" { "Median error" } td {} } }
            tbody { @for kind in &kinds {
                tr {
                    th scope="row" { (kind.kind.name()) }
                    td.number { (count(kind.kernels as u64)) }
                    td.number { (percent(kind.time_ns / all)) }
                    td.number { (percent(kind.p90)) }
                    td.number { (percent(kind.median)) }
                    td.bar { (bar(kind.median, most)) }
                }
            } }
        } }
    }
}

fn candidates(table: &Table) -> Markup {
    let selection = table.evaluation();
    html! {
        table {
            thead { tr { th scope="col" { "Predictor" } th.number scope="col" { "Within 10 %" } th.number scope="col" { "Within 5 %" } th.number scope="col" { "Mean error" } th.number scope="col" { "RMSPE" } th.number scope="col" { "90 % interval covers" } } }
            tbody { @for (at, one) in selection.iter().flat_map(|s| s.candidates.iter().enumerate()) {
                tr class=[selection.is_some_and(|s| s.chosen == at).then_some("chosen")] {
                    th scope="row" { (one.predictor) }
                    @for share in [one.scores.within_10, one.scores.within_5, one.scores.mape, one.scores.rmspe, one.scores.coverage] { td.number { (percent(share)) } }
                }
            } }
        }
        p.note { "On held-out networks. The one in bold guides: of those that are not clearly worse than the best, the most trusted." }
    }
}
