//! Whether accuracies can be foretold: what a surrogate expected of candidates against what their trainings came to.

use edgefit_search::{Metric, rank};
use maud::{Markup, html};

use super::chart::{Axis, Frame, Marker, points};
use super::data::Candidate;
use crate::quantity;

/// A candidate whose accuracy was expected and then found out.
struct Pair<'d> {
    candidate: &'d Candidate,
    expected: f64,
    interval: Option<(f64, f64)>,
    found: f64,
    /// The mean accuracy of the candidates before it.
    mean_before: f64,
}

/// The plot and what was right of it; nothing where a surrogate expected nothing.
pub(super) fn draw(candidates: &[Candidate]) -> Markup {
    let pairs = pairs(candidates);
    if pairs.is_empty() {
        return html! {};
    }
    let all = || pairs.iter().flat_map(|pair| [pair.expected, pair.found]);
    let frame = Frame::new(
        Axis::accuracy("accuracy found (%)", all()),
        Axis::accuracy("accuracy expected (%)", all()),
        560.0,
        500.0,
    );
    let ends = [all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max)];
    let content = html! {
        polyline.diagonal points=(points(&ends.map(|end| (frame.x(end), frame.y(end))))) {}
        @for pair in &pairs { (mark(pair, &frame)) }
    };
    html! {
        h3 { "Accuracy, before training" }
        (frame.draw("Expected against found accuracy", "each mark is a network; on the diagonal, both agree", &content))
        (errors(&pairs))
    }
}

fn pairs(candidates: &[Candidate]) -> Vec<Pair<'_>> {
    let mut before = Vec::new();
    let mut pairs = Vec::new();
    for candidate in candidates {
        let Some(found) = candidate.readings.measured(Metric::Accuracy).map(|value| value.value) else { continue };
        if let Some(value) = &candidate.expected_accuracy {
            let mean_before = before.iter().sum::<f64>() / before.len().max(1) as f64;
            pairs.push(Pair { candidate, expected: value.value, interval: value.interval, found, mean_before });
        }
        before.push(found);
    }
    pairs
}

fn mark(pair: &Pair<'_>, frame: &Frame) -> Markup {
    let interval =
        pair.interval.map(|(low, high)| format!(" ({} to {})", quantity::percent(low), quantity::percent(high)));
    let tip = format!(
        "trial {}\nfound {}\nexpected {}{}\n{}",
        pair.candidate.id,
        quantity::percent(pair.found),
        quantity::percent(pair.expected),
        interval.unwrap_or_default(),
        pair.candidate.genotype
    );
    Marker::Dot.at(frame.x(pair.found), frame.y(pair.expected), &tip)
}

fn errors(pairs: &[Pair<'_>]) -> Markup {
    let (expected, found): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.expected, pair.found)).unzip();
    let count = pairs.len() as f64;
    let mean = |error: fn(&Pair<'_>) -> f64| 100.0 * pairs.iter().map(error).sum::<f64>() / count;
    let own = mean(|pair| (pair.expected - pair.found).abs());
    let of_mean = mean(|pair| (pair.mean_before - pair.found).abs());
    let holds = |pair: &&Pair<'_>| pair.interval.is_some_and(|(low, high)| (low..=high).contains(&pair.found));
    let held = pairs.iter().filter(holds).count() as f64 / count;
    html! {
        p.note {
            "By a surrogate fitted to the candidates before, from their encodings, sizes and what proxies the search file names. Of "
            (pairs.len()) " candidates it was off by " (format!("{own:.2}")) " points in the mean, where the mean of those before them is off by "
            (format!("{of_mean:.2}")) "; " (quantity::percent(held)) " ended within its 90 % interval; Kendall's tau with what was found is "
            (format!("{:.2}", rank::kendall(&expected, &found))) ". Nothing was decided by it unless `surrogate` in [estimate] says so."
        }
    }
}
