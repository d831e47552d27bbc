//! Strategy `nsga2`: the elitist non-dominated sorting genetic algorithm (Deb et al. 2002), made for few trials.
//!
//! Selection is theirs: constraint domination, non-dominated sorting, crowding distance, binary tournaments. Two things
//! differ. It is steady-state: each result enters the population at once and the worst member leaves, since a
//! generation would be a quarter of a search. And what is known without training is used: the first networks are spread
//! evenly over it, and of several offspring the most promising one is trained (as in NSGANetV2, Lu et al. 2020).

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::promise::Promise;
use super::repair::Repair;
use super::surrogate::Surrogate;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::draw;
use crate::genotype::Genotype;
use crate::pareto;
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
    population: Vec<Member>,
    /// The networks trained last, to learn from.
    recent: VecDeque<(Genotype, Vec<f64>)>,
    size: usize,
    trained: usize,
    repair: Repair,
}

struct Member {
    genotype: Genotype,
    violation: f64,
    losses: Vec<f64>,
    rank: usize,
    crowding: f64,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_no_sample()?;
    let size = settings.population_or(POPULATION)?;
    Ok(Box::new(Nsga2 { population: Vec::new(), recent: VecDeque::new(), size, trained: 0, repair: Repair::default() }))
}

impl Strategy for Nsga2 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, observation: &Observation) {
        self.repair.tell(observation);
        let Some(losses) = observation.complete() else { return };
        let (genotype, violation) = (observation.genotype.clone(), observation.violation);
        self.recent.push_back((genotype.clone(), losses.clone()));
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        self.population.push(Member { genotype, violation, losses, rank: 0, crowding: 0.0 });
        self.trained += 1;
        self.select();
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
        self.population.is_empty() || self.trained + view.pending.len() < self.size
    }

    /// Sorts the population and drops the worst members beyond its size.
    fn select(&mut self) {
        let members = &self.population;
        let key = |i: usize| (members[i].violation, members[i].losses.as_slice());
        let ranks = pareto::ranks(members.len(), |i, j| pareto::constrained(key(i), key(j)).is_lt());
        let mut crowding = vec![0.0; members.len()];
        for rank in 0..members.len() {
            let front: Vec<usize> = (0..members.len()).filter(|&i| ranks[i] == rank).collect();
            let losses: Vec<&[f64]> = front.iter().map(|&i| members[i].losses.as_slice()).collect();
            front.iter().zip(pareto::crowding(&losses)).for_each(|(&i, distance)| crowding[i] = distance);
        }
        for (member, (rank, crowding)) in self.population.iter_mut().zip(ranks.into_iter().zip(crowding)) {
            (member.rank, member.crowding) = (rank, crowding);
        }
        self.population.sort_by(Member::compare);
        self.population.truncate(self.size);
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
        let first = &self.population[draw::position(rng, self.population.len())];
        let second = &self.population[draw::position(rng, self.population.len())];
        if second.compare(first).is_lt() { second } else { first }
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
        let feasible = self.population.iter().filter(|member| member.violation == 0.0);
        let feasible = feasible.map(|member| member.losses.clone());
        let surrogate = Surrogate::fit(view.space, &trained, known);
        let promise = surrogate.and_then(|surrogate| Promise::new(surrogate, feasible, view.pending, &losses));
        promise.map_or(0, |promise| promise.best(pool))
    }
}

impl Member {
    /// The crowded comparison (section III.B): the lower rank, then the emptier neighborhood.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank).then(other.crowding.total_cmp(&self.crowding))
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
