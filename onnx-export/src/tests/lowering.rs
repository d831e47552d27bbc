//! Folding changes the structure and not the function.

use edgefit_graph::op::{Activation, Add, BatchNorm, Conv, Dense, Flatten, Op};
use edgefit_graph::testing::{random_graph, random_tensor, random_weights, run};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Tensor, Weights, Window};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::{assert_close, assert_same_function, choices};
use crate::{ExportError, ExportOptions, InputNormalization, Lowered, export};

fn conv(out_channels: usize, pad: AutoPad, groups: usize, bias: bool) -> Op {
    Op::Conv(Conv { out_channels, window: Window::new(2, 3, 1, pad), groups, bias })
}

fn norm() -> Op {
    Op::BatchNorm(BatchNorm::default())
}

fn dense(out_features: usize) -> Op {
    Op::Dense(Dense { out_features, bias: false })
}

const RELU: Op = Op::Activation(Activation::Relu);

/// A network of operators one behind the other.
fn chain(input: &[usize], ops: &[Op]) -> Graph {
    let mut b = GraphBuilder::new();
    let mut x = b.input("x", Shape::from(input)).unwrap();
    for (i, op) in ops.iter().enumerate() {
        x = b.add(format!("n{i}"), op.clone(), &[x]).unwrap();
    }
    b.finish(&[x]).unwrap()
}

/// Lowers, checks that the function is the same, and lists the operators that are left.
#[track_caller]
fn check(graph: &Graph, normalization: Option<&InputNormalization>, expected: &[&str]) {
    let lowered = Lowered::of(graph, normalization).unwrap();
    let ops: Vec<&str> = lowered.graph().nodes().iter().map(|node| node.op.name()).collect();
    assert_eq!(ops, expected, "\n{}", lowered.graph());
    let mut choose = choices(3);
    let weights = random_weights(graph, &mut choose);
    let raw = random_tensor(&graph.nodes()[0].shape, &mut choose);
    let normalized = normalization.map_or(raw.clone(), |n| normalize(&raw, n));
    let expected = run(graph, &weights, &[normalized]).unwrap();
    let found = run(lowered.graph(), &lowered.weights(&weights), &[raw]).unwrap();
    assert_close("lowered", &expected, &found);
}

fn normalize(x: &Tensor, n: &InputNormalization) -> Tensor {
    let inner = x.data.len() / x.shape.channels();
    let value = |(i, &x): (usize, &f32)| (x / n.divisor - n.mean[i / inner]) / n.std[i / inner];
    Tensor { shape: x.shape.clone(), data: x.data.iter().enumerate().map(value).collect() }
}

#[test]
fn batch_norm_goes_into_what_it_follows() {
    let image = [4, 6, 6];
    let same = AutoPad::Same;
    check(&chain(&image, &[conv(6, same, 1, false), norm(), RELU]), None, &["input", "conv", "relu"]);
    check(&chain(&image, &[conv(6, same, 2, true), norm(), norm()]), None, &["input", "conv"]);
    check(&chain(&image, &[norm(), conv(6, same, 1, true)]), None, &["input", "batch_norm", "conv"]);
    check(&chain(&image, &[conv(6, same, 1, true), RELU, norm()]), None, &["input", "conv", "relu", "batch_norm"]);
    check(&chain(&[5], &[dense(4), norm()]), None, &["input", "dense"]);
    check(&chain(&[3, 5], &[dense(4), norm()]), None, &["input", "dense", "batch_norm"]);
}

#[test]
fn batch_norm_of_a_shared_convolution_stays() {
    let build = |shares: bool| {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4, 6, 6])).unwrap();
        let c = b.add("c", conv(4, AutoPad::Same, 1, false), &[x]).unwrap();
        let n = b.add("n", norm(), &[c]).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[n, if shares { c } else { x }]).unwrap();
        b.finish(&[sum]).unwrap()
    };
    check(&build(true), None, &["input", "conv", "batch_norm", "add"]);
    check(&build(false), None, &["input", "conv", "add"]);
}

