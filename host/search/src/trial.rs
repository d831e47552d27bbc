//! The record of one proposed network, which the host stores, and what a strategy gets to see of it.

use edgefit_graph::Digest;
use serde::{Deserialize, Serialize};

use crate::genotype::Genotype;
use crate::goal::Goals;
use crate::metric::Metric;
use crate::reading::Readings;

/// One proposal and what became of it. A search is the list of its trials in order of `draw`; replaying them restores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Number of the network to train, from 0. A stopped proposal has the number of the network it might have become.
    pub number: u64,
    /// Number of the draw that gave it; draws count all random decisions of a search.
    pub draw: u64,
    /// Which network.
    pub genotype: Genotype,
    /// The network's digest; equal networks are trained once. `None` for a stopped proposal, which needs none.
    pub digest: Option<Digest>,
    /// Proposals passed over as duplicates while this trial was drawn; 0 for a stopped one.
    pub duplicates: u64,
    /// What was known before it was trained: computed and predicted.
    pub known: Readings,
    /// What training and measuring it added.
    pub results: Readings,
    /// What became of it.
    pub status: Status,
    /// How long it is trained, and from where.
    #[serde(default)]
    pub fidelity: Fidelity,
    /// How many results the strategy had been told when it was drawn; `None` in records that follow from the number in flight.
    #[serde(default)]
    pub told: Option<u64>,
}

/// How much of a whole training a trial is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fidelity {
    /// The epoch after which the training pauses; `None` where it goes to its end.
    pub epochs: Option<u64>,
    /// Number of the trial whose training goes on; `None` for a training from the first epoch.
    pub continues: Option<u64>,
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It misses a hard constraint by what is computed or predicted, and is not trained.
    Stopped {
        /// The metric of the first constraint that it misses.
        by: Metric,
    },
    /// It is to be trained; a search that was interrupted finds it again in this state.
    Proposed,
    /// It was trained, and measured where the host measures.
    Trained,
    /// It could not be trained or measured.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// What a strategy sees of a network: losses to be minimized, and how far it is from being allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which network.
    pub genotype: Genotype,
    /// One loss an objective; `None` while the objective is not known.
    pub losses: Vec<Option<f64>>,
    /// 0 for a network that keeps all constraints known so far; infinite for one that failed.
    pub violation: f64,
    /// Number of its trial; `None` for a proposal that was stopped, or that is no trial yet.
    pub number: Option<u64>,
    /// How long it was or is trained.
    pub fidelity: Fidelity,
}

impl Observation {
    /// A network that is no trial.
    pub fn of(genotype: Genotype, losses: Vec<Option<f64>>, violation: f64) -> Self {
        Self { genotype, losses, violation, number: None, fidelity: Fidelity::default() }
    }

    /// The losses, when all of them are known.
    pub fn complete(&self) -> Option<Vec<f64>> {
        self.losses.iter().copied().collect()
    }

    /// Whether all constraints known so far are kept.
    pub fn is_feasible(&self) -> bool {
        self.violation == 0.0
    }
}

impl Trial {
    /// The trial as a strategy sees it.
    pub fn observation(&self, goals: &Goals) -> Observation {
        let failed = matches!(self.status, Status::Failed { .. });
        let readings = self.readings();
        let violation = if failed { f64::INFINITY } else { goals.violation(&readings) };
        self.observed(goals.losses(&readings), violation)
    }

    /// The trial as it was when it was drawn.
    pub(crate) fn proposal(&self, goals: &Goals) -> Observation {
        self.observed(goals.losses(&self.known), goals.violation(&self.known))
    }

    fn observed(&self, losses: Vec<Option<f64>>, violation: f64) -> Observation {
        let number = (!matches!(self.status, Status::Stopped { .. })).then_some(self.number);
        Observation { genotype: self.genotype.clone(), losses, violation, number, fidelity: self.fidelity }
    }

    /// All that is known about it by now.
    pub fn readings(&self) -> Readings {
        let mut readings = self.known.clone();
        readings.extend(self.results.clone());
        readings
    }

    /// Whether its result is there, good or bad.
    pub fn is_settled(&self) -> bool {
        self.status != Status::Proposed
    }
}
