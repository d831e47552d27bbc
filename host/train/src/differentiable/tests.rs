//! Small mixed networks: their gradients, their halves, going on from bytes, and that good operations win.

use std::ops::ControlFlow;

use edgefit_graph::op::{Activation, Add, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, Identity};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Op, Shape, Window};

use super::{Batch, Cost, Gate, Lesson, Method, Pull, Relaxed, Supernet, Tracked, halves};
use crate::batch::Batcher;
use crate::data::{Dataset, Source, Splits, format};
use crate::error::TrainError;
use crate::recipe::{Optimizer, Recipe};
use crate::train::Event;

fn digits() -> Dataset {
    let format = format("digits").expect("the digits are bundled");
    Dataset::load(format, &Source::default(), &Splits::default(), 1).expect("the bundled set is whole")
}

/// Operations of each mixed operation: none, skip, a convolution.
const OPTIONS: [usize; 2] = [3, 3];

/// Two mixed operations one behind the other, between a convolution and a classifier.
fn network() -> (Graph, Vec<Gate>) {
    let mut builder = GraphBuilder::new();
    let mut at = builder.input("input", Shape::new([1, 8, 8])).unwrap();
    let mut gates = Vec::new();
    let mut then = |name: String, op: Op, from: &[NodeId]| builder.add(name, op, from).unwrap();
    let conv = |kernel| {
        let window = Window::new(2, kernel, 1, AutoPad::Same);
        Op::Conv(Conv { out_channels: 8, window, groups: 1, bias: false })
    };
    at = then("stem".into(), conv(3), &[at]);
    at = then("stem.norm".into(), Op::BatchNorm(BatchNorm::default()), &[at]);
    for mix in 0..OPTIONS.len() {
        let skip = then(format!("mix{mix}.skip.gate"), Op::Identity(Identity), &[at]);
        let x = then(format!("mix{mix}.conv.act"), Op::Activation(Activation::Relu), &[at]);
        let x = then(format!("mix{mix}.conv"), conv(3), &[x]);
        let x = then(format!("mix{mix}.norm"), Op::BatchNorm(BatchNorm::default()), &[x]);
        let conv = then(format!("mix{mix}.conv.gate"), Op::Identity(Identity), &[x]);
        gates.extend([Gate { node: skip, mix, option: 1 }, Gate { node: conv, mix, option: 2 }]);
        at = then(format!("mix{mix}.sum"), Op::Add(Add), &[skip, conv]);
    }
    at = then("pool".into(), Op::GlobalAvgPool(GlobalAvgPool), &[at]);
    at = then("flat".into(), Op::Flatten(Flatten), &[at]);
    at = then("head".into(), Op::Dense(Dense { out_features: 10, bias: true }), &[at]);
    (builder.finish(&[at]).unwrap(), gates)
}

fn recipe(epochs: usize) -> Recipe {
    let plain = Recipe { rotate: 0.0, zoom: 0.0, shift: 0, ..Recipe::default() };
    Recipe { epochs, optimizer: Optimizer::Sgd, learning_rate: 0.05, weight_decay: 3e-4, ..plain }
}

fn supernet(recipe: &Recipe) -> Supernet {
    let (graph, gates) = network();
    Supernet::new(&Relaxed { graph: &graph, gates: &gates, options: &OPTIONS }, recipe, 1).unwrap()
}

fn go_on(_: &Event) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn batch(data: &Dataset, from: usize) -> Batch {
    let (batcher, indices) = (Batcher::new(&data.train, &data.normalization), (from..from + 16).collect::<Vec<_>>());
    Batch { floats: batcher.plain(&indices), labels: batcher.labels(&indices).into() }
}

#[test]
fn the_gradient_of_a_mixed_operation_is_that_of_differences() {
    let (data, recipe) = (digits(), recipe(1));
    let mut supernet = supernet(&recipe);
    supernet.alphas.values = vec![0.1, -0.4, 0.3, 0.2, 0.5, -0.6];
    let lesson = Lesson { data: &data, recipe: &recipe, method: Method::Darts, costs: &[], seed: 1 };
    let batch = batch(&data, 0);
    let gradient = |supernet: &Supernet| {
        let operations = supernet.alphas.all();
        let wanted = Tracked { weights: false, gates: true };
        let found = supernet.gradients(&supernet.network.parameters, &operations, &batch, &lesson, wanted);
        (found.loss, supernet.alphas.gradient(&operations, &found.gates))
    };
    let (_, found) = gradient(&supernet);
    assert!(found.iter().any(|g| g.abs() > 0.005), "{found:?}");
    for (at, found) in found.iter().enumerate() {
        let mut moved = |by: f32| {
            supernet.alphas.values[at] += by;
            let loss = gradient(&supernet).0;
            supernet.alphas.values[at] -= by;
            loss
        };
        let difference = (moved(0.01) - moved(-0.01)) / 0.02;
        assert!((f64::from(*found) - difference).abs() < 2e-4, "{at}: {found} is {difference}");
    }
}

