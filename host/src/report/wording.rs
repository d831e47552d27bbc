//! Metrics and values in words: names, units, where a number came from, and what it means.

use edgefit_search::{Constraint, Metric, Origin, Value};

use crate::quantity;

/// The name of a metric for people.
pub(super) fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Accuracy => "Accuracy",
        Metric::LatencyMs => "Latency",
        Metric::LatencyP90Ms => "Latency, 90th percentile",
        Metric::PeakMemoryKib => "Peak memory",
        Metric::ModelSizeKib => "Model size",
        Metric::Macs => "MACs",
        Metric::Params => "Parameters",
        Metric::EnergyMj => "Energy",
        Metric::WorstClassAccuracy => "Accuracy of the worst class",
        Metric::WorstGroupAccuracy => "Accuracy of the worst group",
        Metric::BalancedAccuracy => "Balanced accuracy",
        Metric::MacroF1 => "Macro F1",
        Metric::CalibrationError => "Calibration error",
        Metric::CorruptedAccuracy => "Accuracy under corruption",
        Metric::FgsmAccuracy => "Accuracy under FGSM",
        Metric::PgdAccuracy => "Accuracy under PGD",
    }
}

/// The title of an axis, with the unit.
pub(super) fn axis(metric: Metric) -> &'static str {
    match metric {
        Metric::Accuracy => "accuracy (%)",
        Metric::LatencyMs => "median latency (ms)",
        Metric::LatencyP90Ms => "90th percentile of latency (ms)",
        Metric::PeakMemoryKib => "peak memory (KiB)",
        Metric::ModelSizeKib => "model size (KiB)",
        Metric::Macs => "multiply-accumulates",
        Metric::Params => "parameters",
        Metric::EnergyMj => "energy (mJ)",
        Metric::WorstClassAccuracy => "accuracy of the worst class (%)",
        Metric::WorstGroupAccuracy => "accuracy of the worst group (%)",
        Metric::BalancedAccuracy => "balanced accuracy (%)",
        Metric::MacroF1 => "macro F1 (%)",
        Metric::CalibrationError => "calibration error (%)",
        Metric::CorruptedAccuracy => "accuracy under corruption (%)",
        Metric::FgsmAccuracy => "accuracy under FGSM (%)",
        Metric::PgdAccuracy => "accuracy under PGD (%)",
    }
}

/// What a metric means, in a sentence.
pub(super) fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Accuracy => "Share of the test images that the network classifies right. The search never saw them.",
        Metric::LatencyMs => "Median time of one inference of one sample, with its 95 % interval.",
        Metric::LatencyP90Ms => "Nine of ten inferences are faster.",
        Metric::PeakMemoryKib => "The most memory that the process had while it ran the network, the runtime included.",
        Metric::ModelSizeKib => "Size of the ONNX file: weights and graph.",
        Metric::Macs => "Multiplications with additions of one inference; follows from the graph.",
        Metric::Params => "Numbers that training has set.",
        Metric::EnergyMj => "Energy of one inference.",
        Metric::WorstClassAccuracy => "Share of the validation samples of the worst class that are classified right.",
        Metric::WorstGroupAccuracy => "Share of the validation samples of the worst group that are classified right.",
        Metric::BalancedAccuracy => {
            "Mean over the classes of the share of their validation samples that is classified right."
        }
        Metric::MacroF1 => "Mean over the classes of the harmonic mean of precision and recall, on validation samples.",
        Metric::CalibrationError => {
            "How far confidence and accuracy are apart on validation samples, over 15 bins of confidence."
        }
        Metric::CorruptedAccuracy => "Mean accuracy on validation samples with noise, blur, brightness and contrast.",
        Metric::FgsmAccuracy => "Accuracy on validation samples that were attacked by one step along the gradient.",
        Metric::PgdAccuracy => "Accuracy on validation samples that were attacked by ten steps along the gradient.",
    }
}

/// A value with its unit.
pub(super) fn quantity(metric: Metric, value: f64) -> String {
    match metric {
        share if share.is_share() => quantity::percent(value),
        Metric::LatencyMs | Metric::LatencyP90Ms => quantity::milliseconds(value),
        Metric::PeakMemoryKib | Metric::ModelSizeKib => quantity::kib(value),
        Metric::Macs | Metric::Params => quantity::count(value.max(0.0).round() as u64),
        _ => format!("{} mJ", quantity::significant(value, 3)),
    }
}

/// `0.842 ms (0.838 to 0.846)`.
pub(super) fn with_interval(metric: Metric, value: &Value) -> String {
    let center = quantity(metric, value.value);
    value.interval.map_or(center.clone(), |ends| format!("{center} ({})", interval(metric, ends)))
}

/// `0.838 to 0.846`, in the unit that the value itself is shown in.
pub(super) fn interval(metric: Metric, (low, high): (f64, f64)) -> String {
    match metric {
        Metric::LatencyMs | Metric::LatencyP90Ms => {
            format!("{} to {}", quantity::significant(low, 3), quantity::significant(high, 3))
        }
        _ => format!("{} to {}", quantity(metric, low), quantity(metric, high)),
    }
}

/// `24 November 2026, 10:15 UTC` for an RFC 3339 time; another text as it is.
pub(super) fn moment(text: &str) -> String {
    let time = text.parse::<jiff::Timestamp>().map(|time| time.strftime("%-d %B %Y, %H:%M UTC").to_string());
    time.unwrap_or_else(|_| text.to_owned())
}

/// One word for where a value came from.
pub(super) fn origin(origin: &Origin) -> &'static str {
    match origin {
        Origin::Measured { .. } => "measured",
        Origin::Predicted { .. } => "predicted",
        Origin::Computed => "computed",
    }
}

/// Who says so; nothing of what is computed.
pub(super) fn source(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Measured { by } | Origin::Predicted { by } => Some(by),
        Origin::Computed => None,
    }
}

/// `at most 1.00 ms`.
pub(super) fn bound(constraint: &Constraint) -> String {
    let quantity = |value: f64| quantity(constraint.metric, value);
    match (constraint.min, constraint.max) {
        (Some(min), Some(max)) => format!("{} to {}", quantity(min), quantity(max)),
        (Some(min), None) => format!("at least {}", quantity(min)),
        (None, Some(max)) => format!("at most {}", quantity(max)),
        (None, None) => "anything".to_owned(),
    }
}
