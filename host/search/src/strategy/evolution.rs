//! Strategy `evolution`: regularized evolution (Real et al. 2019, algorithm 1).
//!
//! The population is the last networks trained; the oldest leaves, however good it is. The parent wins a tournament and
//! is mutated once. Constraint violation decides a tournament first. For several objectives each tournament draws weights
//! and compares by the augmented Chebyshev scalarization (Knowles 2006, ParEGO) of the losses, scaled to the population.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::repair::Repair;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::draw;
use crate::genotype::Genotype;
use crate::trial::Observation;

pub(super) const NAME: &str = "evolution";

/// Small against a budget of a few dozen, where a population of 50 would never turn over.
const POPULATION: usize = 12;
const SAMPLE: usize = 4;

/// Weight of the sum beside the maximum in the scalarization.
const AUGMENTATION: f64 = 0.05;

struct Evolution {
    population: VecDeque<Member>,
    size: usize,
    sample: usize,
    trained: usize,
    repair: Repair,
}

struct Member {
    genotype: Genotype,
    violation: f64,
    losses: Vec<f64>,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    let size = settings.population_or(POPULATION)?;
    let sample = settings.sample_or(SAMPLE, size)?;
    Ok(Box::new(Evolution { population: VecDeque::new(), size, sample, trained: 0, repair: Repair::default() }))
}

impl Strategy for Evolution {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, observation: &Observation) {
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
        let scale = Scale::of(&self.population, rng);
        let entrants: Vec<&Member> =
            (0..self.sample).map(|_| &self.population[draw::position(rng, self.population.len())]).collect();
        let key = |member: &&Member| (member.violation, scale.scalar(&member.losses));
        let best = entrants.into_iter().min_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        best.expect("a tournament has entrants")
    }
}

/// The scalarization of one tournament.
struct Scale {
    weights: Vec<f64>,
    best: Vec<f64>,
    spread: Vec<f64>,
}

impl Scale {
    fn of(population: &VecDeque<Member>, rng: &mut ChaCha8Rng) -> Self {
        let objectives = population[0].losses.len();
        let extreme = |objective: usize, pick: fn(f64, f64) -> f64, from: f64| {
            population.iter().map(|member| member.losses[objective]).fold(from, pick)
        };
        let best: Vec<f64> = (0..objectives).map(|o| extreme(o, f64::min, f64::INFINITY)).collect();
        let worst = (0..objectives).map(|o| extreme(o, f64::max, f64::NEG_INFINITY));
        let spread = worst.zip(&best).map(|(worst, best)| (worst - best).max(f64::MIN_POSITIVE)).collect();
        Self { weights: simplex(objectives, rng), best, spread }
    }

    /// `max_i w_i f_i + rho * sum_i w_i f_i` over the scaled losses.
    fn scalar(&self, losses: &[f64]) -> f64 {
        let scaled =
            losses.iter().zip(&self.best).zip(&self.spread).map(|((loss, best), spread)| (loss - best) / spread);
        let weighted: Vec<f64> = scaled.zip(&self.weights).map(|(loss, weight)| loss * weight).collect();
        weighted.iter().copied().fold(0.0, f64::max) + AUGMENTATION * weighted.iter().sum::<f64>()
    }
}

/// Weights that sum to 1, uniformly.
fn simplex(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let draws: Vec<f64> = (0..count).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    let sum: f64 = draws.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    draws.into_iter().map(|draw| draw / sum).collect()
}
