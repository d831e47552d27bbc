//! How many genotypes a second are drawn and checked against a static bound: `cargo bench -p edgefit-search --bench bound`.
//!
//! Networks of every space with a table of costs, for a bound on multiply-accumulates, parameters and activations together, on
//! one thread and on as many as there are cores: by the table, and by building each network. The table draws a genotype as one number
//! for each segment, and needs its genes only if it is kept for something.

use std::hint::black_box;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use edgefit_graph::Shape;
use edgefit_search::space::{CostTable, StaticCost};
use edgefit_search::{Space, SpaceSettings, Task, draw, space};

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(2);

/// Genotypes between two looks at the clock.
const BATCH: u64 = 10_000;

fn main() {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    for name in space::names() {
        for input in [[1, 8, 8], [3, 32, 32], [3, 224, 224]] {
            let task = Task { input: Shape::from(input.as_slice()), classes: 10 };
            let space = space::build(&SpaceSettings::preset(name), &task).expect("the space is there");
            let begin = Instant::now();
            let Some(table) = space.cost_table() else { continue };
            let what = format!("{name} {}", task.input);
            println!("{what}: the table takes {:.0} ms", 1e3 * begin.elapsed().as_secs_f64());
            let bound = median(&table);
            for threads in [1, cores] {
                let (kept, rate) = on(threads, |seed, draw| by_table(&table, &bound, seed, draw));
                println!("{what}: by the table, {threads} thread(s): {rate:.3e} a second, {:.1} % kept", 100.0 * kept);
            }
            let (_, rate) = on(cores, |seed, draw| by_graph(space.as_ref(), &bound, seed, draw));
            println!("{what}: by the graph, {cores} thread(s): {rate:.3e} a second");
        }
    }
}

/// Half the networks cost at most so many multiply-accumulates, and so on.
fn median(table: &CostTable) -> StaticCost {
    let mut rng = draw::stream(1, 0);
    let costs: Vec<StaticCost> = (0..10_000).map(|_| table.cost(&table.sample(&mut rng))).collect();
    let middle = |of: fn(&StaticCost) -> u64| {
        let mut values: Vec<u64> = costs.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    StaticCost {
        macs: middle(|cost| cost.macs),
        params: middle(|cost| cost.params),
        folded_params: middle(|cost| cost.folded_params),
        peak_activation_bytes: middle(|cost| cost.peak_activation_bytes),
    }
}

fn keeps(cost: &StaticCost, bound: &StaticCost) -> bool {
    cost.macs <= bound.macs && cost.params <= bound.params && cost.peak_activation_bytes <= bound.peak_activation_bytes
}

/// How many of a batch keep the bound.
fn by_table(table: &CostTable, bound: &StaticCost, seed: u64, batch: u64) -> u64 {
    let mut rng = draw::stream(seed, batch);
    let mut kept = 0;
    for _ in 0..BATCH {
        let packed = table.sample(&mut rng);
        if keeps(&table.cost(&packed), bound) {
            black_box(&packed);
            kept += 1;
        }
    }
    kept
}

fn by_graph(space: &dyn Space, bound: &StaticCost, seed: u64, batch: u64) -> u64 {
    let mut rng = draw::stream(seed, batch);
    let cost = |_| space.static_cost(&space.sample(&mut rng)).expect("samples are valid");
    (0..BATCH).map(cost).filter(|cost| keeps(cost, bound)).count() as u64
}

/// The share that was kept and the genotypes a second, of batches on this many threads.
fn on(threads: usize, work: impl Fn(u64, u64) -> u64 + Sync) -> (f64, f64) {
    let begin = Instant::now();
    let worker = |seed: u64| {
        let (mut batches, mut kept) = (0, 0);
        while begin.elapsed() < MEASURED {
            kept += work(seed, batches);
            batches += 1;
        }
        (batches * BATCH, kept)
    };
    let worker = &worker;
    let results: Vec<(u64, u64)> = thread::scope(|scope| {
        let started: Vec<_> = (0..threads as u64).map(|seed| scope.spawn(move || worker(seed))).collect();
        started.into_iter().map(|handle| handle.join().expect("a worker ends")).collect()
    });
    let (done, kept) = results.iter().fold((0, 0), |sum, result| (sum.0 + result.0, sum.1 + result.1));
    (kept as f64 / done as f64, done as f64 / begin.elapsed().as_secs_f64())
}
