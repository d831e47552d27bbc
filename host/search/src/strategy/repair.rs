//! The way to feasible networks where they are rare: remembers the stopped proposals that violate least.
//!
//! While many proposals in a row are stopped, strategies propose mutants of these instead of sampling or breeding, so
//! that a search does not spend its draws on what cannot be trained.

use rand_chacha::ChaCha8Rng;

use crate::draw;
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

/// How many stopped proposals are remembered.
const REMEMBERED: usize = 8;

/// Stopped proposals in a row from which on feasible networks count as rare.
const PATIENCE: usize = 24;

/// One proposal in this many still comes from elsewhere, for when the closest ones lead nowhere.
const ELSEWHERE: usize = 4;

/// The stopped proposals that violate least.
#[derive(Debug, Clone, Default)]
pub(super) struct Repair {
    closest: Vec<(f64, Genotype)>,
    stopped_in_a_row: usize,
}

impl Repair {
    /// Takes what every strategy is told.
    pub(super) fn tell(&mut self, observation: &Observation) {
        if observation.is_feasible() || observation.complete().is_some() {
            self.stopped_in_a_row = 0;
            return;
        }
        self.stopped_in_a_row += 1;
        if observation.violation.is_finite() {
            self.closest.push((observation.violation, observation.genotype.clone()));
            self.closest.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.closest.truncate(REMEMBERED);
        }
    }

    /// A mutant of a proposal that almost was feasible, while feasible ones are rare.
    pub(super) fn ask(&self, space: &dyn Space, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        if self.stopped_in_a_row < PATIENCE || draw::position(rng, ELSEWHERE) == 0 {
            return None;
        }
        draw::one_of(rng, &self.closest).map(|(_, genotype)| space.mutate(genotype, rng))
    }
}
