//! The search as a machine of its own: proposes networks worth training, takes their results, knows when it is over.
//!
//! Trial number `i` is drawn when exactly the results of trials `0..=i - in_flight` have been told to the strategy, in this
//! order, even if more are there. So the trials do not depend on the order in which trainings end, and up to
//! `in_flight` of them can run side by side. Random numbers come from the seed and the number of the draw; together with
//! the recorded trials they are all the state there is, and [`SearchEngine::replay`] restores it. A strategy may wait for more
//! results than that, and have a training continued that it had paused: this is a trial of its own, of the same network.

mod record;
mod screen;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use edgefit_graph::{Digest, Graph};
use serde::{Deserialize, Serialize};

use crate::draw;
use crate::genotype::Genotype;
use crate::goal::Goals;
use crate::metric::{Metric, Stage};
use crate::reading::Readings;
use crate::space::{CostTable, Space, SpaceError};
use crate::strategy::{Strategy, View, Wish};
use crate::trial::{Fidelity, Observation, Status, Trial};

pub use record::Tally;

/// Draws that one trial may cost on average before a search gives up.
pub(crate) const DRAWS_PER_TRIAL: u64 = 200;

/// Duplicates in a row after which the space is sampled instead of asking the strategy.
pub(crate) const MOST_REDRAWS: u64 = 50;

/// Most networks among which a strategy may choose the next one to train.
pub(crate) const MAX_POOL: usize = 128;

/// How long and how wide a search runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Number of networks to train; a training that is continued is none of its own.
    pub trials: u64,
    /// Epochs of a whole training, at least 1.
    pub epochs: u64,
    /// How many may be in training at once; at least 1. Another number gives other trials.
    pub in_flight: u64,
}

/// What the engine wants next, and the proposals that it stopped on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Proposals that miss a hard constraint, to be stored together with what follows.
    pub stopped: Vec<Trial>,
    /// What to do.
    pub next: Next,
}

/// What the host should do.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Store this trial, train its network and [complete](SearchEngine::complete) it.
    Train(Trial),
    /// Wait for the result of the trial of this number.
    Wait(u64),
    /// Nothing more will be proposed; trials in training may still be completed.
    Done(Finish),
}

/// Why a search is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Finish {
    /// All trials are proposed.
    Budget,
    /// No network was found that was not tried before.
    Exhausted,
    /// Nothing that was drawn keeps the hard constraints.
    NoFeasible {
        /// The constraint that stopped most.
        by: Metric,
        /// How many proposals it stopped.
        stopped: u64,
        /// The smallest violation seen, relative to the bounds.
        closest: f64,
    },
}

/// What can go wrong between engine and host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// A genotype is not of the space: a fault of the strategy, or trials of another space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A result for a trial that is not in training.
    #[error("trial {0} is not in training")]
    NotInTraining(u64),
    /// The strategy wants to continue a training that was not finished: its fault.
    #[error("trial {0} cannot be continued")]
    NotPaused(u64),
    /// Trials that are not the record of one search.
    #[error("the recorded trials are not those of one search: trial {number}: {reason}")]
    Record {
        /// Number of the trial.
        number: u64,
        /// What does not fit.
        reason: &'static str,
    },
}

/// One search.
pub struct SearchEngine {
    space: Box<dyn Space>,
    strategy: Box<dyn Strategy>,
    goals: Goals,
    settings: EngineSettings,
    /// Networks to train, by number.
    trials: Vec<Trial>,
    /// How many of them continue no other.
    begun: u64,
    /// Networks that are proposed before the strategy is asked.
    seeds: Vec<Genotype>,
    /// Whether no network was found any more that may be begun.
    is_exhausted: bool,
    /// How many of them the strategy has been told.
    told: usize,
    /// The others, as they were known when they were proposed.
    pending: Vec<Observation>,
    /// Number of the next draw.
    draw: u64,
    seen: Seen,
    tally: Tally,
    /// What networks cost, where a constraint asks for it and the space can tell without building them.
    costs: Option<CostTable>,
}

