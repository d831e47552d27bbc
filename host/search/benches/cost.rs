//! What the search itself costs: `cargo bench -p edgefit-search --bench cost`.
//!
//! Genotypes a second, sampled, decoded and costed on one core, and the time of one ask and one tell after 10, 1,000
//! and 10,000 trials.

use std::hint::black_box;
use std::time::{Duration, Instant};

use edgefit_graph::{Digest, Shape};
use edgefit_search::strategy::View;
use edgefit_search::synthetic::Synthetic;
use edgefit_search::{Observation, Space, SpaceSettings, StrategySettings, Task, draw, space, strategy};

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_millis(500);

const HISTORIES: [u64; 3] = [10, 1_000, 10_000];

fn main() {
    for input in [[1, 8, 8], [3, 32, 32]] {
        for name in space::names() {
            report_space(build(name, &input).as_ref());
        }
    }
    let space = build("mbconv", &[1, 8, 8]);
    for name in strategy::names() {
        HISTORIES.into_iter().for_each(|count| report_strategy(name, space.as_ref(), count));
    }
}

fn build(name: &str, input: &[usize]) -> Box<dyn Space> {
    let task = Task { input: Shape::from(input), classes: 10 };
    space::build(&SpaceSettings::preset(name), &task).expect("the space is there")
}

fn report_space(space: &dyn Space) {
    let (name, input) = (space.name(), &space.task().input);
    let per_second = |what: &str, mut work: Box<dyn FnMut(u64) + '_>| {
        println!("{name} {input}: {what} {:.0} a second", 1.0 / seconds_each(&mut work));
    };
    per_second("sampled", Box::new(|i| drop(black_box(space.sample(&mut draw::stream(1, i))))));
    per_second("and decoded", Box::new(|i| drop(black_box(space.decode(&space.sample(&mut draw::stream(1, i)))))));
    per_second("and costed", Box::new(|i| drop(black_box(space.static_cost(&space.sample(&mut draw::stream(1, i)))))));
    let graph = space.decode(&space.smallest()).expect("the smallest is valid");
    println!(
        "{name} {input}: a digest of the smallest {:.1} us",
        1e6 * seconds_each(|_| _ = black_box(Digest::of(&graph)))
    );
}

fn report_strategy(name: &str, space: &dyn Space, told: u64) {
    let history = history(space, told);
    let mut strategy = strategy::build(&StrategySettings::named(name)).expect("the strategy is there");
    history.iter().for_each(|observation| strategy.tell(space, observation));
    let view = View { space, pending: &[], left: 1, epochs: 9, redraws: 0 };
    let ask = seconds_each(|i| drop(black_box(strategy.ask(&view, &mut draw::stream(2, i)))));
    let pool: Vec<Observation> = history.iter().take(strategy.pool(&view)).map(untrained).collect();
    let choose = seconds_each(|i| _ = black_box(strategy.choose(&view, &pool, &mut draw::stream(2, i))));
    let tell = seconds_each(|i| strategy.tell(space, &history[i as usize % history.len()]));
    let [ask, choose, tell] = [ask, choose, tell].map(|seconds| 1e6 * seconds);
    println!("{name} after {told} trials: ask {ask:.1} us, choose of {} {choose:.1} us, tell {tell:.1} us", pool.len());
}

/// The network as it was known before it was trained: only its latency.
fn untrained(observation: &Observation) -> Observation {
    Observation { losses: vec![None, observation.losses[1]], ..observation.clone() }
}

fn history(space: &dyn Space, count: u64) -> Vec<Observation> {
    let world = Synthetic { seed: 1, training_noise: 0.1, prediction_noise: 0.05 };
    let observe = |i| {
        let genotype = space.sample(&mut draw::stream(3, i));
        let graph = space.decode(&genotype).expect("samples are valid");
        let losses = vec![Some(world.error(&graph, &genotype)), Some(world.latency_ms(&graph))];
        Observation { number: Some(i), ..Observation::of(genotype, losses, 0.0) }
    };
    (0..count).map(observe).collect()
}

/// Mean time of one call, s.
fn seconds_each(mut work: impl FnMut(u64)) -> f64 {
    let (begin, mut calls) = (Instant::now(), 0);
    while begin.elapsed() < MEASURED {
        work(calls);
        calls += 1;
    }
    begin.elapsed().as_secs_f64() / calls as f64
}
