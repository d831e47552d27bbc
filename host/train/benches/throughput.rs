//! Images a second of training, with this crate's kernels and with burn's own operations, in turns within one run.
//!
//! `cargo bench -p edgefit-train --bench throughput [-- NAME...] [--kernels-only] [--seconds S] [--parallel]`.
//! Prints `NAME kernels IMAGES_PER_SECOND burn IMAGES_PER_SECOND`, the best of the rounds, of one training on every
//! processor that it may use; `--parallel` runs two side by side and prints their sum.

mod networks;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use edgefit_train::data::{Dataset, Normalization, Numbers, SampleShape, Samples, Values};
use edgefit_train::{Event, Operations, Optimizer, Recipe, TrainError, train_with};
use networks::{Case, cases};

struct Options {
    names: Vec<String>,
    kernels_only: bool,
    parallel: bool,
    seconds: f64,
}

fn options() -> Options {
    let mut options = Options { names: Vec::new(), kernels_only: false, parallel: false, seconds: 1.0 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => {}
            "--kernels-only" => options.kernels_only = true,
            "--parallel" => options.parallel = true,
            "--seconds" => options.seconds = words.next().and_then(|s| s.parse().ok()).unwrap_or(1.0),
            _ => options.names.push(word),
        }
    }
    options
}

/// Images of noise: speed does not depend on what they show.
fn noise(case: &Case, count: usize) -> Samples {
    let shape = SampleShape::Image { height: case.size, width: case.size, channels: case.channels };
    let mut state = 1u32;
    let bytes = (0..count * shape.size()).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let values = Values { shape, numbers: Numbers::Bytes(bytes.collect()) };
    Samples { values, labels: (0..count).map(|i| (i % 10) as u32).collect() }
}

fn dataset(case: &Case) -> Dataset {
    let channels = case.channels;
    Dataset {
        classes: (0..10).map(|c| c.to_string()).collect(),
        train: noise(case, 10_000 / case.size / case.size * 64 + case.batch),
        validation: noise(case, 1),
        test: noise(case, 1),
        normalization: Normalization { divisor: 255.0, mean: vec![0.5; channels], deviation: vec![0.29; channels] },
        preparation: None,
    }
}

/// Images a second over about so many seconds, after three steps that do not count.
fn measure(case: &Case, operations: Operations, seconds: f64) -> f64 {
    let data = dataset(case);
    let recipe = Recipe {
        epochs: 10_000,
        batch: case.batch,
        optimizer: Optimizer::Sgd,
        learning_rate: 0.01,
        ..Recipe::default()
    };
    let (mut start, mut steps) = (Instant::now(), 0usize);
    let mut rate = 0.0;
    let result = train_with(&case.graph, &data, &recipe, 1, operations, &mut |event| {
        if let Event::Step { .. } = event {
            steps += 1;
            if steps == 3 {
                start = Instant::now();
            }
            let elapsed = start.elapsed();
            if steps > 4 && elapsed > Duration::from_secs_f64(seconds) {
                rate = ((steps - 3) * case.batch) as f64 / elapsed.as_secs_f64();
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    match result {
        Err(TrainError::Cancelled { .. }) => rate,
        other => panic!("{}: {other:?}", case.name),
    }
}

fn measure_all(case: &Case, operations: Operations, options: &Options) -> f64 {
    if !options.parallel {
        return measure(case, operations, options.seconds);
    }
    std::thread::scope(|scope| {
        let jobs = [(); 2].map(|()| scope.spawn(|| measure(case, operations, options.seconds)));
        jobs.into_iter().map(|job| job.join().unwrap_or(0.0)).sum()
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options();
    for case in cases()? {
        if !options.names.is_empty() && !options.names.iter().any(|n| n == case.name) {
            continue;
        }
        let (mut kernels, mut burn) = (0.0f64, 0.0f64);
        for _ in 0..3 {
            kernels = kernels.max(measure_all(&case, Operations::Kernels, &options));
            if !options.kernels_only {
                burn = burn.max(measure_all(&case, Operations::Burn, &options));
            }
        }
        println!("{} kernels {kernels:.0} burn {burn:.0}", case.name);
    }
    Ok(())
}
