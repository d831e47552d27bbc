//! The plot of what was found: accuracy against cost, the front, the networks trained to the end, the winner and the bound.

use edgefit_search::{Metric, Origin, Value};
use maud::{Markup, html};

use super::chart::{Axis, Frame, Marker, Scale, legend, points, px};
use super::data::{Candidate, OnDevice, ReportData};
use super::wording;

/// A network with a place in the plot.
struct Placed<'d> {
    candidate: &'d Candidate,
    cost: f64,
    accuracy: f64,
}

/// What stands on the axis of cost: a metric on a device.
#[derive(Clone, Copy)]
struct Cost {
    metric: Metric,
    device: u8,
}

impl Cost {
    fn of<'c>(&self, candidate: &'c Candidate) -> Option<&'c Value> {
        candidate.readings.best_on(self.device, self.metric)
    }
}

/// Draws a plot for each device with what was minimized there, and their legend.
pub(super) fn draw(data: &ReportData) -> Markup {
    let costs = costs(data);
    html! {
        @for cost in &costs {
            @if costs.len() > 1 { h3 { (wording::name(cost.metric)) (data.on(cost.device, cost.metric)) } }
            (plot(data, *cost))
        }
        (legend(&entries(data, &costs)))
        @if costs.len() > 1 { p.note { "A trial on the front is beaten by no other in everything together; the line joins those that none beats in accuracy and in this cost." } }
    }
}

fn plot(data: &ReportData, cost: Cost) -> Markup {
    let candidates = placed(&data.candidates, cost);
    let finalists = placed(&data.finalists, cost);
    let frame = frame(data, cost, &candidates, &finalists);
    let winner = data.winner.as_ref().map(|winner| winner.candidate.id);
    let content = html! {
        (bound(data, cost, &frame))
        (front(&candidates, &frame))
        @for placed in &candidates { (mark(placed, trial_marker(placed, cost), cost, &frame)) }
        @for placed in &finalists {
            @let marker = if Some(placed.candidate.id) == winner { Marker::Star } else { Marker::Diamond };
            (mark(placed, marker, cost, &frame))
        }
    };
    let title = format!("Accuracy against cost{}", data.on(cost.device, cost.metric));
    html! { div.wide { (frame.draw(&title, "each mark is a network; up and to the left is better", &content)) } }
}

/// What the search minimized on each device, latency if there is more; latency on all of them where it minimized nothing.
fn costs(data: &ReportData) -> Vec<Cost> {
    let of = |(device, on): (u8, &OnDevice)| {
        let mut costs = on.objectives.iter().copied().filter(|metric| !metric.is_share());
        let first = costs.next()?;
        let has_latency = costs.any(|metric| metric == Metric::LatencyMs);
        Some(Cost { metric: if has_latency { Metric::LatencyMs } else { first }, device })
    };
    let costs: Vec<Cost> = data.numbered().filter_map(of).collect();
    if !costs.is_empty() {
        return costs;
    }
    data.numbered().map(|(device, _)| Cost { metric: Metric::LatencyMs, device }).collect()
}

fn placed(candidates: &[Candidate], cost: Cost) -> Vec<Placed<'_>> {
    let place = |candidate: &'_ Candidate| {
        let (cost, accuracy) = (cost.of(candidate)?.value, candidate.best(Metric::Accuracy)?);
        Some((cost, accuracy))
    };
    let placed = |candidate| place(candidate).map(|(cost, accuracy)| Placed { candidate, cost, accuracy });
    candidates.iter().filter_map(placed).collect()
}

impl Candidate {
    /// The most trusted value of a metric.
    pub(super) fn best(&self, metric: Metric) -> Option<f64> {
        self.readings.best(metric).map(|value| value.value)
    }
}

