//! How long a refit takes and how many networks a second are predicted: `cargo bench -p edgefit-latency`.
//!
//! Networks are inverted bottlenecks of the size that a search meets; times are made up, since only the work counts here.

mod made_up;

use divan::Bencher;
use divan::counter::ItemsCount;
use edgefit_latency::{KernelSet, Table};

fn main() {
    divan::main();
}

/// Cross-validation of every predictor and the final fit, as after each measurement of a search.
#[divan::bench(args = [30, 100, 300, 1000], sample_count = 5, sample_size = 1)]
fn refit(bencher: Bencher<'_, '_>, networks: u64) {
    bencher.with_inputs(|| made_up::table(networks)).bench_values(|mut table: Table| {
        table.fit().expect("there are enough samples");
        table
    });
}

/// Latency and memory, each with its interval, from kernels that are known already.
#[divan::bench(args = [100, 1000])]
fn predict_kernels(bencher: Bencher<'_, '_>, networks: u64) {
    let mut table = made_up::table(networks);
    table.fit().expect("there are enough samples");
    let fresh: Vec<KernelSet> = (5000..5100).map(|seed| KernelSet::of(&made_up::network(seed), table.rule())).collect();
    bencher.counter(ItemsCount::new(fresh.len())).bench_local(|| {
        fresh.iter().map(|network| table.predict_kernels(network).expect("it is fitted").latency_ns.value).sum::<f64>()
    });
}

/// The same from graphs, whose kernels are found first.
#[divan::bench]
fn predict_graph(bencher: Bencher<'_, '_>) {
    let mut table = made_up::table(100);
    table.fit().expect("there are enough samples");
    let fresh: Vec<_> = (5000..5020).map(made_up::network).collect();
    bencher.counter(ItemsCount::new(fresh.len())).bench_local(|| {
        fresh.iter().map(|graph| table.predict(graph).expect("it is fitted").latency_ns.value).sum::<f64>()
    });
}
