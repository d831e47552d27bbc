//! Trainings on a GPU go as those on the processor: `cargo test --release -p edgefit-train --features wgpu --test gpu`. Mesa's
//! software Vulkan (Debian's mesa-vulkan-drivers) will do. Not among the tests of the whole, since burn for GPUs takes long to build.

#[path = "../benches/networks/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest of its networks")]
mod networks;

use std::ops::ControlFlow;

use edgefit_train::data::{Source, Splits, format};
use edgefit_train::{Compute, Dataset, Operations, Recipe, TrainOutcome, train, train_with};

/// Far more than 32-bit sums in another order differ by, far less than one wrong gradient would.
const TOLERANCE: f64 = 1e-3;

fn digits() -> Dataset {
    let format = format("digits").expect("the digits are bundled");
    let splits = Splits { limit: Some(240), ..Splits::default() };
    Dataset::load(format, &Source::default(), &splits, 1).expect("the bundled set is whole")
}

#[test]
fn losses_are_those_of_the_processor() {
    let data = digits();
    let cases = networks::cases().expect("the graphs are right");
    let graph = cases.into_iter().find(|case| case.name == "mbconv-8x8x1").expect("the benchmark has it").graph;
    let recipe = Recipe { epochs: 2, batch: 32, learning_rate: 0.002, ..Recipe::default() };
    let mut go = |_: &_| ControlFlow::Continue(());
    let processor = train_with(&graph, &data, &recipe, 1, Operations::Burn, &mut go).unwrap();
    let recipe = Recipe { compute: Compute::Wgpu, ..recipe };
    let gpu = train(&graph, &data, &recipe, 1, &mut go).unwrap();
    let losses = |outcome: &TrainOutcome| outcome.epochs.iter().map(|epoch| epoch.train_loss).collect::<Vec<_>>();
    let (processor, gpu) = (losses(&processor), losses(&gpu));
    let are_alike = processor.iter().zip(&gpu).all(|(a, b)| (a - b).abs() <= TOLERANCE * a);
    assert!(are_alike && processor.len() == 2 && gpu.len() == 2, "processor {processor:?}, GPU {gpu:?}");
}
