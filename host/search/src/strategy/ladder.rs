//! Trainings in steps: which networks were trained how far, and which of them are the best at each step.
//!
//! What strategies that pause and continue trainings have in common. A network's trainings are steps on a ladder of epochs;
//! each trial is one step of one network.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::scalarization::Scalarization;
use super::{StrategyError, StrategySettings};
use crate::pareto;
use crate::trial::Observation;

const MIN_EPOCHS: u64 = 1;
const REDUCTION: u64 = 3;

/// Most networks that are sorted by dominance, whose cost grows with the square; more are sorted by an even scalarization.
const MOST_SORTED: usize = 256;

/// How far trainings go before they pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ladder {
    /// Epochs of the first step.
    pub(super) min_epochs: u64,
    /// One in so many networks goes on to the next step, which has so many times the epochs.
    pub(super) reduction: u64,
}

/// A network's result at one step.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    /// Number of its trial.
    pub(super) number: u64,
    violation: f64,
    /// `None` if it failed.
    losses: Option<Vec<f64>>,
}

/// A network that was begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Climber {
    /// Its results, from its first step on.
    pub(super) results: Vec<Reached>,
    /// Steps that it was put on: one more than there are results while it is in training.
    pub(super) steps: usize,
}

/// Every network that was begun, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Climbers {
    list: Vec<Climber>,
    /// Which network the trial of this number is of.
    by_number: BTreeMap<u64, usize>,
}

impl Ladder {
    /// The settings that these strategies know.
    pub(super) const KEYS: [&'static str; 2] = ["min_epochs", "reduction"];

    pub(super) fn of(settings: &StrategySettings) -> Result<Self, StrategyError> {
        settings.has_only(&Self::KEYS)?;
        let (min_epochs, reduction) = (settings.min_epochs_or(MIN_EPOCHS)?, settings.reduction_or(REDUCTION)?);
        Ok(Self { min_epochs, reduction })
    }

    pub(super) fn settings(self, name: &str) -> StrategySettings {
        let (min_epochs, reduction) = (Some(self.min_epochs), Some(self.reduction));
        StrategySettings { min_epochs, reduction, ..StrategySettings::named(name) }
    }

    /// Epochs after which trainings pause, rising; the last are those of a whole training.
    pub(super) fn steps(self, whole: u64) -> Vec<u64> {
        let next = |epochs: &u64| epochs.checked_mul(self.reduction);
        let before = std::iter::successors(Some(self.min_epochs), next).take_while(|epochs| *epochs < whole);
        before.chain([whole]).collect()
    }

    /// How many of so many networks go on.
    pub(super) fn promoted(self, count: usize) -> usize {
        count / usize::try_from(self.reduction).unwrap_or(usize::MAX)
    }
}

impl Climbers {
    /// Takes a result; what was stopped untrained is no climber.
    pub(super) fn tell(&mut self, observation: &Observation) {
        let Some(number) = observation.number else { return };
        let at = self.put(observation, number);
        let (violation, losses) = (observation.violation, observation.complete());
        self.list[at].results.push(Reached { number, violation, losses });
    }

    /// These and the networks in training.
    pub(super) fn with(&self, pending: &[Observation]) -> Self {
        let mut all = self.clone();
        for observation in pending {
            if let Some(number) = observation.number {
                all.put(observation, number);
            }
        }
        all
    }

    pub(super) fn list(&self) -> &[Climber] {
        &self.list
    }

    fn put(&mut self, observation: &Observation, number: u64) -> usize {
        let earlier = observation.fidelity.continues.and_then(|earlier| self.by_number.get(&earlier)).copied();
        let at = earlier.unwrap_or_else(|| {
            self.list.push(Climber::default());
            self.list.len() - 1
        });
        self.by_number.insert(number, at);
        self.list[at].steps += 1;
        at
    }

    /// The best `count` of these networks by their results at a step, best first; what failed there is left out.
    pub(super) fn best(&self, among: &[usize], step: usize, count: usize) -> Vec<usize> {
        let result = |at: usize| self.list[at].results.get(step);
        let found: Vec<(usize, &Reached, &[f64])> = among
            .iter()
            .filter_map(|&at| result(at).and_then(|result| Some((at, result, result.losses.as_deref()?))))
            .collect();
        let places = places(&found);
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|&a, &b| compare(places[a], places[b]).then(found[a].1.number.cmp(&found[b].1.number)));
        order.truncate(count);
        order.into_iter().map(|i| found[i].0).collect()
    }
}

/// What networks are sorted by, smaller first: the front or the violation, then the crowding or the loss.
type Place = (f64, f64);

fn compare(a: Place, b: Place) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
}

fn places(found: &[(usize, &Reached, &[f64])]) -> Vec<Place> {
    let losses = || found.iter().map(|(_, _, losses)| *losses);
    let Some(even) = Scalarization::even(losses()) else { return Vec::new() };
    if found.len() > MOST_SORTED || found[0].2.len() == 1 {
        return found.iter().map(|(_, result, losses)| (result.violation, even.scalar(losses))).collect();
    }
    let key = |i: usize| (found[i].1.violation, found[i].2);
    let ranks = pareto::ranks(found.len(), |i, j| pareto::constrained(key(i), key(j)).is_lt());
    let mut places: Vec<Place> = ranks.iter().map(|rank| (*rank as f64, 0.0)).collect();
    for rank in 0..found.len() {
        let front: Vec<usize> = (0..found.len()).filter(|&i| ranks[i] == rank).collect();
        let crowding = pareto::crowding(&front.iter().map(|&i| found[i].2).collect::<Vec<_>>());
        front.iter().zip(crowding).for_each(|(&i, crowding)| places[i].1 = -crowding);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{Climbers, Ladder};
    use crate::genotype::Genotype;
    use crate::trial::{Fidelity, Observation};

    #[test]
    fn steps_grow_to_a_whole_training() {
        let steps = |min_epochs, reduction, whole| Ladder { min_epochs, reduction }.steps(whole);
        assert_eq!(steps(1, 3, 9), [1, 3, 9]);
        assert_eq!(steps(1, 3, 10), [1, 3, 9, 10]);
        assert_eq!(steps(2, 2, 6), [2, 4, 6]);
        assert_eq!(steps(5, 3, 3), [3]);
    }

    #[test]
    fn the_best_of_a_step_are_found_and_failures_are_left_out() {
        let mut climbers = Climbers::default();
        let observe = |number: u64, continues: Option<u64>, loss: Option<f64>| Observation {
            number: Some(number),
            fidelity: Fidelity { epochs: Some(1), continues },
            ..Observation::of(Genotype::new([number as u8]), vec![loss], 0.0)
        };
        [Some(3.0), Some(1.0), None, Some(2.0)].into_iter().enumerate().for_each(|(number, loss)| {
            climbers.tell(&observe(number as u64, None, loss));
        });
        assert_eq!(climbers.best(&[0, 1, 2, 3], 0, 9), [1, 3, 0]);
        assert_eq!(climbers.best(&[0, 1, 2, 3], 0, 1), [1]);
        climbers.tell(&observe(4, Some(1), Some(0.5)));
        assert_eq!((climbers.list().len(), climbers.list()[1].steps), (4, 2));
        assert_eq!(climbers.best(&[0, 1, 3], 1, 3), [1]);
        assert_eq!(climbers.with(&[observe(5, Some(3), None)]).list()[3].steps, 2);
    }
}
