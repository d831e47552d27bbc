//! Strategies on a tabulated benchmark: searches whose results are looked up, so that hundreds of them take seconds.
//!
//! A search here draws as the [engine](crate::SearchEngine) does with one network in flight: proposals seen before are passed
//! over, those that miss a constraint by what is known before training are stopped, and what is left is a query, which
//! tells everything about its network; strategies that pause trainings find nothing to compare here. Networks are told apart by their genotype, since a table holds one training of each. No
//! file is read here, and repeats run where the caller likes: each depends on its seed only.

mod course;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;

use crate::draw;
use crate::engine::{DRAWS_PER_TRIAL, MAX_POOL, MOST_REDRAWS};
use crate::genotype::Genotype;
use crate::goal::Goals;
use crate::metric::Stage;
use crate::reading::Readings;
use crate::space::{Space, SpaceError};
use crate::strategy::{Strategy, View};
use crate::trial::Observation;

pub use course::Course;
pub use summary::{Queries, Summary};

/// What is searched: every network of the table, and what for.
pub struct Benchmark {
    space: Box<dyn Space>,
    rows: BTreeMap<Genotype, Row>,
    goals: Goals,
    ideal: Ideal,
}

/// One network of the table.
struct Row {
    /// As known before training.
    before: Observation,
    after: Observation,
}

/// The best that a search can reach.
#[derive(Debug, Clone, PartialEq)]
pub enum Ideal {
    /// With one objective: its smallest loss.
    Loss(f64),
    /// With several: the hypervolume of all feasible networks under a reference point.
    Hypervolume {
        /// The reference point, in losses.
        reference: Vec<f64>,
        /// The hypervolume.
        volume: f64,
    },
}

/// Why a table is no benchmark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BenchmarkError {
    /// A genotype is not of the space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A network without a reading of an objective.
    #[error("`{0}` lacks the value of an objective")]
    Incomplete(String),
    /// No network keeps the constraints.
    #[error("none of the {0} networks of the table keeps the bounds")]
    NoFeasible(usize),
}

impl Benchmark {
    /// A benchmark of these networks.
    ///
    /// # Errors
    /// When a genotype is not of the space, lacks an objective, or none keeps the constraints.
    pub fn new(
        space: Box<dyn Space>,
        networks: impl IntoIterator<Item = (Genotype, Readings)>,
        goals: Goals,
    ) -> Result<Self, BenchmarkError> {
        let mut rows = BTreeMap::new();
        for (genotype, readings) in networks {
            space.check(&genotype)?;
            let row = Row::of(&genotype, &readings, &goals);
            if row.after.complete().is_none() {
                return Err(BenchmarkError::Incomplete(space.text(&genotype)));
            }
            rows.insert(genotype, row);
        }
        let feasible = rows.values().filter(|row| row.after.is_feasible());
        let losses: Vec<Vec<f64>> = feasible.filter_map(|row| row.after.complete()).collect();
        let ideal = Ideal::of(&losses).ok_or(BenchmarkError::NoFeasible(rows.len()))?;
        Ok(Self { space, rows, goals, ideal })
    }

    /// The best that a search can reach.
    pub fn ideal(&self) -> &Ideal {
        &self.ideal
    }

    /// What is searched for.
    pub fn goals(&self) -> &Goals {
        &self.goals
    }

    /// Number of networks, and of those that keep the constraints.
    pub fn counts(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.values().filter(|row| row.after.is_feasible()).count())
    }

    /// Searches with at most so many queries; ends as soon as nothing better is left.
    pub fn search(&self, strategy: Box<dyn Strategy>, seed: u64, queries: usize) -> Course {
        let mut search = Search { benchmark: self, strategy, seed, draw: 0, seen: BTreeSet::new(), queries };
        let mut course = Course::new(self.ideal.clone());
        while course.queries() < queries && course.reached_at().is_none() {
            let Some(row) = search.next(&mut course) else { break };
            search.strategy.tell(self.space.as_ref(), &row.after);
            course.query(&row.after);
        }
        course
    }
}

