//! The search as a machine of its own: proposes networks worth training, takes their results, knows when it is over.
//!
//! Trial number `i` is drawn when exactly the results of trials `0..=i - in_flight` have been told to the strategy, in this
//! order, even if more are there. So the trials do not depend on the order in which trainings end, and up to
//! `in_flight` of them can run side by side. Random numbers come from the seed and the number of the draw; together with
//! the recorded trials they are all the state there is, and [`SearchEngine::replay`] restores it.

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
use crate::strategy::{Strategy, View};
use crate::trial::{Observation, Status, Trial};

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
    /// Number of networks to train.
    pub trials: u64,
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
    digests: BTreeSet<Digest>,
}

/// A network that might be trained next.
struct Prospect {
    genotype: Genotype,
    digest: Option<Digest>,
    known: Readings,
}

impl Prospect {
    fn observation(&self, goals: &Goals) -> Observation {
        let (losses, violation) = (goals.losses(&self.known), goals.violation(&self.known));
        Observation { genotype: self.genotype.clone(), losses, violation }
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
        let nothing_stopped = |next| Ok(Step { stopped: Vec::new(), next });
        if self.trials.len() as u64 >= self.settings.trials {
            return nothing_stopped(Next::Done(Finish::Budget));
        }
        if let Some(number) = self.tell_until_horizon() {
            return nothing_stopped(Next::Wait(number));
        }
        let screened = self.screen(&mut appraise)?;
        let next = match screened.pool.is_empty() {
            true => Next::Done(self.finish_without_prospect()),
            false => Next::Train(self.choose(screened.pool, screened.duplicates)),
        };
        Ok(Step { stopped: screened.stopped, next })
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

    /// Tells the strategy the results that belong before the next draw; the number of the first that is not there yet.
    fn tell_until_horizon(&mut self) -> Option<u64> {
        while (self.told as u64) < self.horizon() {
            let trial = &self.trials[self.told];
            if !trial.is_settled() {
                return Some(trial.number);
            }
            self.strategy.tell(self.space.as_ref(), &trial.observation(&self.goals));
            self.pending.remove(0);
            self.told += 1;
        }
        None
    }

    fn choose(&mut self, pool: Vec<Prospect>, duplicates: u64) -> Trial {
        let draw = self.take_draw();
        let observations: Vec<Observation> = pool.iter().map(|prospect| prospect.observation(&self.goals)).collect();
        let rng = &mut draw::stream(self.settings.seed, draw);
        let chosen = self.strategy.choose(&self.view(), &observations, rng);
        let prospect = pool.into_iter().nth(chosen).expect("a strategy chooses from the pool");
        let trial = Trial { duplicates, ..self.trial(prospect, draw, Status::Proposed) };
        self.enter(trial.clone());
        trial
    }

    fn view(&self) -> View<'_> {
        View { space: self.space.as_ref(), pending: &self.pending }
    }

    fn trial(&self, prospect: Prospect, draw: u64, status: Status) -> Trial {
        let Prospect { genotype, digest, known } = prospect;
        let (number, results) = (self.trials.len() as u64, Readings::new());
        Trial { number, draw, genotype, digest, duplicates: 0, known, results, status }
    }

    fn take_draw(&mut self) -> u64 {
        self.draw += 1;
        self.draw - 1
    }

    fn finish_without_prospect(&self) -> Finish {
        match self.tally.most_stopping() {
            Some((by, stopped)) if self.trials.is_empty() => {
                Finish::NoFeasible { by, stopped, closest: self.tally.closest }
            }
            _ => Finish::Exhausted,
        }
    }
}
