//! The uncertainty gate against measuring every candidate: what the device is spared, and what that costs the front.
//!
//! `cargo bench -p edgefit --bench gate -- SEARCH.toml [SEEDS] [TRIALS] [WITHIN]` runs the search of a file with each seed twice, with
//! `trust_within` 0 and WITHIN (0.1), without training finalists to the end. For each run it prints how many candidates were
//! measured, how long the device ran them, and the hypervolume of the front; and of the front's networks, in how far predictions were
//! relied on. The reference point is the run's own.

#[path = "program/mod.rs"]
mod program;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use edgefit::config::SearchConfig;
use edgefit::device::{LatencyRun, Measurement, Registry};
use edgefit::error::{Error, ErrorKind, Result};
use edgefit::progress::Progress;
use edgefit::run_folder::RunFile;
use edgefit::search_run::{Place, run};
use edgefit::study::Study;
use edgefit_search::Metric;
use program::Arguments;

const NS_PER_S: f64 = 1e9;

fn main() -> ExitCode {
    program::run(compare)
}

fn compare(arguments: &Arguments) -> Result<()> {
    let file = arguments.text(0).unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digits.toml"));
    let (seeds, trials) = (arguments.number(1, 3), arguments.number(2, 40));
    let within = arguments.number(3, 0.1);
    let settings = [0.0, within];
    let mut sums = settings.map(|_| Outcome::default());
    for seed in 1..=seeds {
        for (sum, within) in sums.iter_mut().zip(settings) {
            let outcome = search(Path::new(file), within, seed, trials)?;
            println!("seed {seed}, trust_within {within}: {outcome}");
            sum.add(&outcome);
        }
    }
    for (sum, within) in sums.iter().zip(settings) {
        println!("mean of {seeds} seeds, trust_within {within}: {}", sum.over(seeds as f64));
    }
    Ok(())
}

/// What one search took and found.
#[derive(Debug, Default)]
struct Outcome {
    trained: f64,
    measured: f64,
    device_s: f64,
    whole_s: f64,
    hypervolume: f64,
}

impl Outcome {
    fn add(&mut self, other: &Self) {
        self.trained += other.trained;
        self.measured += other.measured;
        self.device_s += other.device_s;
        self.whole_s += other.whole_s;
        self.hypervolume += other.hypervolume;
    }

    fn over(&self, runs: f64) -> Self {
        Self {
            trained: self.trained / runs,
            measured: self.measured / runs,
            device_s: self.device_s / runs,
            whole_s: self.whole_s / runs,
            hypervolume: self.hypervolume / runs,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trained, measured, device_s, whole_s, hypervolume } = self;
        write!(
            f,
            "{measured} of {trained} trained candidates measured, {device_s:.2} s of runs on the device, {whole_s:.1} s in all, hypervolume {hypervolume:.4}"
        )
    }
}

fn search(file: &Path, within: f64, seed: u64, trials: u64) -> Result<Outcome> {
    let mut config = SearchConfig::load(file)?;
    config.seed = seed;
    config.strategy.trials = trials;
    config.table.trust_within = within;
    (config.finals.finalists, config.finals.epochs, config.finals.patience) = (1, 1, 1);
    let folder = tempfile::tempdir().map_err(|e| Error::new(ErrorKind::Storage, e))?;
    let place = Place { folder: Some(folder.path().to_owned()), resume: false };
    let begun = Instant::now();
    run(&config, &place, &Registry::new(None), &Progress::silent(), &AtomicBool::new(false))?;
    let whole_s = begun.elapsed().as_secs_f64();
    let mut study = Study::open(&folder.path().join(RunFile::Study.name()))?;
    let mut device_s = 0.0;
    for record in study.measurements("trial")? {
        let measurement: Measurement =
            serde_json::from_str(&record.document).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        device_s += seconds(&measurement);
    }
    let trials = study.trials()?;
    let trained = trials.iter().filter(|record| record.hypervolume.is_some());
    let measured = trained.clone().filter(|record| record.trial.readings().measured(Metric::LatencyMs).is_some());
    Ok(Outcome {
        trained: trained.clone().count() as f64,
        measured: measured.count() as f64,
        device_s,
        whole_s,
        hypervolume: trained.filter_map(|record| record.hypervolume).next_back().unwrap_or_default(),
    })
}

/// Time in which the device ran a network for its latency, warm-ups included.
fn seconds(measurement: &Measurement) -> f64 {
    let of_run = |run: &LatencyRun| {
        let measured = run.samples_ns.iter().sum::<u64>() * run.stride;
        (run.first_inference_ns + run.warm_up_ns.iter().sum::<u64>() + measured) as f64 / NS_PER_S
    };
    measurement.latency.iter().map(of_run).sum()
}
