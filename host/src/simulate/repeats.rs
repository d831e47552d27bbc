//! The repeats of one strategy, shared out to all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use edgefit_search::simulate::{Benchmark, Course};

use super::{Candidate, Plan};
use crate::error::{Error, ErrorKind, Result};

/// Every repeat, in order of its seed.
pub(super) fn run(benchmark: &Benchmark, candidate: &Candidate, plan: &Plan) -> Result<Vec<Course>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    run_on(cores, benchmark, candidate, plan)
}

/// The same on so many threads.
fn run_on(cores: usize, benchmark: &Benchmark, candidate: &Candidate, plan: &Plan) -> Result<Vec<Course>> {
    let next = AtomicUsize::new(0);
    let work = || share(benchmark, candidate, plan, &next);
    let cores = cores.clamp(1, plan.repeats.max(1));
    let shares: Vec<Result<Vec<(usize, Course)>>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let panicked = |_| Err(Error::new(ErrorKind::Internal, "a simulated search panicked"));
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(panicked)).collect()
    });
    let mut courses = shares.into_iter().collect::<Result<Vec<_>>>()?.concat();
    courses.sort_by_key(|(repeat, _)| *repeat);
    Ok(courses.into_iter().map(|(_, course)| course).collect())
}

/// What one core takes of the repeats, until none is left.
fn share(
    benchmark: &Benchmark,
    candidate: &Candidate,
    plan: &Plan,
    next: &AtomicUsize,
) -> Result<Vec<(usize, Course)>> {
    let mut courses = Vec::new();
    loop {
        let repeat = next.fetch_add(1, Ordering::Relaxed);
        if repeat >= plan.repeats {
            return Ok(courses);
        }
        let seed = plan.seed.wrapping_add(repeat as u64);
        courses.push((repeat, benchmark.search(candidate.build()?, seed, plan.queries)));
    }
}

#[cfg(test)]
mod tests {
    use edgefit_search::simulate::Benchmark;
    use edgefit_search::{Goals, Metric, Objective, Readings, Value, draw};

    use super::super::table;
    use super::{Candidate, Plan, run_on};

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let space = table::space();
        let networks: Vec<_> = (0..400)
            .map(|i| space.sample(&mut draw::stream(1, i)))
            .map(|genotype| {
                let accuracy: f64 = genotype.genes().iter().map(|gene| f64::from(*gene)).sum();
                (genotype, Readings::new().with(Metric::Accuracy, Value::measured(accuracy, None, "made up")))
            })
            .collect();
        let goals = Goals::new(vec![Objective::of(Metric::Accuracy)], vec![]).unwrap();
        let benchmark = Benchmark::new(space, networks, goals).unwrap();
        let plan = Plan {
            table: "made-up.csv".into(),
            accuracy_column: "accuracy".to_owned(),
            latency_column: None,
            max_latency: None,
            candidates: Candidate::parse("all").unwrap(),
            queries: 25,
            repeats: 5,
            seed: 3,
        };
        for candidate in &plan.candidates {
            let on = |cores| run_on(cores, &benchmark, candidate, &plan).unwrap();
            assert_eq!(on(1), on(4), "{}", candidate.label());
        }
    }
}
