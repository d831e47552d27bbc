//! What can be known about a network: a closed set of metrics, each with its unit, its better direction, and when it is known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number about a network. The names of the user's file are the text forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of samples that are classified right, 0 to 1.
    Accuracy,
    /// Median latency of one inference, ms.
    LatencyMs,
    /// 90th percentile of the latency, ms.
    LatencyP90Ms,
    /// Peak memory while the network runs, KiB.
    PeakMemoryKib,
    /// Size of the model file, KiB.
    ModelSizeKib,
    /// Multiply-accumulates of one inference.
    Macs,
    /// Learned numbers.
    Params,
    /// Energy of one inference, mJ.
    EnergyMj,
    /// Share of the samples of the worst class that are classified right, 0 to 1.
    WorstClassAccuracy,
    /// Share of the samples of the worst group that are classified right, 0 to 1.
    WorstGroupAccuracy,
    /// Mean over the classes of the share of each that is classified right, 0 to 1.
    BalancedAccuracy,
    /// Mean over the classes of F1, 0 to 1.
    MacroF1,
    /// Expected calibration error, 0 to 1.
    CalibrationError,
    /// Mean accuracy on samples with noise, blur, brightness and contrast, 0 to 1.
    CorruptedAccuracy,
    /// Accuracy under an attack of one step, 0 to 1.
    FgsmAccuracy,
    /// Accuracy under an attack of ten steps, 0 to 1.
    PgdAccuracy,
}

/// Which of two values is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// What must have happened before a metric is known, in order of cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The network exists: the metric is computed from its graph.
    Decoded,
    /// A predictor was asked.
    Predicted,
    /// The network was trained.
    Trained,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Accuracy,
        Self::LatencyMs,
        Self::LatencyP90Ms,
        Self::PeakMemoryKib,
        Self::ModelSizeKib,
        Self::Macs,
        Self::Params,
        Self::EnergyMj,
        Self::WorstClassAccuracy,
        Self::WorstGroupAccuracy,
        Self::BalancedAccuracy,
        Self::MacroF1,
        Self::CalibrationError,
        Self::CorruptedAccuracy,
        Self::FgsmAccuracy,
        Self::PgdAccuracy,
    ];

    /// Those that are shares of 0 to 1.
    pub const SHARES: [Self; 9] = [
        Self::Accuracy,
        Self::WorstClassAccuracy,
        Self::WorstGroupAccuracy,
        Self::BalancedAccuracy,
        Self::MacroF1,
        Self::CalibrationError,
        Self::CorruptedAccuracy,
        Self::FgsmAccuracy,
        Self::PgdAccuracy,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::LatencyMs => "latency_ms",
            Self::LatencyP90Ms => "latency_p90_ms",
            Self::PeakMemoryKib => "peak_memory_kib",
            Self::ModelSizeKib => "model_size_kib",
            Self::Macs => "macs",
            Self::Params => "params",
            Self::EnergyMj => "energy_mj",
            Self::WorstClassAccuracy => "worst_class_accuracy",
            Self::WorstGroupAccuracy => "worst_group_accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::MacroF1 => "macro_f1",
            Self::CalibrationError => "calibration_error",
            Self::CorruptedAccuracy => "corrupted_accuracy",
            Self::FgsmAccuracy => "fgsm_accuracy",
            Self::PgdAccuracy => "pgd_accuracy",
        }
    }

    /// Its unit as shown to people; empty for a count or a share.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::LatencyMs | Self::LatencyP90Ms => "ms",
            Self::PeakMemoryKib | Self::ModelSizeKib => "KiB",
            Self::EnergyMj => "mJ",
            _ => "",
        }
    }

    /// Whether it is a share of 0 to 1.
    pub fn is_share(self) -> bool {
        Self::SHARES.contains(&self)
    }

    /// Which of two values is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::CalibrationError => Direction::Min,
            metric if metric.is_share() => Direction::Max,
            _ => Direction::Min,
        }
    }

    /// When it is known at the earliest.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Macs | Self::Params | Self::ModelSizeKib => Stage::Decoded,
            Self::LatencyMs | Self::LatencyP90Ms | Self::PeakMemoryKib | Self::EnergyMj => Stage::Predicted,
            _ => Stage::Trained,
        }
    }

    /// Whether it is another on every device.
    pub const fn is_of_device(self) -> bool {
        matches!(self.stage(), Stage::Predicted)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}

/// A name that is no metric's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric; the metrics are {all}", all = Metric::ALL.map(Metric::name).join(", "))]
pub struct UnknownMetric(pub String);

#[cfg(test)]
mod tests {
    use super::Metric;

    #[test]
    fn names_round_trip_and_serde_uses_them() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{metric}\""));
        }
        let error = "latency".parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains("latency_ms"), "{error}");
    }
}
