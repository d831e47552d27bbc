//! Slices of shared weights, what training them reaches, and what is refused.

use std::ops::ControlFlow;

use edgefit_graph::op::{Activation, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Op, Role, Shape, Window};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Family, Lesson, Sampling, Supernet};
use crate::data::{Dataset, Source, Splits, format};
use crate::recipe::{Optimizer, Recipe};
use crate::train::Event;
use crate::{Compute, TrainError, evaluate};

fn digits() -> Dataset {
    let format = format("digits").expect("the digits are bundled");
    Dataset::load(format, &Source::default(), &Splits::default(), 1).expect("the bundled set is whole")
}

/// Convolutions `conv1`, `conv2`, ... of one width and kernel.
fn network(width: usize, kernel: usize, depth: usize) -> Graph {
    let mut builder = GraphBuilder::new();
    let mut at = builder.input("image", Shape::new([1, 8, 8])).unwrap();
    let mut then = |name: String, op: Op, from: NodeId| builder.add(name, op, &[from]).unwrap();
    for layer in 1..=depth {
        let window = Window::new(2, kernel, 1, AutoPad::Same);
        let conv = Op::Conv(Conv { out_channels: width, window, groups: 1, bias: false });
        at = then(format!("conv{layer}"), conv, at);
        at = then(format!("norm{layer}"), Op::BatchNorm(BatchNorm::default()), at);
        at = then(format!("act{layer}"), Op::Activation(Activation::Relu), at);
    }
    at = then("pool".into(), Op::GlobalAvgPool(GlobalAvgPool), at);
    at = then("flat".into(), Op::Flatten(Flatten), at);
    at = then("head".into(), Op::Dense(Dense { out_features: 10, bias: true }), at);
    builder.finish(&[at]).unwrap()
}

fn drawn(rng: &mut ChaCha8Rng) -> Graph {
    let bit = |rng: &mut ChaCha8Rng| (rng.next_u32() & 1) as usize;
    network([8, 16][bit(rng)], [3, 5][bit(rng)], [2, 3][bit(rng)])
}

fn weight(supernet: &Supernet, graph: &Graph, data: &Dataset, node: u32) -> Vec<f32> {
    let weights = supernet.inherit(graph, data).unwrap();
    let id = graph.iter().map(|(id, _)| id).nth(node as usize).unwrap();
    weights.get(id, Role::Weight).unwrap().data.clone()
}

#[test]
fn a_small_network_has_the_leading_channels_and_the_middle_taps() {
    let data = digits();
    let supernet = Supernet::new(&[network(16, 5, 3)], Compute::Cpu, 1);
    let (large, small) = (network(16, 5, 3), network(8, 3, 2));
    // conv2: [16, 16, 5, 5] and [8, 8, 3, 3].
    let (large, small) = (weight(&supernet, &large, &data, 4), weight(&supernet, &small, &data, 4));
    for out in 0..8 {
        for input in 0..8 {
            for (y, x) in [(0, 0), (1, 2), (2, 1)] {
                let of_small = small[((out * 8 + input) * 3 + y) * 3 + x];
                assert_eq!(of_small, large[((out * 16 + input) * 5 + y + 1) * 5 + x + 1]);
            }
        }
    }
}

fn recipe(optimizer: Optimizer, learning_rate: f64) -> Recipe {
    Recipe { epochs: 12, optimizer, learning_rate, rotate: 0.0, zoom: 0.0, shift: 0, ..Recipe::default() }
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn networks_that_never_trained_alone_classify_by_what_they_inherit() {
    let (data, largest, smallest) = (digits(), network(16, 5, 3), network(8, 3, 2));
    let family = Family { largest: &largest, smallest: &smallest, draw: &drawn };
    let recipes = [recipe(Optimizer::Sgd, 0.1), recipe(Optimizer::Adamw, 0.02)];
    for (sampling, recipe) in [Sampling::Uniform, Sampling::Sandwich(1)].into_iter().zip(&recipes) {
        let mut supernet = Supernet::new(&[largest.clone(), smallest.clone()], Compute::Cpu, 1);
        let lesson = Lesson { family, sampling, data: &data, recipe, seed: 1 };
        let losses: Vec<f64> = (0..12).map(|_| supernet.train_epoch(&lesson, &mut go_on).unwrap()).collect();
        assert!(losses[11] < losses[0], "{sampling:?}: {losses:?}");
        for graph in [&largest, &smallest, &network(16, 3, 2)] {
            let weights = supernet.inherit(graph, &data).unwrap();
            let found = evaluate(graph, &weights, &data.validation, &data.normalization).unwrap();
            assert!(found.accuracy > 0.8, "{sampling:?} reached {}", found.accuracy);
        }
    }
}

#[test]
fn it_goes_on_from_its_bytes_as_if_it_had_not_stopped() {
    let (data, largest, smallest) = (digits(), network(16, 5, 3), network(8, 3, 2));
    let family = Family { largest: &largest, smallest: &smallest, draw: &drawn };
    let recipe = recipe(Optimizer::Adamw, 0.02);
    let lesson = Lesson { family, sampling: Sampling::Sandwich(1), data: &data, recipe: &recipe, seed: 1 };
    let cover = [largest.clone()];
    let mut whole = Supernet::new(&cover, Compute::Cpu, 1);
    whole.train_epoch(&lesson, &mut go_on).unwrap();
    let mut resumed = Supernet::new(&cover, Compute::Cpu, 2);
    resumed.restore(&whole.to_bytes()).unwrap();
    whole.train_epoch(&lesson, &mut go_on).unwrap();
    resumed.train_epoch(&lesson, &mut go_on).unwrap();
    assert_eq!(resumed.epochs(), 2);
    assert_eq!(resumed.to_bytes(), whole.to_bytes());
    let error = Supernet::new(std::slice::from_ref(&smallest), Compute::Cpu, 1).restore(&whole.to_bytes()).unwrap_err();
    assert!(error.to_string().contains("another supernet"), "{error}");
}

#[test]
fn a_rate_that_is_far_too_high_ends_it_with_the_reason() {
    let (data, largest) = (digits(), network(16, 5, 3));
    let family = Family { largest: &largest, smallest: &largest, draw: &drawn };
    let recipe = Recipe { warmup: 0.0, ..recipe(Optimizer::Sgd, 1e6) };
    let lesson = Lesson { family, sampling: Sampling::Uniform, data: &data, recipe: &recipe, seed: 1 };
    let mut supernet = Supernet::new(std::slice::from_ref(&largest), Compute::Cpu, 1);
    let error = (0..6).find_map(|_| supernet.train_epoch(&lesson, &mut go_on).err()).expect("it cannot converge");
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
}

#[test]
fn a_network_beyond_the_cover_is_refused_by_its_node() {
    let supernet = Supernet::new(&[network(8, 3, 2)], Compute::Cpu, 1);
    for graph in [network(16, 3, 2), network(8, 3, 3)] {
        let error = supernet.inherit(&graph, &digits()).unwrap_err().to_string();
        assert!(error.contains("conv") && error.contains("supernet"), "{error}");
    }
}
