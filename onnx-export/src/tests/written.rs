//! What a written file says, for people and runtimes.

use std::collections::BTreeMap;

use edgefit_graph::op::{Activation, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, Op};
use edgefit_graph::testing::random_weights;
use edgefit_graph::{AutoPad, Graph, GraphBuilder, Shape, Window};
use rten_onnx::onnx::{ModelProto, NodeProto, ValueInfoProto};

use super::choices;
use crate::{ExportError, ExportOptions, InputNormalization, export};

/// Stem, pooling and classifier.
fn classifier() -> Graph {
    let mut b = GraphBuilder::new();
    let x = b.input("x", Shape::new([3, 8, 8])).unwrap();
    let window = Window::new(2, 3, 2, AutoPad::Same);
    let conv = Op::Conv(Conv { out_channels: 4, window, groups: 1, bias: false });
    let stem = b.add("stem", conv, &[x]).unwrap();
    let norm = b.add("stem_bn", Op::BatchNorm(BatchNorm::default()), &[stem]).unwrap();
    let silu = b.add("act", Op::Activation(Activation::Silu), &[norm]).unwrap();
    let pool = b.add("pool", Op::GlobalAvgPool(GlobalAvgPool), &[silu]).unwrap();
    let flat = b.add("flat", Op::Flatten(Flatten), &[pool]).unwrap();
    let head = b.add("head", Op::Dense(Dense { out_features: 10, bias: true }), &[flat]).unwrap();
    b.finish(&[head]).unwrap()
}

fn written(options: &ExportOptions) -> ModelProto {
    let graph = classifier();
    let weights = random_weights(&graph, &mut choices(0));
    ModelProto::parse_buf(&export(&graph, &weights, options).unwrap()).unwrap()
}

fn line(node: &NodeProto) -> String {
    let part = |s: &Option<String>| s.clone().unwrap_or_default();
    format!("{} {}({}) -> {}", part(&node.name), part(&node.op_type), node.input.join(", "), node.output.join(", "))
}

fn typed(info: &ValueInfoProto) -> String {
    let shape = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref()).unwrap();
    let dim = |d: &rten_onnx::onnx::Dimension| d.dim_param.clone().unwrap_or_else(|| d.dim_value.unwrap().to_string());
    format!("{} {:?}", info.name.as_ref().unwrap(), shape.dim.iter().map(dim).collect::<Vec<String>>())
}

#[test]
fn names_can_be_followed() {
    let graph = written(&ExportOptions::default()).graph.unwrap();
    let nodes: Vec<String> = graph.node.iter().map(line).collect();
    let expected = [
        "stem Conv(input, stem.weight, stem.bias) -> stem",
        "act/sigmoid Sigmoid(stem) -> act/sigmoid",
        "act Mul(stem, act/sigmoid) -> act",
        "pool GlobalAveragePool(act) -> pool",
        "flat Flatten(pool) -> flat",
        "head Gemm(flat, head.weight, head.bias) -> logits",
    ];
    assert_eq!(nodes, expected);
    assert_eq!(typed(&graph.input[0]), r#"input ["batch", "3", "8", "8"]"#);
    assert_eq!(typed(&graph.output[0]), r#"logits ["batch", "10"]"#);
    let inner: Vec<String> = graph.value_info.iter().map(typed).collect();
    assert_eq!(inner[3], r#"flat ["batch", "4"]"#);
}

#[test]
fn normalization_is_inside() {
    let normalization = InputNormalization { divisor: 255.0, mean: vec![0.5; 3], std: vec![0.25; 3] };
    let model = written(&ExportOptions { normalization: Some(normalization), ..ExportOptions::default() });
    let nodes: Vec<String> = model.graph.as_ref().unwrap().node.iter().map(line).collect();
    assert_eq!(nodes[0], "normalize Add(input, normalize.shift) -> normalize");
    assert_eq!(nodes[1], "stem Conv(normalize, stem.weight, stem.bias) -> stem");
    let said = model.metadata_props.iter().find(|e| e.key.as_deref() == Some("input_normalization")).unwrap();
    let expected = "(x / 255 - [0.5, 0.5, 0.5]) / [0.25, 0.25, 0.25], by channel, inside the graph";
    assert_eq!(said.value.as_deref(), Some(expected));
}

#[test]
fn says_who_wrote_it_and_for_which_opset() {
    let metadata = BTreeMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
    let model = written(&ExportOptions { metadata, ..ExportOptions::default() });
    assert_eq!(model.opset_import[0].version, Some(crate::OPSET));
    assert_eq!(model.ir_version, Some(crate::IR_VERSION));
    assert_eq!(model.producer_name.as_deref(), Some("edgefit"));
    assert_eq!(model.producer_version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let keys: Vec<&str> = model.metadata_props.iter().filter_map(|e| e.key.as_deref()).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn names_that_collide_are_changed_inside_only() {
    let mut b = GraphBuilder::new();
    let x = b.input("logits", Shape::new([4])).unwrap();
    let first = b.add("input", Op::Activation(Activation::Silu), &[x]).unwrap();
    let second = b.add("input/sigmoid", Op::Activation(Activation::Relu), &[first]).unwrap();
    let graph = b.finish(&[second]).unwrap();
    let file = export(&graph, &random_weights(&graph, &mut choices(0)), &ExportOptions::default()).unwrap();
    let nodes: Vec<String> = ModelProto::parse_buf(&file).unwrap().graph.unwrap().node.iter().map(line).collect();
    let expected = [
        "input/sigmoid_2 Sigmoid(input) -> input/sigmoid_2",
        "input Mul(input, input/sigmoid_2) -> input_2",
        "input/sigmoid Relu(input_2) -> logits",
    ];
    assert_eq!(nodes, expected);
}

#[test]
fn an_output_may_be_the_input_or_twice_the_same() {
    let mut b = GraphBuilder::new();
    let x = b.input("x", Shape::new([4])).unwrap();
    let y = b.add("y", Op::Activation(Activation::Relu), &[x]).unwrap();
    let graph = b.finish(&[y, x, y]).unwrap();
    let file = export(&graph, &random_weights(&graph, &mut choices(0)), &ExportOptions::default()).unwrap();
    let nodes: Vec<String> = ModelProto::parse_buf(&file).unwrap().graph.unwrap().node.iter().map(line).collect();
    let expected = [
        "y Relu(input) -> logits_0",
        "logits_1/identity Identity(input) -> logits_1",
        "logits_2/identity Identity(logits_0) -> logits_2",
    ];
    assert_eq!(nodes, expected);
    assert_eq!(crate::import(&file).unwrap().graph.outputs().len(), 3);
}

#[test]
fn wrong_names_are_refused() {
    let graph = classifier();
    let weights = random_weights(&graph, &mut choices(0));
    let refused = |inputs: &[&str], outputs: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        let options =
            ExportOptions { input_names: names(inputs), output_names: names(outputs), ..ExportOptions::default() };
        export(&graph, &weights, &options).unwrap_err()
    };
    assert_eq!(refused(&["a"], &["a"]), ExportError::DuplicateName("a".to_owned()));
    assert_eq!(refused(&["a", "b"], &[]), ExportError::NameCount { side: "input", given: 2, needed: 1 });
}
