//! Strategy `nsga2`: the elitist non-dominated sorting genetic algorithm (Deb et al. 2002), made for few trials.
//!
//! Selection is theirs: constraint domination, non-dominated sorting, crowding distance, binary tournaments. Two things
//! differ. It is steady-state: each result enters the population at once and the worst member leaves, since a
//! generation would be a quarter of a search. And what is known without training is used: the first networks are spread
//! evenly over it, and of several offspring the most promising one is trained (as in NSGANetV2, Lu et al. 2020).

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::archive::Member;
use super::population::Population;
use super::promise::Promise;
use super::repair::Repair;
use super::ridge::Ridge;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::draw;
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "nsga2";

const POPULATION: usize = 8;

/// Probability that an offspring has two parents.
const CROSSOVER: f64 = 0.9;

/// Networks to choose the first ones from, and offspring to choose from.
const FIRST_POOL: usize = 32;
const OFFSPRING_POOL: usize = 32;

/// Most networks that guesses are learned from; bounds the cost of choosing.
const REMEMBERED: usize = 256;

struct Nsga2 {
    population: Population,
    /// The networks trained last, to learn from.
    recent: VecDeque<(Genotype, Vec<f64>)>,
    trained: usize,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["population"])?;
    let size = settings.population_or(POPULATION)?;
    let population = Population::new(size);
    Ok(Box::new(Nsga2 { population, recent: VecDeque::new(), trained: 0, repair: Repair::default() }))
}

impl Strategy for Nsga2 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { population: Some(self.population.size()), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, _space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        let Some(losses) = observation.complete() else { return };
        let (genotype, violation) = (observation.genotype.clone(), observation.violation);
        self.recent.push_back((genotype.clone(), losses.clone()));
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        self.population.add(Member { genotype, violation, losses });
        self.trained += 1;
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if let Some(genotype) = self.repair.ask(view.space, rng) {
            return genotype;
        }
        if self.is_starting(view) { view.space.sample(rng) } else { self.offspring(view, rng) }
    }

    fn pool(&self, view: &View<'_>) -> usize {
        if self.is_starting(view) { FIRST_POOL } else { OFFSPRING_POOL }
    }

    fn choose(&self, view: &View<'_>, pool: &[Observation], _rng: &mut ChaCha8Rng) -> usize {
        if self.is_starting(view) { self.spread(view, pool) } else { self.most_promising(view, pool) }
    }
}

impl Nsga2 {
    fn is_starting(&self, view: &View<'_>) -> bool {
        self.trained == 0 || self.trained + view.pending.len() < self.population.size()
    }

    fn offspring(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        let (a, b) = (self.tournament(rng), self.tournament(rng));
        let child = match rng.random::<f64>() < CROSSOVER {
            true => view.space.crossover(&a.genotype, &b.genotype, rng),
            false => a.genotype.clone(),
        };
        view.space.mutate(&child, rng)
    }

    fn tournament(&self, rng: &mut ChaCha8Rng) -> &Member {
        let list = self.population.list();
        let first = &list[draw::position(rng, list.len())];
        let second = &list[draw::position(rng, list.len())];
        if second.compare(first).is_lt() { &second.member } else { &first.member }
    }

    /// The network at the next place of an even spread over what is known of the pool.
    fn spread(&self, view: &View<'_>, pool: &[Observation]) -> usize {
        let mut order: Vec<usize> = (0..pool.len()).collect();
        order.sort_by(|&a, &b| known(&pool[a]).total_cmp(&known(&pool[b])));
        let place = van_der_corput(self.trained + view.pending.len() + 1);
        order[(place * pool.len() as f64) as usize]
    }

    /// The offspring that would add most hypervolume, by what is known and guessed of it.
    fn most_promising(&self, view: &View<'_>, pool: &[Observation]) -> usize {
        let known: Vec<bool> = pool[0].losses.iter().map(Option::is_some).collect();
        let trained: Vec<(&Genotype, &[f64])> = self.recent.iter().map(|(g, l)| (g, l.as_slice())).collect();
        let losses: Vec<&[f64]> = trained.iter().map(|(_, losses)| *losses).collect();
        let members = self.population.list().iter().map(|ranked| &ranked.member);
        let feasible = members.filter(|member| member.violation == 0.0).map(|member| member.losses.clone());
        let ridge = Ridge::fit(view.space, &trained, known);
        let promise = ridge.and_then(|ridge| Promise::new(ridge, feasible, view.pending, &losses));
        promise.map_or(0, |promise| promise.best(pool))
    }
}

/// The first loss that is known without training; 0 when there is none.
fn known(observation: &Observation) -> f64 {
    observation.losses.iter().flatten().next().copied().unwrap_or(0.0)
}

/// The van der Corput sequence in base 2: 1/2, 1/4, 3/4, 1/8, ...; each start of it is spread evenly over 0 to 1.
fn van_der_corput(mut index: usize) -> f64 {
    let (mut value, mut place) = (0.0, 0.5);
    while index > 0 {
        value += (index & 1) as f64 * place;
        (index, place) = (index >> 1, place / 2.0);
    }
    value
}
