//! What a study keeps, as the rest of the host sees it.

use edgefit_search::{Readings, Trial};
use serde::{Deserialize, Serialize};

/// What a study is about; written once.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The search file, resolved and complete.
    pub config: String,
    /// The seed of the run.
    pub seed: u64,
    /// What it is made with.
    pub provenance: Provenance,
}

/// What a study is made with. Measurements of one study are of one device and one runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of edgefit.
    pub edgefit_version: String,
    /// The device, as it describes itself.
    pub device: String,
    /// Runtime, its version and threads.
    pub runtime: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// The point that the hypervolumes of the trials are counted from: each objective, such as `latency_ms on pi`, with its value.
    #[serde(default)]
    pub hypervolume_reference: Vec<(String, f64)>,
}

/// A model that was measured for the latency table before the search.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSample {
    /// Position in the order in which they were drawn, from 0.
    pub number: u64,
    /// Text form of its genotype.
    pub genotype: String,
    /// Digest of its network.
    pub digest: String,
}

/// A proposal and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// The trial, as the search replays it.
    pub trial: Trial,
    /// Text form of its genotype, for people and for later versions of the space.
    pub genotype: String,
    /// Hypervolume of the front after it; `None` for a proposal that was not trained.
    pub hypervolume: Option<f64>,
}

/// What a training was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To estimate the accuracy of a candidate.
    Estimate,
    /// To train a finalist to the end.
    Final,
    /// To train a finalist again, with the validation images among those to train on.
    Refit,
}

impl Purpose {
    /// The name in the study.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::Final => "final",
            Self::Refit => "refit",
        }
    }
}

/// How a network was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// What for.
    pub purpose: Purpose,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Pass by pass.
    pub epochs: Vec<Epoch>,
}

/// One pass over the training images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean loss over the training images; `None` if it was not finite.
    pub loss: Option<f64>,
    /// Share of the validation images that are classified right after it; `None` if they were not looked at.
    pub validation_accuracy: Option<f64>,
    /// Mean cross entropy on the validation images after it; `None` if it was not finite or they were not looked at.
    #[serde(default)]
    pub validation_loss: Option<f64>,
}

/// A report of an agent, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// What was measured, on what, and how: equal keys are the same measurement.
    pub key: String,
    /// What for, such as `table`, `trial` or `final`.
    pub purpose: String,
    /// The report, JSON.
    pub document: String,
}

/// A network of the front that was trained to the end and measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Finalist {
    /// The draw of its trial.
    pub draw: u64,
    /// Its place, from 1; the first is the winner.
    pub place: u64,
    /// All that is known about it, test accuracy and last measurement included.
    pub readings: Readings,
}

/// How long a part of the run took, once it is finished.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name, such as `table`, `search` or `final`.
    pub name: String,
    /// Its seconds.
    pub seconds: f64,
}
