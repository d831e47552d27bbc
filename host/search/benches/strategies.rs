//! Strategies compared at few trials in made-up worlds: `cargo bench -p edgefit-search --bench strategies -- 40 50`
//! for 40 trials and 50 worlds.
//!
//! Shows, per strategy and bound, the hypervolume of the feasible networks (mean over worlds, standard error), and in how
//! many worlds it is above random search's. Accuracy and latency are made up, so the figures compare strategies and say
//! nothing about a task. The reference point is accuracy 0.8 and the bound.

use std::env;

use edgefit_graph::{Graph, Shape};
use edgefit_search::hypervolume::hypervolume;
use edgefit_search::synthetic::Synthetic;
use edgefit_search::{
    Constraint, EngineSettings, Genotype, Goals, Metric, Next, Objective, Observation, Readings, SearchEngine,
    SearchError, SpaceSettings, StrategySettings, Task, space, strategy,
};

/// Epochs of a whole training.
const EPOCHS: u64 = 9;

const WORST_ACCURACY: f64 = 0.8;

struct Case {
    space: &'static str,
    input: &'static [usize],
    bound_ms: f64,
}

/// Bounds that about half of a space keeps, and one that few networks keep.
const CASES: [Case; 4] = [
    Case { space: "mbconv", input: &[1, 8, 8], bound_ms: 0.25 },
    Case { space: "mbconv", input: &[1, 8, 8], bound_ms: 0.06 },
    Case { space: "chain", input: &[1, 8, 8], bound_ms: 0.12 },
    Case { space: "mbconv", input: &[3, 32, 32], bound_ms: 2.5 },
];

fn main() {
    let mut numbers = env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let trials = numbers.next().unwrap_or(40);
    let worlds = numbers.next().unwrap_or(30);
    println!(
        "{trials} trials, {worlds} worlds; hypervolume above accuracy {WORST_ACCURACY} and below the bound, of 0.2 x bound"
    );
    for case in &CASES {
        println!("{} {:?} under {} ms", case.space, case.input, case.bound_ms);
        let random: Vec<f64> = (0..worlds).map(|seed| share(case, "random", trials, seed)).collect();
        for name in strategy::names() {
            let shares: Vec<f64> = (0..worlds).map(|seed| share(case, name, trials, seed)).collect();
            let wins = shares.iter().zip(&random).filter(|(own, other)| own > other).count();
            let (mean, error) = mean_and_error(&shares);
            println!("  {name:14} {mean:.4} +- {error:.4}   above random in {wins} of {worlds}");
        }
    }
}

/// The hypervolume of one search, relative to the largest that is possible.
fn share(case: &Case, strategy: &str, trials: u64, seed: u64) -> f64 {
    let objectives = vec![Objective::of(Metric::Accuracy), Objective::of(Metric::LatencyMs)];
    let bound = vec![Constraint::at_most(Metric::LatencyMs, case.bound_ms)];
    let goals = Goals::new(objectives, bound).expect("the goals are possible");
    let task = Task { input: Shape::from(case.input), classes: 10 };
    let space = space::build(&SpaceSettings::preset(case.space), &task).expect("the space is there");
    let strategy = strategy::build(&StrategySettings::named(strategy)).expect("the strategy is there");
    let settings = EngineSettings { seed, trials, epochs: EPOCHS, in_flight: 3 };
    let engine = SearchEngine::new(space, strategy, goals, settings);
    let losses = run(engine, Synthetic { seed, training_noise: 0.15, prediction_noise: 0.05 });
    hypervolume(&losses, &[-WORST_ACCURACY, case.bound_ms]) / ((1.0 - WORST_ACCURACY) * case.bound_ms)
}

/// Losses of the feasible networks of a search, training three at a time and always ending the first.
fn run(mut engine: SearchEngine, world: Synthetic) -> Vec<Vec<f64>> {
    let predict = |graph: &Graph, genotype: &Genotype| Ok::<Readings, SearchError>(world.predict(graph, genotype));
    loop {
        let number = match engine.next(predict).expect("proposals are valid").next {
            Next::Train(_) => continue,
            Next::Wait(number) => number,
            Next::Done(_) => match engine.in_training().next() {
                Some(trial) => trial.number,
                None => break,
            },
        };
        let genotype = &engine.trials()[number as usize].genotype;
        let graph = engine.space().decode(genotype).expect("proposals are valid");
        let epochs = engine.trials()[number as usize].fidelity.epochs.unwrap_or(EPOCHS);
        let result = world.train_partly(&graph, genotype, epochs as f64 / EPOCHS as f64);
        engine.complete(number, Ok(result)).expect("it is in training");
    }
    let observations = engine.latest().map(|trial| trial.observation(engine.goals()));
    observations.filter(Observation::is_feasible).filter_map(|observation| observation.complete()).collect()
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}
