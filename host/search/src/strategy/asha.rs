//! Strategy `asha` (Li et al. 2020): asynchronous successive halving.
//!
//! Whenever something may be trained, it continues the best network that is among the best of its step so far and was not
//! continued yet; only where there is none it begins another. It never waits for a step to be complete.

use rand_chacha::ChaCha8Rng;

use super::ladder::{Climbers, Ladder};
use super::repair::Repair;
use super::{Strategy, StrategyError, StrategySettings, View, Wish};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "asha";

struct Asha {
    ladder: Ladder,
    climbers: Climbers,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    let ladder = Ladder::of(settings)?;
    Ok(Box::new(Asha { ladder, climbers: Climbers::default(), repair: Repair::default() }))
}

impl Strategy for Asha {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        self.ladder.settings(NAME)
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
        // At the end, when nothing else is left to train, one network at least climbs all the way.
        let least = usize::from(view.left == 0 && view.pending.is_empty());
        let continued = |step: usize| self.continued(&climbers, step - 1, steps[step], least);
        let continued = (1..steps.len()).rev().find_map(continued);
        continued.unwrap_or(match view.left {
            0 => Wish::Wait,
            _ => Wish::New { epochs: Some(steps[0]) },
        })
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        self.repair.ask(view.space, rng).unwrap_or_else(|| view.space.sample(rng))
    }
}

impl Asha {
    /// The best network of a step that may go on to the next.
    fn continued(&self, climbers: &Climbers, step: usize, epochs: u64, least: usize) -> Option<Wish> {
        let list = climbers.list();
        let there: Vec<usize> = (0..list.len()).filter(|&at| list[at].results.len() > step).collect();
        let best = climbers.best(&there, step, self.ladder.promoted(there.len()).max(least));
        let free = best.into_iter().find(|&at| list[at].steps == step + 1)?;
        Some(Wish::Continue { number: list[free].results[step].number, epochs })
    }
}
