//! The plot of what was found: accuracy against cost, the front, the networks trained to the end, the winner and the bound.

use edgefit_search::{Metric, Origin};
use maud::{Markup, html};

use super::chart::{Axis, Frame, Marker, Scale, legend, points, px};
use super::data::{Candidate, ReportData};
use super::wording;

/// A network with a place in the plot.
struct Placed<'d> {
    candidate: &'d Candidate,
    cost: f64,
    accuracy: f64,
}

/// Draws the plot with its legend and what has to be said about it.
pub(super) fn draw(data: &ReportData) -> Markup {
    let metric = cost_metric(data);
    let candidates = placed(&data.candidates, metric);
    let finalists = placed(&data.finalists, metric);
    let frame = frame(data, metric, &candidates, &finalists);
    let winner = data.winner.as_ref().map(|winner| winner.candidate.id);
    let content = html! {
        (bound(data, metric, &frame))
        (front(&candidates, &frame))
        @for placed in &candidates { (mark(placed, trial_marker(placed, metric), metric, &frame)) }
        @for placed in &finalists {
            @let marker = if Some(placed.candidate.id) == winner { Marker::Star } else { Marker::Diamond };
            (mark(placed, marker, metric, &frame))
        }
    };
    html! {
        div.wide { (frame.draw("Accuracy against cost", "each mark is a network; up and to the left is better", &content)) }
        (legend(&entries(data)))
    }
}

/// The cost that the search minimized; latency if there are several.
pub(super) fn cost_metric(data: &ReportData) -> Metric {
    let costs: Vec<Metric> = data.objectives.iter().copied().filter(|metric| *metric != Metric::Accuracy).collect();
    let has_latency = costs.is_empty() || costs.contains(&Metric::LatencyMs);
    if has_latency { Metric::LatencyMs } else { costs[0] }
}

fn placed(candidates: &[Candidate], metric: Metric) -> Vec<Placed<'_>> {
    let place = |candidate| {
        let value = |metric| Candidate::best(candidate, metric);
        Some(Placed { candidate, cost: value(metric)?, accuracy: value(Metric::Accuracy)? })
    };
    candidates.iter().filter_map(place).collect()
}

impl Candidate {
    /// The most trusted value of a metric.
    pub(super) fn best(&self, metric: Metric) -> Option<f64> {
        self.readings.best(metric).map(|value| value.value)
    }
}

fn frame(data: &ReportData, metric: Metric, candidates: &[Placed<'_>], finalists: &[Placed<'_>]) -> Frame {
    let all = || candidates.iter().chain(finalists);
    let bounds = data.bound(metric).into_iter();
    let bounds = bounds.flat_map(|constraint| [constraint.min, constraint.max]).flatten();
    let x = Axis::new(wording::axis(metric), Scale::covering(all().map(|placed| placed.cost).chain(bounds)));
    let y = Axis::accuracy(wording::axis(Metric::Accuracy), all().map(|placed| placed.accuracy));
    Frame::new(x, y, 900.0, 470.0)
}

fn trial_marker(placed: &Placed<'_>, metric: Metric) -> Marker {
    let origin = placed.candidate.readings.best(metric).map(|value| &value.origin);
    match origin {
        _ if placed.candidate.is_front => Marker::FrontDot,
        Some(Origin::Predicted { .. }) => Marker::Ring,
        _ => Marker::Dot,
    }
}

fn mark(placed: &Placed<'_>, marker: Marker, metric: Metric, frame: &Frame) -> Markup {
    marker.at(frame.x(placed.cost), frame.y(placed.accuracy), &tip(placed.candidate, metric))
}

/// What is told of a network when the pointer rests on its mark.
fn tip(candidate: &Candidate, metric: Metric) -> String {
    let told = |metric| {
        let value = candidate.readings.best(metric)?;
        let text = wording::with_interval(metric, value);
        Some(format!("{}: {text}, {}", wording::name(metric), wording::origin(&value.origin)))
    };
    let lines = [
        Some(format!("trial {}", candidate.id)),
        told(Metric::Accuracy),
        told(metric),
        Some(candidate.genotype.clone()),
    ];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The front as a staircase: to the right of it and below, something better is known.
fn front(candidates: &[Placed<'_>], frame: &Frame) -> Markup {
    let mut front: Vec<&Placed<'_>> = candidates.iter().filter(|placed| placed.candidate.is_front).collect();
    front.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for placed in front {
        let (x, y) = (frame.x(placed.cost), frame.y(placed.accuracy));
        corners.extend(corners.last().map(|(_, before)| (x, *before)));
        corners.push((x, y));
    }
    corners.extend(corners.last().map(|(_, y)| (frame.right(), *y)));
    html! { polyline.front points=(points(&corners)) {} }
}

/// The bound as a line, and the side where nothing may be as a shade.
fn bound(data: &ReportData, metric: Metric, frame: &Frame) -> Markup {
    let Some(max) = data.bound(metric).and_then(|constraint| constraint.max) else { return html! {} };
    let (x, top, bottom) = (frame.x(max), frame.top(), frame.bottom());
    html! {
        rect.forbidden x=(px(x)) y=(px(top)) width=(px(frame.right() - x)) height=(px(bottom - top)) {}
        line.bound x1=(px(x)) x2=(px(x)) y1=(px(top)) y2=(px(bottom)) {}
        text.label x=(px(x - 6.0)) y=(px(bottom - 8.0)) text-anchor="end" { "bound " (wording::quantity(metric, max)) }
    }
}

fn entries(data: &ReportData) -> Vec<(Marker, &'static str)> {
    let metric = cost_metric(data);
    let has_ring = placed(&data.candidates, metric).iter().any(|placed| trial_marker(placed, metric) == Marker::Ring);
    let entries = [
        (data.winner.is_some(), Marker::Star, "winner: trained to the end, accuracy on the test images"),
        (
            data.finalists.len() > 1,
            Marker::Diamond,
            "other finalist: trained to the end, accuracy on the validation images",
        ),
        (true, Marker::FrontDot, "trial on the front"),
        (true, Marker::Dot, "trial: short training, accuracy on the validation images"),
        (has_ring, Marker::Ring, "trial, cost only predicted"),
        (data.bound(metric).is_some(), Marker::Bound, "bound"),
    ];
    entries.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, marker, meaning)| (marker, meaning)).collect()
}