/// What has been proposed before.
#[derive(Debug, Default)]
struct Seen {
    genotypes: BTreeSet<Genotype>,
    /// Networks, each with what a genotype says beyond it.
    networks: BTreeSet<(Digest, Vec<u8>)>,
}

/// A network that might be trained next.
struct Prospect {
    genotype: Genotype,
    digest: Option<Digest>,
    known: Readings,
}

impl Prospect {
    fn observation(&self, goals: &Goals) -> Observation {
        Observation::of(self.genotype.clone(), goals.losses(&self.known), goals.violation(&self.known))
    }
}

impl SearchEngine {
    /// A search that has not begun.
    ///
    /// # Panics
    /// If `in_flight` is 0.
    pub fn new(space: Box<dyn Space>, strategy: Box<dyn Strategy>, goals: Goals, settings: EngineSettings) -> Self {
        assert!(settings.in_flight > 0, "a search needs at least one trial in flight");
        let is_bounded = goals.constraints().iter().any(|constraint| constraint.metric.stage() == Stage::Decoded);
        let costs = if is_bounded { space.cost_table() } else { None };
        Self {
            costs,
            space,
            strategy,
            goals,
            settings,
            trials: Vec::new(),
            begun: 0,
            seeds: Vec::new(),
            is_exhausted: false,
            told: 0,
            pending: Vec::new(),
            draw: 0,
            seen: Seen::default(),
            tally: Tally::default(),
        }
    }

    /// The space that is searched.
    pub fn space(&self) -> &dyn Space {
        self.space.as_ref()
    }

    /// What is searched for.
    pub fn goals(&self) -> &Goals {
        &self.goals
    }

    /// The networks to train so far, by number.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// What was drawn so far and what became of it.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many results the next proposal may depend on: those of the trials with smaller numbers. Predictions that
    /// `appraise` returns must not depend on later ones either.
    pub fn horizon(&self) -> u64 {
        (self.trials.len() as u64 + 1).saturating_sub(self.settings.in_flight)
    }

    /// What to do next. `appraise` returns what is predicted of a network; it is called for those that keep the
    /// constraints on what is computed. The same network must get the same readings as long as the horizon is the same.
    ///
    /// # Errors
    /// As `appraise`, and when the strategy proposes what is not of the space. After an error the engine is not used
    /// further; a new one replays the record.
    pub fn next<E: From<SearchError>>(
        &mut self,
        mut appraise: impl FnMut(&Graph, &Genotype) -> Result<Readings, E>,
    ) -> Result<Step, E> {
        if let Some(number) = self.tell_until(self.horizon()) {
            return Ok(Step { stopped: Vec::new(), next: Next::Wait(number) });
        }
        let mut stopped = Vec::new();
        // Ends: a round tells a result, or exhausts the space, which happens once.
        let next = loop {
            match self.strategy.wish(&self.view()) {
                Wish::New { .. } if self.left() == 0 => break Next::Done(self.finish()),
                Wish::New { epochs } => {
                    let screened = self.screen(&mut appraise)?;
                    stopped.extend(screened.stopped);
                    self.is_exhausted = screened.pool.is_empty();
                    if !self.is_exhausted {
                        break Next::Train(self.choose(screened.pool, screened.duplicates, epochs));
                    }
                }
                Wish::Continue { number, epochs } => break Next::Train(self.go_on(number, epochs)?),
                Wish::Wait if self.pending.is_empty() => break Next::Done(self.finish()),
                Wish::Wait => {
                    if let Some(number) = self.tell_until(self.told as u64 + 1) {
                        break Next::Wait(number);
                    }
                }
            }
        };
        Ok(Step { stopped, next })
    }

    /// Proposes these networks before the strategy is asked, in their order; of equal networks only the first.
    ///
    /// # Errors
    /// When one is not of the space.
    pub fn begin_with(&mut self, genotypes: Vec<Genotype>) -> Result<(), SearchError> {
        self.seeds = self.distinct(genotypes)?;
        Ok(())
    }

    /// The settled trials that no other settled one continues: of each network its longest training.
    pub fn latest(&self) -> impl Iterator<Item = &Trial> {
        let settled = self.trials.iter().filter(|trial| trial.is_settled());
        let continued: BTreeSet<u64> = settled.clone().filter_map(|trial| trial.fidelity.continues).collect();
        settled.filter(move |trial| !continued.contains(&trial.number))
    }

