//! Brackets: groups of networks that begin together and are halved together (Jamieson and Talwalkar 2016).
//!
//! Where a bracket waits for results, the next one goes on, so that trainings side by side are not kept waiting.

use rand_chacha::ChaCha8Rng;

use super::ladder::{Climbers, Ladder};
use super::repair::Repair;
use super::{Strategy, StrategySettings, View, Wish};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

/// A group of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bracket {
    /// The step of the ladder that its networks begin with.
    pub(super) first_step: usize,
    /// How many networks it has.
    pub(super) size: usize,
}

/// The brackets of a strategy, by number: for a ladder of so many steps.
pub(super) type Plan = fn(&Ladder, steps: usize, number: usize) -> Option<Bracket>;

/// A strategy that samples at random and halves in brackets.
pub(super) struct Brackets {
    pub(super) name: &'static str,
    pub(super) ladder: Ladder,
    pub(super) plan: Plan,
    climbers: Climbers,
    repair: Repair,
}

impl Brackets {
    pub(super) fn new(name: &'static str, ladder: Ladder, plan: Plan) -> Self {
        Self { name, ladder, plan, climbers: Climbers::default(), repair: Repair::default() }
    }

    /// What a bracket wants of these networks of its own; `None` while it waits or when it is over.
    fn wish_of(&self, bracket: Bracket, climbers: &Climbers, mut members: Vec<usize>, steps: &[u64]) -> Option<Wish> {
        for (step, epochs) in steps[bracket.first_step..].iter().skip(1).enumerate() {
            let is_done = |at: &usize| climbers.list()[*at].results.len() > step;
            if !members.iter().all(is_done) {
                return None;
            }
            let count = self.ladder.promoted(members.len()).max(1);
            members = climbers.best(&members, step, count);
            let waiting = members.iter().map(|&at| &climbers.list()[at]).find(|climber| climber.steps == step + 1);
            if let Some(climber) = waiting {
                return Some(Wish::Continue { number: climber.results[step].number, epochs: *epochs });
            }
        }
        None
    }
}

impl Strategy for Brackets {
    fn name(&self) -> &'static str {
        self.name
    }

    fn settings(&self) -> StrategySettings {
        self.ladder.settings(self.name)
    }

    fn pauses(&self) -> bool {
        true
    }

    fn tell(&mut self, _space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        self.climbers.tell(observation);
    }

    fn wish(&self, view: &View<'_>) -> Wish {
        let (steps, climbers) = (self.ladder.steps(view.epochs), self.climbers.with(view.pending));
        let mut first = 0;
        for number in 0..=climbers.list().len() {
            let Some(bracket) = (self.plan)(&self.ladder, steps.len(), number) else { break };
            let begun = climbers.list().len().saturating_sub(first).min(bracket.size);
            if begun < bracket.size && view.left > 0 {
                return Wish::New { epochs: Some(steps[bracket.first_step]) };
            }
            if begun == 0 {
                break;
            }
            let members = (first..first + begun).collect();
            if let Some(wish) = self.wish_of(bracket, &climbers, members, &steps) {
                return wish;
            }
            first += begun;
        }
        Wish::Wait
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        self.repair.ask(view.space, rng).unwrap_or_else(|| view.space.sample(rng))
    }
}
