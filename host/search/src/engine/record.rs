//! The record of a search: every trial enters it once, live or replayed, by the same way.

use std::collections::BTreeMap;

use super::{SearchEngine, SearchError};
use crate::goal::Goals;
use crate::metric::Metric;
use crate::trial::{Status, Trial};

/// What was drawn so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Networks to train.
    pub proposed: u64,
    /// Proposals passed over because the same network was proposed before.
    pub duplicates: u64,
    /// For each constraint, how many proposals it stopped before training.
    pub stopped: BTreeMap<Metric, u64>,
    /// The smallest violation of a stopped proposal, relative to the bounds; infinite before the first.
    pub closest: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { proposed: 0, duplicates: 0, stopped: BTreeMap::new(), closest: f64::INFINITY }
    }
}

impl Tally {
    /// The constraint that stopped most, and how many.
    pub fn most_stopping(&self) -> Option<(Metric, u64)> {
        self.stopped.iter().map(|(metric, count)| (*metric, *count)).max_by_key(|(_, count)| *count)
    }

    fn count(&mut self, trial: &Trial, goals: &Goals) {
        self.duplicates += trial.duplicates;
        match trial.status {
            Status::Stopped { by } => {
                *self.stopped.entry(by).or_default() += 1;
                self.closest = self.closest.min(goals.violation(&trial.known));
            }
            _ => self.proposed += u64::from(trial.fidelity.continues.is_none()),
        }
    }
}

impl SearchEngine {
    /// Restores the search that these trials are the record of, in order of their draws. Trials without a result are
    /// then [in training](SearchEngine::in_training) again.
    ///
    /// # Errors
    /// When the trials are not the record of one search of this space, seed and number in flight.
    pub fn replay(&mut self, trials: impl IntoIterator<Item = Trial>) -> Result<(), SearchError> {
        for trial in trials {
            self.space.check(&trial.genotype)?;
            let number = trial.number;
            let fail = |reason| Err(SearchError::Record { number, reason });
            if trial.draw < self.draw || number != self.trials.len() as u64 {
                return fail("it is out of order, or one before it is missing");
            }
            if trial.fidelity.continues.is_some_and(|earlier| earlier >= number) {
                return fail("it continues a trial that comes after it");
            }
            if self.tell_until(trial.told.unwrap_or_else(|| self.horizon())).is_some() {
                return fail("it was drawn before a result that it depends on");
            }
            self.enter(trial);
        }
        Ok(())
    }

    /// Puts a trial on record, as it was when it was drawn.
    pub(super) fn enter(&mut self, trial: Trial) {
        self.draw = trial.draw + 1;
        self.seen.genotypes.insert(trial.genotype.clone());
        let network = trial.digest.map(|digest| (digest, self.space.beyond(&trial.genotype).to_vec()));
        self.seen.networks.extend(network);
        self.tally.count(&trial, &self.goals);
        let observation = trial.proposal(&self.goals);
        match trial.status {
            Status::Stopped { .. } => self.strategy.tell(self.space.as_ref(), &observation),
            _ => {
                self.begun += u64::from(trial.fidelity.continues.is_none());
                self.pending.push(observation);
                self.trials.push(trial);
            }
        }
    }
}