    /// Takes the result of a trial: what was measured, or why it failed. Returns the settled trial, to be stored.
    ///
    /// # Errors
    /// When the trial is not in training.
    pub fn complete(&mut self, number: u64, result: Result<Readings, String>) -> Result<&Trial, SearchError> {
        let trial = self.trials.get_mut(number as usize).filter(|trial| !trial.is_settled());
        let trial = trial.ok_or(SearchError::NotInTraining(number))?;
        match result {
            Ok(readings) => {
                trial.results.extend(readings);
                trial.status = Status::Trained;
            }
            Err(reason) => trial.status = Status::Failed { reason },
        }
        Ok(trial)
    }

    /// The trials that still lack a result.
    pub fn in_training(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.is_settled())
    }

    /// Tells the strategy the first `count` results; the number of the first of them that is not there yet.
    fn tell_until(&mut self, count: u64) -> Option<u64> {
        while (self.told as u64) < count {
            let number = self.told as u64;
            let Some(trial) = self.trials.get(self.told).filter(|trial| trial.is_settled()) else {
                return Some(number);
            };
            self.strategy.tell(self.space.as_ref(), &trial.observation(&self.goals));
            self.pending.remove(0);
            self.told += 1;
        }
        None
    }

    fn choose(&mut self, pool: Vec<Prospect>, duplicates: u64, epochs: Option<u64>) -> Trial {
        let draw = self.take_draw();
        let observations: Vec<Observation> = pool.iter().map(|prospect| prospect.observation(&self.goals)).collect();
        let rng = &mut draw::stream(self.settings.seed, draw);
        let chosen = self.strategy.choose(&self.view(), &observations, rng);
        let prospect = pool.into_iter().nth(chosen).expect("a strategy chooses from the pool");
        let fidelity = Fidelity { epochs, continues: None };
        let trial = Trial { duplicates, fidelity, ..self.trial(prospect, draw, Status::Proposed) };
        self.enter(trial.clone());
        trial
    }

    /// The trial that goes on where another paused.
    fn go_on(&mut self, number: u64, epochs: u64) -> Result<Trial, SearchError> {
        let earlier = self.trials.get(number as usize).filter(|trial| trial.status == Status::Trained);
        let earlier = earlier.ok_or(SearchError::NotPaused(number))?;
        let (genotype, digest, known) = (earlier.genotype.clone(), earlier.digest, earlier.known.clone());
        let fidelity = Fidelity { epochs: Some(epochs), continues: Some(number) };
        let draw = self.take_draw();
        let trial = Trial { fidelity, ..self.trial(Prospect { genotype, digest, known }, draw, Status::Proposed) };
        self.enter(trial.clone());
        Ok(trial)
    }

    fn view(&self) -> View<'_> {
        let (space, pending) = (self.space.as_ref(), self.pending.as_slice());
        View { space, pending, left: self.left(), epochs: self.settings.epochs, redraws: 0 }
    }

    /// Networks that may still be begun.
    fn left(&self) -> u64 {
        if self.is_exhausted { 0 } else { self.settings.trials.saturating_sub(self.begun) }
    }

    fn trial(&self, prospect: Prospect, draw: u64, status: Status) -> Trial {
        let Prospect { genotype, digest, known } = prospect;
        let (number, results) = (self.trials.len() as u64, Readings::new());
        let (fidelity, told) = (Fidelity::default(), Some(self.told as u64));
        Trial { number, draw, genotype, digest, duplicates: 0, known, results, status, fidelity, told }
    }

    fn take_draw(&mut self) -> u64 {
        self.draw += 1;
        self.draw - 1
    }

    fn finish(&self) -> Finish {
        if !self.is_exhausted {
            return Finish::Budget;
        }
        match self.tally.most_stopping() {
            Some((by, stopped)) if self.trials.is_empty() => {
                Finish::NoFeasible { by, stopped, closest: self.tally.closest }
            }
            _ => Finish::Exhausted,
        }
    }
}