impl Row {
    fn of(genotype: &Genotype, readings: &Readings, goals: &Goals) -> Self {
        let observe =
            |readings: &Readings| Observation::of(genotype.clone(), goals.losses(readings), goals.violation(readings));
        let mut before = Readings::new();
        let known = readings.iter().filter(|(metric, _)| metric.stage() < Stage::Trained);
        before.extend(known.map(|(metric, value)| (metric, value.clone())));
        Self { before: observe(&before), after: observe(readings) }
    }
}

/// One search under way.
struct Search<'a> {
    benchmark: &'a Benchmark,
    strategy: Box<dyn Strategy>,
    seed: u64,
    draw: u64,
    seen: BTreeSet<Genotype>,
    queries: usize,
}

impl<'a> Search<'a> {
    /// The next network to query; `None` when nothing new was found.
    fn next(&mut self, course: &mut Course) -> Option<&'a Row> {
        let view = View { space: self.benchmark.space.as_ref(), pending: &[], left: 1, epochs: 1, redraws: 0 };
        let wanted = self.strategy.pool(&view).clamp(1, MAX_POOL);
        let (mut pool, mut in_pool): (Vec<&Row>, BTreeSet<&Genotype>) = (Vec::new(), BTreeSet::new());
        let (mut redraws, first_draw) = (0, self.draw);
        while pool.len() < wanted && self.may_draw(first_draw, pool.len()) {
            let genotype = self.propose(redraws, &view);
            let row = self.benchmark.rows.get(&genotype).filter(|_| !self.seen.contains(&genotype));
            let Some(row) = row.filter(|row| in_pool.insert(&row.after.genotype)) else {
                redraws += 1;
                continue;
            };
            redraws = 0;
            if row.before.is_feasible() {
                pool.push(row);
            } else {
                self.seen.insert(genotype);
                self.strategy.tell(view.space, &row.before);
                course.stop();
            }
        }
        let observations: Vec<Observation> = pool.iter().map(|row| row.before.clone()).collect();
        if observations.is_empty() {
            return None;
        }
        let rng = &mut self.take_stream();
        let row = pool[self.strategy.choose(&view, &observations, rng)];
        self.seen.insert(row.after.genotype.clone());
        Some(row)
    }

    fn may_draw(&self, first_draw: u64, found: usize) -> bool {
        let left = self.draw < DRAWS_PER_TRIAL.saturating_mul(self.queries as u64);
        let in_share = found == 0 || self.draw - first_draw < DRAWS_PER_TRIAL;
        left && in_share && self.seen.len() + found < self.benchmark.rows.len()
    }

    fn propose(&mut self, redraws: u64, view: &View<'_>) -> Genotype {
        let rng = &mut self.take_stream();
        let view = &View { redraws, ..*view };
        if redraws < MOST_REDRAWS { self.strategy.ask(view, rng) } else { view.space.sample(rng) }
    }

    fn take_stream(&mut self) -> ChaCha8Rng {
        self.draw += 1;
        draw::stream(self.seed, self.draw - 1)
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{Benchmark, BenchmarkError, Course, Ideal, Summary};
    use crate::genotype::Genotype;
    use crate::goal::{Constraint, Goals, Objective};
    use crate::metric::Metric::{Accuracy, LatencyMs};
    use crate::reading::{Readings, Value};
    use crate::space::{self, PerStage, SpaceSettings, Task};
    use crate::strategy::{self, StrategySettings};

    /// All cells: accuracy and latency are sums over edges, with one best cell under any bound.
    fn benchmark(objectives: &[Objective], bound_ms: f64) -> Result<Benchmark, BenchmarkError> {
        let settings = SpaceSettings {
            stages: Some(1),
            widths: Some(PerStage::All(vec![8])),
            depths: Some(vec![1]),
            ..SpaceSettings::preset("nb201")
        };
        let space = space::build(&settings, &Task { input: Shape::new([1, 8, 8]), classes: 2 }).unwrap();
        let goals = Goals::new(objectives.to_vec(), vec![Constraint::at_most(LatencyMs, bound_ms)]).unwrap();
        let networks = (0..5u32.pow(6)).map(|i| {
            let genotype = Genotype::new((0..8).map(|edge| (i / 5u32.pow(edge) % 5) as u8).collect::<Vec<_>>());
            let genes = genotype.genes()[..6].iter().map(|gene| f64::from(*gene));
            let latency = genes.clone().sum::<f64>();
            let accuracy = genes.enumerate().map(|(edge, gene)| gene * (edge as f64 + 1.0).sqrt()).sum::<f64>();
            let readings = Readings::new().with(Accuracy, Value::measured(accuracy, None, "table"));
            (genotype, readings.with(LatencyMs, Value::predicted(latency, None, "table")))
        });
        let networks: Vec<_> = networks.collect();
        Benchmark::new(space, networks, goals)
    }

    fn search(benchmark: &Benchmark, name: &str, seed: u64, queries: usize) -> Course {
        benchmark.search(strategy::build(&StrategySettings::named(name)).unwrap(), seed, queries)
    }

    #[test]
    fn every_strategy_is_repeatable_and_keeps_to_its_queries() {
        let benchmark = benchmark(&[Objective::of(Accuracy)], 14.0).unwrap();
        for name in strategy::names() {
            let course = search(&benchmark, name, 1, 30);
            assert_eq!(course, search(&benchmark, name, 1, 30), "{name}");
            assert_eq!(course == search(&benchmark, name, 2, 30), name == "grid", "{name}");
            assert_eq!(course.queries(), 30, "{name}");
            assert!(course.progress().windows(2).all(|pair| pair[1] <= pair[0]), "{name}");
        }
    }

    #[test]
    fn what_learns_needs_fewer_queries_than_random() {
        let benchmark = benchmark(&[Objective::of(Accuracy)], 24.0).unwrap();
        let mean_best = |name: &str| {
            let courses: Vec<Course> = (0..10).map(|seed| search(&benchmark, name, seed, 60)).collect();
            Summary::of(&courses, 60).mean[59]
        };
        let random = mean_best("random");
        for name in strategy::names_of_unpaused().filter(|name| !["random", "grid"].contains(name)) {
            assert!(mean_best(name) < random, "{name}: {} against {random}", mean_best(name));
        }
    }

    #[test]
    fn a_search_of_everything_finds_the_best_and_stops_what_is_too_slow() {
        let benchmark = benchmark(&[Objective::of(Accuracy)], 4.0).unwrap();
        let course = search(&benchmark, "random", 1, 2_000);
        let Ideal::Loss(best) = benchmark.ideal() else { panic!("one objective") };
        assert_eq!(course.progress().last(), Some(best));
        let (all, feasible) = benchmark.counts();
        assert!(course.queries() <= feasible && course.stopped() as usize <= all - feasible);
        assert!(course.reached_at().is_some_and(|at| at <= course.queries()));
    }

    #[test]
    fn several_objectives_are_judged_by_their_hypervolume() {
        let benchmark = benchmark(&[Objective::of(Accuracy), Objective::of(LatencyMs)], 20.0).unwrap();
        let share = |name| {
            let courses: Vec<Course> = (0..5).map(|seed| search(&benchmark, name, seed, 40)).collect();
            Summary::of(&courses, 40).mean[39]
        };
        for name in ["nsga2", "bayesian", "tpe"] {
            assert!(share(name) > share("random") && share(name) <= 1.0, "{name}: {} {}", share(name), share("random"));
        }
    }

    #[test]
    fn a_bound_that_nothing_keeps_is_an_error() {
        let error = benchmark(&[Objective::of(Accuracy)], -1.0).err().unwrap();
        assert!(matches!(error, BenchmarkError::NoFeasible(_)), "{error}");
    }
}
