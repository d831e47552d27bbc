//! NSGA-II against random search with the same number of trained networks: hypervolume of the front, real training, real device.
//!
//! `cargo bench -p edgefit --bench hypervolume -- SEARCH.toml [SEEDS] [TRIALS]` runs the search of a file with each strategy and seed, in turns,
//! without training finalists to the end, and prints the hypervolume of each run as JSON and the means at the end. The reference
//! point is the run's own: the accuracy of guessing, and the bounds.

#[path = "program/mod.rs"]
mod program;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use edgefit::config::SearchConfig;
use edgefit::device::Registry;
use edgefit::error::Result;
use edgefit::progress::Progress;
use edgefit::run_folder::RunFile;
use edgefit::search_run::{Place, run};
use edgefit::study::Study;
use program::Arguments;

/// The strategies that are compared; the last is the baseline.
const STRATEGIES: [&str; 2] = ["nsga2", "random"];

fn main() -> ExitCode {
    program::run(compare)
}

fn compare(arguments: &Arguments) -> Result<()> {
    let file = arguments.text(0).unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digits.toml"));
    let (seeds, trials) = (arguments.number(1, 5), arguments.number(2, 40));
    let mut sums = [0.0; STRATEGIES.len()];
    for seed in 1..=seeds {
        for (sum, strategy) in sums.iter_mut().zip(STRATEGIES) {
            let volume = hypervolume(Path::new(file), strategy, seed, trials)?;
            println!("{{\"strategy\":\"{strategy}\",\"seed\":{seed},\"trials\":{trials},\"hypervolume\":{volume}}}");
            *sum += volume;
        }
    }
    for (sum, strategy) in sums.iter().zip(STRATEGIES) {
        println!("mean of {seeds} seeds, {strategy}: {}", sum / seeds as f64);
    }
    println!("ratio to {}: {:.4}", STRATEGIES[STRATEGIES.len() - 1], sums[0] / sums[STRATEGIES.len() - 1]);
    Ok(())
}

/// Hypervolume after the last trial of one run.
fn hypervolume(file: &Path, strategy: &str, seed: u64, trials: u64) -> Result<f64> {
    let mut config = SearchConfig::load(file)?;
    config.seed = seed;
    config.strategy = edgefit_search::StrategySettings { trials, ..edgefit_search::StrategySettings::named(strategy) };
    (config.finals.finalists, config.finals.epochs, config.finals.patience) = (1, 1, 1);
    let folder = tempfile::tempdir().map_err(|e| edgefit::error::Error::new(edgefit::error::ErrorKind::Storage, e))?;
    let place = Place { folder: Some(folder.path().to_owned()), resume: false };
    run(&config, &place, &Registry::new(None), &Progress::silent(), &AtomicBool::new(false))?;
    let mut study = Study::open(&folder.path().join(RunFile::Study.name()))?;
    Ok(study.trials()?.into_iter().filter_map(|record| record.hypervolume).next_back().unwrap_or_default())
}
