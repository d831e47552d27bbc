//! Strategy `evolution`: regularized evolution (Real et al. 2019, algorithm 1).
//!
//! The population is the last networks trained; the oldest leaves, however good it is. The parent wins a tournament and
//! is mutated once. Constraint violation decides a tournament first. For several objectives each tournament draws weights
//! and compares by a scalarization of the losses.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;

use super::archive::Member;
use super::repair::Repair;
use super::scalarization::Scalarization;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::draw;
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "evolution";

/// Small against a budget of a few dozen, where a population of 50 would never turn over.
const POPULATION: usize = 12;
const SAMPLE: usize = 4;

struct Evolution {
    population: VecDeque<Member>,
    size: usize,
    sample: usize,
    trained: usize,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["population", "sample"])?;
    let size = settings.population_or(POPULATION)?;
    let sample = settings.sample_or(SAMPLE, size)?;
    Ok(Box::new(Evolution { population: VecDeque::new(), size, sample, trained: 0, repair: Repair::default() }))
}

impl Strategy for Evolution {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { population: Some(self.size), sample: Some(self.sample), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, _space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        let Some(losses) = observation.complete() else { return };
        let (genotype, violation) = (observation.genotype.clone(), observation.violation);
        self.population.push_back(Member { genotype, violation, losses });
        self.trained += 1;
        if self.population.len() > self.size {
            self.population.pop_front();
        }
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if let Some(genotype) = self.repair.ask(view.space, rng) {
            return genotype;
        }
        if self.population.is_empty() || self.trained + view.pending.len() < self.size {
            return view.space.sample(rng);
        }
        view.space.mutate(&self.tournament(rng).genotype, rng)
    }
}

impl Evolution {
    fn tournament(&self, rng: &mut ChaCha8Rng) -> &Member {
        let losses = self.population.iter().map(|member| member.losses.as_slice());
        let scalarization = Scalarization::drawn(losses, rng).expect("a tournament has a population");
        let entrants: Vec<&Member> =
            (0..self.sample).map(|_| &self.population[draw::position(rng, self.population.len())]).collect();
        let key = |member: &&Member| (member.violation, scalarization.scalar(&member.losses));
        let best = entrants.into_iter().min_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        best.expect("a tournament has entrants")
    }
}
