//! What a report is made of; the search fills it from the study, and nothing here is computed twice.

use edgefit_search::explain::{Common, Explanation};
use edgefit_search::{Constraint, Metric, Readings, Value};
use serde::{Deserialize, Serialize};

use super::early_ends::EarlyEnds;
use super::learned::Learned;

/// Everything that a report says about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportData {
    /// Name of the run, as its folder.
    pub run: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Version of edgefit.
    pub edgefit_version: String,
    /// The data, in a few words: name, images, classes.
    pub data: String,
    /// The space, in a few words: name, number of networks.
    pub space: String,
    /// The devices in the order of their numbers; at least one.
    pub devices: Vec<OnDevice>,
    /// What has to hold.
    pub constraints: Vec<Constraint>,
    /// The network that was chosen; `None` if none meets the constraints.
    pub winner: Option<Winner>,
    /// The networks that were trained to the end, the winner among them.
    pub finalists: Vec<Candidate>,
    /// The networks that were trained to be judged, in their order.
    pub candidates: Vec<Candidate>,
    /// Proposals that never were trained.
    pub untrained: Untrained,
    /// Hypervolume of the front after each trained candidate.
    pub hypervolume: Vec<f64>,
    /// What the networks of the front have in common.
    #[serde(default)]
    pub in_common: Vec<Common>,
    /// What a supernet learned, if one guided the search.
    #[serde(default)]
    pub learned: Option<Learned>,
    /// What trainings that ended early spared, where they could.
    #[serde(default)]
    pub early_ends: Option<EarlyEnds>,
    /// How long each part of the run took.
    pub phases: Vec<Span>,
    /// The search file, resolved.
    pub settings: String,
    /// The commands that make this run again.
    pub reproduce: Vec<String>,
}

impl ReportData {
    /// The bound of a metric on a device.
    pub(super) fn bound_on(&self, device: u8, metric: Metric) -> Option<&Constraint> {
        self.constraints.iter().find(|bound| (bound.metric, bound.device) == (metric, device))
    }

    /// The devices with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u8, &OnDevice)> {
        (0_u8..).zip(&self.devices)
    }

    /// What the devices are called, in the order of their numbers.
    pub fn device_names(&self) -> Vec<&str> {
        self.devices.iter().map(|device| device.name.as_str()).collect()
    }

    /// ` on pi` behind what a device decides, where there are several.
    pub(super) fn on(&self, device: u8, metric: Metric) -> String {
        match self.devices.get(usize::from(device)) {
            Some(on) if self.devices.len() > 1 && metric.is_of_device() => format!(" on {}", on.name),
            _ => String::new(),
        }
    }
}

/// One of the devices, and what is told of it alone. What is the same on every device is told with the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnDevice {
    /// What it is called beside the others.
    pub name: String,
    /// The device and the runtime: names and values, in the order in which they are shown.
    pub facts: Vec<Fact>,
    /// What candidates were compared by.
    pub objectives: Vec<Metric>,
    /// From where hypervolume is counted: the worst value of each objective that counts.
    pub reference: Vec<(Metric, f64)>,
    /// What the choices had to do with each objective.
    pub explanations: Vec<(Metric, Explanation)>,
    /// Who predicted the latencies.
    pub predictor: Predictor,
    /// Where the winner spends its time; `None` without a winner.
    pub profile: Option<Profile>,
}

/// Where a network spends its time on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What the runtime executed, in order.
    pub layers: Vec<Layer>,
    /// By what the profiled times were multiplied to sum to the latency that was measured without a profile.
    pub scale: Option<f64>,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value with its unit.
    pub value: String,
}

/// A network and all that is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Number of its trial.
    pub id: u64,
    /// Text form of its genotype.
    pub genotype: String,
    /// All that is known, each value with its origin.
    pub readings: Readings,
    /// Whether every constraint holds.
    pub meets_constraints: bool,
    /// Whether no other network of its list is as good in every objective and better in one.
    pub is_front: bool,
    /// Latency on each device that the baseline predicted for it before it was measured, in milliseconds.
    pub baselines_ms: Vec<Option<f64>>,
    /// The accuracy that a surrogate expected of it before its training.
    #[serde(default)]
    pub expected_accuracy: Option<Value>,
}

/// The network that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Winner {
    /// The network, as it was trained to the end and measured again.
    pub candidate: Candidate,
    /// Names of the network's own nodes, after which a runtime names what it executes.
    pub node_names: Vec<String>,
    /// Its last training, pass by pass.
    pub training: Vec<TrainedEpoch>,
}

/// A node that the runtime executed, and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its operator, as the runtime calls it.
    pub operator: String,
    /// Its mean time within one inference, in milliseconds, scaled.
    pub milliseconds: f64,
}

/// One pass over the training images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainedEpoch {
    /// Mean training loss; `None` if it was not finite.
    pub loss: Option<f64>,
    /// Share of the validation images that are classified right after it.
    pub validation_accuracy: Option<f64>,
}

/// Proposals that never were trained.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Untrained {
    /// Constraints, and how many each stopped, by what was computed or predicted.
    pub stopped: Vec<(Constraint, u64)>,
    /// Proposals of networks that had been proposed before.
    pub duplicates: u64,
    /// Networks that could not be trained or measured.
    pub failed: u64,
}

/// Who predicted the latencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predictor {
    /// The predictor that guided the search.
    pub name: String,
    /// The predictor that it is compared with.
    pub baseline: String,
    /// Models that were measured before the search.
    pub table_models: u64,
}

/// A part of the run and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Its seconds.
    pub seconds: f64,
}