fn frame(data: &ReportData, cost: Cost, candidates: &[Placed<'_>], finalists: &[Placed<'_>]) -> Frame {
    let all = || candidates.iter().chain(finalists);
    let bounds = data.bound_on(cost.device, cost.metric).into_iter();
    let bounds = bounds.flat_map(|constraint| [constraint.min, constraint.max]).flatten();
    let x = Axis::new(wording::axis(cost.metric), Scale::covering(all().map(|placed| placed.cost).chain(bounds)));
    let y = Axis::accuracy(wording::axis(Metric::Accuracy), all().map(|placed| placed.accuracy));
    Frame::new(x, y, 900.0, 470.0)
}

fn trial_marker(placed: &Placed<'_>, cost: Cost) -> Marker {
    let origin = cost.of(placed.candidate).map(|value| &value.origin);
    match origin {
        _ if placed.candidate.is_front => Marker::FrontDot,
        Some(Origin::Predicted { .. }) => Marker::Ring,
        _ => Marker::Dot,
    }
}

fn mark(placed: &Placed<'_>, marker: Marker, cost: Cost, frame: &Frame) -> Markup {
    marker.at(frame.x(placed.cost), frame.y(placed.accuracy), &tip(placed.candidate, cost))
}

/// What is told of a network when the pointer rests on its mark.
fn tip(candidate: &Candidate, cost: Cost) -> String {
    let told = |metric, value: Option<&Value>| {
        let value = value?;
        let text = wording::with_interval(metric, value);
        Some(format!("{}: {text}, {}", wording::name(metric), wording::origin(&value.origin)))
    };
    let lines = [
        Some(format!("trial {}", candidate.id)),
        told(Metric::Accuracy, candidate.readings.best(Metric::Accuracy)),
        told(cost.metric, cost.of(candidate)),
        Some(candidate.genotype.clone()),
    ];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The front as a staircase: to the right of it and below, something better is known.
fn front(candidates: &[Placed<'_>], frame: &Frame) -> Markup {
    let mut front: Vec<&Placed<'_>> = candidates.iter().filter(|placed| placed.candidate.is_front).collect();
    front.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(b.accuracy.total_cmp(&a.accuracy)));
    // With more objectives than the two of the plot, some of the front are beaten in these.
    let mut best = f64::NEG_INFINITY;
    front.retain(|placed| {
        let is_better = placed.accuracy > best;
        best = best.max(placed.accuracy);
        is_better
    });
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
fn bound(data: &ReportData, cost: Cost, frame: &Frame) -> Markup {
    let Some(max) = data.bound_on(cost.device, cost.metric).and_then(|constraint| constraint.max) else {
        return html! {};
    };
    let (x, top, bottom) = (frame.x(max), frame.top(), frame.bottom());
    html! {
        rect.forbidden x=(px(x)) y=(px(top)) width=(px(frame.right() - x)) height=(px(bottom - top)) {}
        line.bound x1=(px(x)) x2=(px(x)) y1=(px(top)) y2=(px(bottom)) {}
        text.label x=(px(x - 6.0)) y=(px(bottom - 8.0)) text-anchor="end" { "bound " (wording::quantity(cost.metric, max)) }
    }
}

fn entries(data: &ReportData, costs: &[Cost]) -> Vec<(Marker, &'static str)> {
    let is_ring =
        |cost: &Cost| placed(&data.candidates, *cost).iter().any(|placed| trial_marker(placed, *cost) == Marker::Ring);
    let is_bounded = |cost: &Cost| data.bound_on(cost.device, cost.metric).is_some();
    let entries = [
        (data.winner.is_some(), Marker::Star, "winner: trained to the end, accuracy on the test images"),
        (
            data.finalists.len() > 1,
            Marker::Diamond,
            "other finalist: trained to the end, accuracy on the validation images",
        ),
        (true, Marker::FrontDot, "trial on the front"),
        (true, Marker::Dot, "trial: short training, accuracy on the validation images"),
        (costs.iter().any(is_ring), Marker::Ring, "trial, cost only predicted"),
        (costs.iter().any(is_bounded), Marker::Bound, "bound"),
    ];
    entries.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, marker, meaning)| (marker, meaning)).collect()
}