#[test]
fn a_closed_gate_lets_nothing_through_and_takes_no_gradient() {
    let (data, recipe) = (digits(), recipe(1));
    let supernet = supernet(&recipe);
    let lesson = Lesson { data: &data, recipe: &recipe, method: Method::Gdas, costs: &[], seed: 1 };
    let both = Tracked { weights: true, gates: true };
    for open in [[0, 3], [1, 5], [2, 4], [2, 3]] {
        let mut operations = supernet.alphas.all();
        for at in 0..6 {
            (operations.closed[at], operations.values[at]) =
                (!open.contains(&at), f32::from(u8::from(open.contains(&at))));
        }
        let found = supernet.gradients(&supernet.network.parameters, &operations, &batch(&data, 0), &lesson, both);
        // The same with all gates computed, closed ones with weight 0.
        operations.closed.fill(false);
        let whole = supernet.gradients(&supernet.network.parameters, &operations, &batch(&data, 0), &lesson, both);
        assert!((found.loss - whole.loss).abs() < 1e-5, "{open:?}: {} is {}", found.loss, whole.loss);
        for at in 0..6 {
            let expected = if open.contains(&at) { whole.gates[at] } else { 0.0 };
            assert!((found.gates[at] - expected).abs() < 1e-4, "{open:?} {at}: {} is {expected}", found.gates[at]);
        }
    }
}

#[test]
fn scales_before_gates_do_not_learn_and_all_else_does() {
    let (data, recipe) = (digits(), recipe(2));
    let mut supernet = supernet(&recipe);
    let first = supernet.network.parameters.iter().map(crate::network::numbers).collect::<Vec<_>>();
    let lesson = Lesson { data: &data, recipe: &recipe, method: Method::Darts, costs: &[], seed: 1 };
    supernet.train_epoch(&lesson, &mut go_on).unwrap();
    let masked: usize = supernet
        .masks
        .iter()
        .flatten()
        .map(|m| m.clone().neg().add_scalar(1.0).sum().into_scalar::<f32>() as usize)
        .sum();
    assert_eq!(masked, 2 * 2 * 8);
    for ((before, after), mask) in first.iter().zip(&supernet.network.parameters).zip(&supernet.masks) {
        let after = crate::network::numbers(after);
        let mask = mask.as_ref().map_or(vec![1.0; after.len()], crate::network::numbers);
        for ((before, after), mask) in before.iter().zip(&after).zip(mask) {
            assert_eq!(before == after, mask == 0.0, "{before} {after}");
        }
    }
}

#[test]
fn it_finds_that_convolutions_are_better_than_nothing_unless_they_cost_too_much() {
    let (data, recipe) = (digits(), recipe(12));
    let effects = vec![vec![-1.0, -1.0, 2.0]; 2];
    let dear = Cost { mean: 3.0, effects, pull: Pull::Less(1.0), weight: 5.0 };
    // On another device all operations cost the same.
    let on_two = [Cost { effects: vec![vec![0.0; 3]; 2], ..dear.clone() }, dear];
    for method in [Method::Darts, Method::UnrolledDarts, Method::Gdas] {
        for costs in [[].as_slice(), &on_two] {
            let mut supernet = supernet(&recipe);
            let lesson = Lesson { data: &data, recipe: &recipe, method, costs, seed: 1 };
            (0..12).for_each(|_| supernet.train_epoch(&lesson, &mut go_on).unwrap());
            let losses: Vec<f64> = supernet.epochs().iter().filter_map(|epoch| epoch.validation_loss).collect();
            assert!(!costs.is_empty() || losses[11] < losses[0] - 0.1, "{method:?}: {losses:?}");
            for probabilities in supernet.probabilities() {
                let [none, skip, conv] = probabilities[..] else { panic!("{probabilities:?}") };
                let rest = none.max(skip);
                assert!(
                    if costs.is_empty() { conv > none } else { conv < rest },
                    "{method:?} {costs:?}: {probabilities:?}"
                );
            }
        }
    }
}

#[test]
fn it_goes_on_from_its_bytes_as_if_it_had_not_stopped() {
    let data = digits();
    for (method, optimizer) in [(Method::Gdas, Optimizer::Adamw), (Method::Darts, Optimizer::Sgd)] {
        let recipe = Recipe { optimizer, ..recipe(3) };
        let lesson = Lesson { data: &data, recipe: &recipe, method, costs: &[], seed: 1 };
        let (mut whole, mut resumed) = (supernet(&recipe), supernet(&recipe));
        whole.train_epoch(&lesson, &mut go_on).unwrap();
        resumed.restore(&whole.to_bytes()).unwrap();
        whole.train_epoch(&lesson, &mut go_on).unwrap();
        resumed.train_epoch(&lesson, &mut go_on).unwrap();
        assert_eq!(resumed.to_bytes(), whole.to_bytes());
        assert_eq!(resumed.course().len(), 2);
        assert_eq!(resumed.course()[1], resumed.probabilities());
        let (graph, gates) = network();
        let other = Relaxed { graph: &graph, gates: &gates, options: &[3, 4] };
        let error = Supernet::new(&other, &recipe, 1).unwrap().restore(&whole.to_bytes()).unwrap_err();
        assert!(error.to_string().contains("another supernet"), "{error}");
    }
}

#[test]
fn no_sample_is_in_both_halves() {
    let [mut first, second] = halves(101, 3);
    assert_eq!((first.len(), second.len()), (51, 50));
    first.extend(second);
    first.sort_unstable();
    assert_eq!(first, (0..101).collect::<Vec<_>>());
}

#[test]
fn a_rate_that_is_far_too_high_ends_it_with_the_reason() {
    let (data, recipe) = (digits(), Recipe { warmup: 0.0, learning_rate: 1e9, ..recipe(6) });
    let mut supernet = supernet(&recipe);
    let lesson = Lesson { data: &data, recipe: &recipe, method: Method::Darts, costs: &[], seed: 1 };
    let error = (0..6).find_map(|_| supernet.train_epoch(&lesson, &mut go_on).err()).expect("it cannot converge");
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
}