#[test]
fn batch_norm_of_an_output_stays() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", Shape::new([2, 4, 4])).unwrap();
    let c = b.add("c", conv(3, AutoPad::Same, 1, true), &[x]).unwrap();
    let n = b.add("n", norm(), &[c]).unwrap();
    check(&b.finish(&[n, c]).unwrap(), None, &["input", "conv", "batch_norm"]);
}

#[test]
fn normalization_goes_into_the_first_convolution_as_far_as_it_can() {
    let image = [4, 6, 6];
    let plain = InputNormalization { divisor: 2.0, mean: vec![0.0; 4], std: vec![0.5, 1.0, 2.0, 4.0] };
    let shifted = InputNormalization { mean: vec![0.5, 0.1, -0.2, 0.0], ..plain.clone() };
    for groups in [1, 2, 4] {
        let valid = chain(&image, &[conv(8, AutoPad::Valid, groups, false), norm()]);
        let padded = chain(&image, &[conv(8, AutoPad::Same, groups, false), norm()]);
        check(&valid, Some(&plain), &["input", "conv"]);
        check(&valid, Some(&shifted), &["input", "conv"]);
        check(&padded, Some(&plain), &["input", "conv"]);
        check(&padded, Some(&shifted), &["input", "batch_norm", "conv"]);
    }
    check(&chain(&image, &[RELU]), Some(&shifted), &["input", "batch_norm", "relu"]);
    check(
        &chain(&image, &[Op::Flatten(Flatten), dense(3)]),
        Some(&plain),
        &["input", "batch_norm", "flatten", "dense"],
    );
}

#[test]
fn normalization_of_a_shared_input_stays() {
    let mut b = GraphBuilder::new();
    let x = b.input("normalize", Shape::new([2, 4, 4])).unwrap();
    let c = b.add("c", conv(2, AutoPad::Valid, 1, true), &[x]).unwrap();
    let y = b.add("y", RELU, &[x]).unwrap();
    let graph = b.finish(&[c, y]).unwrap();
    let n = InputNormalization { divisor: 255.0, mean: vec![0.5; 2], std: vec![0.25; 2] };
    check(&graph, Some(&n), &["input", "batch_norm", "conv", "relu"]);
    assert_eq!(Lowered::of(&graph, Some(&n)).unwrap().graph().nodes()[1].name, "normalize_");
}

#[test]
fn wrong_normalizations_are_refused() {
    let graph = chain(&[3, 4, 4], &[RELU]);
    let check = |divisor, mean: &[f32], std: &[f32], expected: &str| {
        let n = InputNormalization { divisor, mean: mean.to_vec(), std: std.to_vec() };
        let error = Lowered::of(&graph, Some(&n)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("`x`"), "{error}");
    };
    check(255.0, &[0.0; 2], &[1.0; 3], "2 means and 3 standard deviations for an input of 3 channels");
    check(0.0, &[0.0; 3], &[1.0; 3], "not zero");
    check(1.0, &[0.0; 3], &[1.0, 0.0, 1.0], "not zero");
    check(1.0, &[f32::NAN, 0.0, 0.0], &[1.0; 3], "finite");
}

#[test]
fn weights_of_another_network_are_refused() {
    let graph = chain(&[3, 4, 4], &[conv(2, AutoPad::Same, 1, false)]);
    let error = export(&graph, &Weights::new(), &ExportOptions::default()).unwrap_err();
    assert_eq!(error, ExportError::Weights("n0.weight has no value".to_owned()));
}

#[test]
fn what_is_kept_keeps_its_name() {
    let lowered = Lowered::of(&chain(&[4, 6, 6], &[conv(2, AutoPad::Same, 1, false), norm(), RELU]), None).unwrap();
    let names: Vec<&str> = lowered.graph().nodes().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["x", "n0", "n2"]);
    assert_eq!(lowered.graph().outputs(), [NodeId(2)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn lowering_keeps_the_function_of_random_networks(seed in any::<u64>()) {
        let mut choose = choices(seed);
        let graph = random_graph(&mut choose);
        let weights = random_weights(&graph, &mut choose);
        let lowered = Lowered::of(&graph, None).unwrap();
        assert_same_function("lowered", (&graph, &weights), (lowered.graph(), &lowered.weights(&weights)));
    }
}
