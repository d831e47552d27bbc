//! Lines over time: the hypervolume over the trials, and the winner's last training.

use edgefit_search::Metric;
use maud::{Markup, html};

use super::chart::{Axis, Frame, Scale, points};
use super::data::{OnDevice, ReportData, TrainedEpoch};
use super::wording;
use crate::quantity;

/// Hypervolume of the front after each trial, as a staircase.
pub(super) fn hypervolume(data: &ReportData) -> Markup {
    let (Some(last), count) = (data.hypervolume.last(), data.hypervolume.len()) else {
        return html! { p { "No network was trained." } };
    };
    let x = Axis::new("trained networks", Scale::between(0.0, count as f64));
    let high = data.hypervolume.iter().copied().fold(0.0, f64::max);
    let y = Axis::new("hypervolume", Scale::linear([0.0, high]).within(0.0, f64::INFINITY));
    let frame = Frame::new(x, y, 560.0, 320.0);
    let after = |trial: usize, value: f64| (frame.x(trial as f64), frame.y(value));
    let values = data.hypervolume.iter().enumerate();
    let mut corners: Vec<(f64, f64)> = vec![after(0, 0.0)];
    corners.extend(values.flat_map(|(trial, value)| [after(trial, *value), after(trial + 1, *value)]));
    let content = html! { polyline.course points=(points(&corners)) {} };
    let description = format!("rises to {} after {count} networks", quantity::significant(*last, 3));
    html! {
        (frame.draw("Hypervolume", &description, &content))
        p.note { "The area (with more objectives: the volume) between the front and a fixed worst point" (reference(data)) ". A flat end says that more trials would hardly help." }
    }
}

/// `, accuracy 10.00 %, latency 0.130 ms`.
fn reference(data: &ReportData) -> String {
    let value = |device: u8, (metric, value): &(Metric, f64)| {
        let (name, quantity) = (wording::name(*metric).to_lowercase(), wording::quantity(*metric, *value));
        format!(", {name} {quantity}{}", data.on(device, *metric))
    };
    let on = |(number, device): (u8, &'_ OnDevice)| {
        device.reference.iter().map(|point| value(number, point)).collect::<String>()
    };
    data.numbered().map(on).collect()
}

/// Accuracy and loss over the passes of a training, side by side.
pub(super) fn training(epochs: &[TrainedEpoch]) -> Markup {
    let series = |value: fn(&TrainedEpoch) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = epochs.iter().enumerate().filter_map(|(at, epoch)| Some(((at + 1) as f64, value(epoch)?)));
        points.collect()
    };
    let accuracy = series(|epoch| epoch.validation_accuracy);
    let loss = series(|epoch| epoch.loss);
    html! {
        div.columns {
            div { h3 { "Accuracy on the validation images" } (curve("Validation accuracy", Axis::accuracy("accuracy (%)", accuracy.iter().map(|(_, value)| *value)), &accuracy)) }
            div { h3 { "Loss on the training images" } (curve("Training loss", Axis::new("mean loss", Scale::covering(loss.iter().map(|(_, value)| *value))), &loss)) }
        }
    }
}

fn curve(title: &str, y: Axis, series: &[(f64, f64)]) -> Markup {
    let Some((last_epoch, last)) = series.last() else { return html! {} };
    let x = Axis::new("epoch", Scale::between(0.0, last_epoch.max(1.0)));
    let frame = Frame::new(x, y, 560.0, 260.0);
    let corners: Vec<(f64, f64)> = series.iter().map(|(epoch, value)| (frame.x(*epoch), frame.y(*value))).collect();
    let content = html! { polyline.course points=(points(&corners)) {} };
    frame.draw(title, &format!("{} after epoch {last_epoch}", quantity::significant(*last, 4)), &content)
}
