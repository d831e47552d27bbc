//! Whether the predicted latencies can be trusted: predicted against measured, and the errors beside the baseline's.

use edgefit_search::Metric;
use maud::{Markup, html};

use super::chart::{Axis, Frame, Marker, Scale, legend, points};
use super::data::{Candidate, Predictor, ReportData};
use crate::quantity;

/// The relative error within which a prediction counts as right.
const TOLERANCE: f64 = 0.1;

/// A prediction and what was measured, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    predicted: f64,
    measured: f64,
}

impl Pair {
    /// Relative to what was measured.
    fn error(&self) -> f64 {
        (self.predicted / self.measured - 1.0).abs()
    }
}

/// How good the predictions of one predictor are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quality {
    networks: usize,
    median_error: f64,
    share_within: f64,
}

impl Quality {
    /// `None` of no pairs.
    fn of(pairs: &[Pair]) -> Option<Self> {
        let mut errors: Vec<f64> = pairs.iter().map(Pair::error).collect();
        errors.sort_by(f64::total_cmp);
        let within = errors.iter().filter(|error| **error <= TOLERANCE).count();
        let networks = errors.len();
        let (upper, lower) = (errors.get(networks / 2)?, errors.get(networks.saturating_sub(1) / 2)?);
        Some(Self {
            networks,
            median_error: f64::midpoint(*upper, *lower),
            share_within: within as f64 / networks as f64,
        })
    }
}

/// Draws a plot and a table of errors for each device.
pub(super) fn draw(data: &ReportData) -> Markup {
    let is_alone = data.devices.len() == 1;
    html! {
        @for (number, device) in data.numbered() {
            @if !is_alone { h3 { "On " (device.name) } }
            (on_device(&data.candidates, number, &device.predictor))
        }
    }
}

/// The plot and the table of errors of a device; says so where nothing was measured.
fn on_device(candidates: &[Candidate], device: u8, predictor: &Predictor) -> Markup {
    let predicted =
        |candidate: &Candidate| candidate.readings.predicted_on(device, Metric::LatencyMs).map(|value| value.value);
    let table = pairs(candidates, device, predicted);
    let baseline = pairs(candidates, device, |candidate| *candidate.baselines_ms.get(usize::from(device))?);
    if table.is_empty() {
        return html! { p { "No network was both predicted and measured." } };
    }
    let scale = scale(&table, &baseline);
    let frame = agreement_frame(scale, "measured median latency (ms)", "predicted median latency (ms)");
    let content = html! {
        (band(&frame, scale))
        @for (pair, candidate) in &baseline { (mark(Marker::Cross, *pair, candidate, &predictor.baseline, &frame)) }
        @for (pair, candidate) in &table { (mark(Marker::Dot, *pair, candidate, &predictor.name, &frame)) }
    };
    let (name, other) =
        (format!("{}, which guided the search", predictor.name), format!("{}, for comparison", predictor.baseline));
    let mut entries = vec![(Marker::Dot, name.as_str()), (Marker::Band, "within 10 % of measured")];
    if !baseline.is_empty() {
        entries.insert(1, (Marker::Cross, other.as_str()));
    }
    html! {
        (frame.draw("Predicted against measured latency", "each mark is a network; on the diagonal, both agree", &content))
        (legend(&entries))
        (errors(predictor, &only_pairs(&table), &only_pairs(&baseline)))
    }
}

type Known<'d> = (Pair, &'d Candidate);

fn pairs(candidates: &[Candidate], device: u8, predicted: impl Fn(&Candidate) -> Option<f64>) -> Vec<Known<'_>> {
    let pair = |candidate: &Candidate| {
        let measured = candidate.readings.measured_on(device, Metric::LatencyMs)?.value;
        Some(Pair { predicted: predicted(candidate)?, measured })
            .filter(|pair| pair.predicted > 0.0 && pair.measured > 0.0)
    };
    candidates.iter().filter_map(|candidate| Some((pair(candidate)?, candidate))).collect()
}

fn only_pairs(known: &[Known<'_>]) -> Vec<Pair> {
    known.iter().map(|(pair, _)| *pair).collect()
}

fn scale(table: &[Known<'_>], baseline: &[Known<'_>]) -> Scale {
    let all = table.iter().chain(baseline).flat_map(|(pair, _)| [pair.predicted, pair.measured]);
    let scale = Scale::covering(all);
    if scale.is_log() { scale } else { scale.within(0.0, f64::INFINITY) }
}

/// A square plot whose two axes have one scale.
pub(super) fn agreement_frame(scale: Scale, measured: &str, predicted: &str) -> Frame {
    Frame::new(Axis::new(measured, scale), Axis::new(predicted, scale), 560.0, 500.0)
}

fn mark(marker: Marker, pair: Pair, candidate: &Candidate, by: &str, frame: &Frame) -> Markup {
    let (predicted, measured) = (quantity::milliseconds(pair.predicted), quantity::milliseconds(pair.measured));
    let error = quantity::percent(pair.predicted / pair.measured - 1.0);
    let tip = format!(
        "trial {}\nmeasured {measured}\npredicted {predicted} by {by}\nerror {error}\n{}",
        candidate.id, candidate.genotype
    );
    marker.at(frame.x(pair.measured), frame.y(pair.predicted), &tip)
}

/// The diagonal, and the band of predictions that count as right, cut off at the ends of the axes.
pub(super) fn band(frame: &Frame, scale: Scale) -> Markup {
    let (low, high) = (scale.low(), scale.high());
    let (above, below) = (1.0 + TOLERANCE, 1.0 - TOLERANCE);
    let corners =
        [(low, low), (low, low * above), (high / above, high), (high, high), (high, high * below), (low / below, low)];
    let corners = corners.map(|(measured, predicted)| (frame.x(measured), frame.y(predicted)));
    let diagonal = [(frame.x(low), frame.y(low)), (frame.x(high), frame.y(high))];
    html! {
        polygon.band points=(points(&corners)) {}
        polyline.diagonal points=(points(&diagonal)) {}
    }
}

fn errors(predictor: &Predictor, table: &[Pair], baseline: &[Pair]) -> Markup {
    let rows = [(&predictor.name, Quality::of(table)), (&predictor.baseline, Quality::of(baseline))];
    html! {
        table {
            thead { tr { th scope="col" { "Predictor" } th.number scope="col" { "Networks" } th.number scope="col" { "Median error" } th.number scope="col" { "Within 10 %" } } }
            tbody {
                @for (name, quality) in rows.iter().filter_map(|(name, quality)| Some((name, (*quality)?))) {
                    tr {
                        th scope="row" { (name) }
                        td.number { (quality.networks) }
                        td.number { (quantity::percent(quality.median_error)) }
                        td.number { (quantity::percent(quality.share_within)) }
                    }
                }
            }
        }
        p.note {
            "Errors are relative to the latency measured on the device. Each prediction was made before its network was measured; "
            (predictor.table_models) " other models had been measured for the table by then, and the candidates before it."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_counts_what_is_within_a_tenth() {
        let pair = |predicted: f64| Pair { predicted, measured: 1.0 };
        let quality = Quality::of(&[pair(1.0), pair(1.05), pair(0.8), pair(1.3)]).unwrap();
        assert_eq!((quality.networks, quality.share_within), (4, 0.5));
        assert!((quality.median_error - 0.125).abs() < 1e-12, "{quality:?}");
        assert_eq!(Quality::of(&[]), None);
    }
}
