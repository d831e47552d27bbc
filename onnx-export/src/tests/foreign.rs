//! Files as other tools write them, built node by node, and the networks that they are.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

use crate::{ImportError, ImportOptions, Imported, import, import_with};

/// A file while it is built.
pub(crate) struct Foreign {
    opset: i64,
    graph: GraphProto,
}

pub(crate) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    attribute(name, AttributeType::INTS, |a| a.ints = ints.to_vec())
}

pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    attribute(name, AttributeType::INT, |a| a.i = Some(i))
}

pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    attribute(name, AttributeType::FLOAT, |a| a.f = Some(f))
}

pub(crate) fn text(name: &str, s: &str) -> AttributeProto {
    attribute(name, AttributeType::STRING, |a| a.s = Some(s.to_owned()))
}

fn attribute(name: &str, kind: AttributeType, set: impl Fn(&mut AttributeProto)) -> AttributeProto {
    let mut attribute = AttributeProto { name: Some(name.to_owned()), r#type: Some(kind), ..AttributeProto::default() };
    set(&mut attribute);
    attribute
}

fn info(name: &str, dims: &[i64]) -> ValueInfoProto {
    // A dimension of -1 is symbolic.
    let dim = |&d: &i64| match d {
        -1 => Dimension { dim_param: Some("N".to_owned()), dim_value: None },
        d => Dimension { dim_value: Some(d), dim_param: None },
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { tensor_type: Some(tensor), sequence: None }),
    }
}

impl Foreign {
    pub(crate) fn new(opset: i64) -> Self {
        Self { opset, graph: GraphProto::default() }
    }

    pub(crate) fn input(mut self, name: &str, dims: &[i64]) -> Self {
        self.graph.input.push(info(name, dims));
        self
    }

    pub(crate) fn floats(mut self, name: &str, dims: &[i64], value: impl Fn(usize) -> f32) -> Self {
        let elements = dims.iter().product::<i64>() as usize;
        self.graph.initializer.push(TensorProto {
            name: Some(name.to_owned()),
            dims: dims.to_vec(),
            data_type: Some(DataType::FLOAT),
            float_data: (0..elements).map(value).collect(),
            ..TensorProto::default()
        });
        self
    }

    pub(crate) fn shape(mut self, name: &str, values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: Some(name.to_owned()),
            dims: vec![values.len() as i64],
            data_type: Some(DataType::INT64),
            raw_data: Some(RefCell::new(values.iter().flat_map(|v| v.to_le_bytes()).collect())),
            ..TensorProto::default()
        });
        self
    }

    /// Changes the last constant.
    pub(crate) fn tensor(mut self, change: impl Fn(&mut TensorProto)) -> Self {
        change(self.graph.initializer.last_mut().unwrap());
        self
    }

    /// A node named after its output; absent inputs are empty.
    pub(crate) fn node(self, op_type: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> Self {
        self.node_of(op_type, inputs, &[output], attribute)
    }

    /// A node of several outputs, with the name of the first.
    pub(crate) fn node_of(
        mut self,
        op_type: &str,
        inputs: &[&str],
        outputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
        self.graph.node.push(NodeProto {
            name: outputs.first().map(|&name| name.to_owned()),
            op_type: Some(op_type.to_owned()),
            input: owned(inputs),
            output: owned(outputs),
            attribute,
            domain: None,
        });
        self
    }

    pub(crate) fn file(mut self, output: &str) -> Vec<u8> {
        self.graph.output.push(ValueInfoProto { name: Some(output.to_owned()), r#type: None });
        let opset = OperatorSetIdProto { domain: None, version: Some(self.opset) };
        let model = ModelProto { graph: Some(self.graph), opset_import: vec![opset], ..ModelProto::default() };
        model.write_buf().unwrap()
    }

    pub(crate) fn import(self, output: &str) -> Result<Imported, ImportError> {
        import(&self.file(output))
    }
}

/// Checks the text of the network that a file is.
#[track_caller]
fn check(foreign: Foreign, output: &str, expected: &[&str]) {
    let read = foreign.import(output).unwrap();
    let text = read.graph.to_string();
    assert_eq!(text.lines().collect::<Vec<&str>>(), expected);
    assert_eq!(read.weights.mismatch(&read.graph), None);
}

const WINDOW_1: &str = "kernel=1x1 stride=1x1 pad=0x0+0x0 dilation=1x1";

#[test]
fn convolution_with_defaults_and_batch_norm() {
    let file = Foreign::new(13)
        .input("x", &[-1, 4, 7, 8])
        .floats("w", &[6, 2, 3, 3], |i| i as f32)
        .floats("c", &[6], |i| 1.0 + i as f32)
        .node("Conv", &["x", "w"], "conv", vec![int("group", 2)])
        .node(
            "BatchNormalization",
            &["conv", "c", "c", "c", "c"],
            "bn",
            vec![float("momentum", 0.9), float("epsilon", 1e-3)],
        )
        .node("Relu", &["bn"], "y", vec![]);
    check(
        file,
        "y",
        &[
            "x = input() shape=4x7x8 -> 4x7x8",
            "conv = conv(x) out=6 kernel=3x3 stride=1x1 pad=0x0+0x0 dilation=1x1 groups=2 bias=false -> 6x5x6",
            "bn = batch_norm(conv) epsilon_millionths=1000 -> 6x5x6",
            "y = relu(bn) -> 6x5x6",
            "return y",
        ],
    );
}

#[test]
fn padding_by_rule() {
    let padded = |rule, expected: &str| {
        let file = Foreign::new(11).input("x", &[1, 1, 6, 7]).floats("w", &[1, 1, 4, 3], |_| 1.0).node(
            "Conv",
            &["x", "w"],
            "y",
            vec![text("auto_pad", rule), ints("strides", &[1, 2])],
        );
        let expected = format!("y = conv(x) out=1 kernel=4x3 stride=1x2 {expected}");
        check(file, "y", &["x = input() shape=1x6x7 -> 1x6x7", &expected, "return y"]);
    };
    padded("SAME_UPPER", "pad=1x1+2x1 dilation=1x1 groups=1 bias=false -> 1x6x4");
    padded("SAME_LOWER", "pad=2x1+1x1 dilation=1x1 groups=1 bias=false -> 1x6x4");
    padded("VALID", "pad=0x0+0x0 dilation=1x1 groups=1 bias=false -> 1x3x3");
}

#[test]
fn ceil_mode_is_padding() {
    let pooled = |op: &str, size: i64, expected: &str| {
        let window = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), int("ceil_mode", 1)];
        let file = Foreign::new(12).input("x", &[-1, 1, size, size]).node(op, &["x"], "y", window);
        let read = file.import("y").unwrap();
        assert_eq!(read.graph.to_string().lines().nth(1).unwrap(), expected);
    };
    pooled("MaxPool", 5, "y = max_pool(x) kernel=2x2 stride=2x2 pad=0x0+1x1 dilation=1x1 -> 1x3x3");
    pooled("MaxPool", 6, "y = max_pool(x) kernel=2x2 stride=2x2 pad=0x0+0x0 dilation=1x1 -> 1x3x3");
    let expected = "y = avg_pool(x) kernel=2x2 stride=2x2 pad=0x0+1x1 dilation=1x1 count_include_pad=false -> 1x3x3";
    pooled("AveragePool", 5, expected);
}

#[test]
fn composed_nonlinearities() {
    let number = |name: &str, value: f32| Foreign::new(17).input("x", &[-1, 3, 4]).floats(name, &[], move |_| value);
    let silu = number("one", 1.0).node("Sigmoid", &["x"], "s", vec![]).node("Mul", &["s", "x"], "y", vec![]);
    let hard_swish = number("one", 1.0).node("HardSigmoid", &["x"], "s", vec![float("alpha", 1.0 / 6.0)]).node(
        "Mul",
        &["x", "s"],
        "y",
        vec![],
    );
    let old_hard_swish = number("three", 3.0)
        .floats("zero", &[], |_| 0.0)
        .floats("six", &[], |_| 6.0)
        .node("Add", &["x", "three"], "a", vec![])
        .node("Clip", &["a", "zero", "six"], "c", vec![])
        .node("Mul", &["x", "c"], "m", vec![])
        .node("Div", &["m", "six"], "y", vec![]);
    let old_hard_sigmoid = number("three", 3.0)
        .floats("six", &[], |_| 6.0)
        .node("Add", &["three", "x"], "a", vec![])
        .node("Clip", &["a"], "c", vec![float("min", 0.0), float("max", 6.0)])
        .node("Div", &["c", "six"], "y", vec![]);
    let cases = [
        (silu, "silu"),
        (hard_swish, "hard_swish"),
        (old_hard_swish, "hard_swish"),
        (old_hard_sigmoid, "hard_sigmoid"),
    ];
    for (file, name) in cases {
        check(file, "y", &["x = input() shape=3x4 -> 3x4", &format!("y = {name}(x) -> 3x4"), "return y"]);
    }
}

#[test]
fn gelu_in_every_order() {
    let start = || {
        Foreign::new(17)
            .input("x", &[-1, 3, 4])
            .floats("root", &[], |_| std::f32::consts::SQRT_2)
            .floats("inverse", &[], |_| std::f32::consts::FRAC_1_SQRT_2)
            .floats("one", &[1], |_| 1.0)
            .floats("half", &[], |_| 0.5)
    };
    let divided = start().node("Div", &["x", "root"], "d", vec![]);
    let multiplied = start().node("Mul", &["inverse", "x"], "d", vec![]);
    for scaled in [divided, multiplied] {
        let file = scaled
            .node("Erf", &["d"], "e", vec![])
            .node("Add", &["e", "one"], "a", vec![])
            .node("Mul", &["x", "half"], "h", vec![])
            .node("Mul", &["h", "a"], "y", vec![]);
        check(file, "y", &["x = input() shape=3x4 -> 3x4", "y = gelu(x) -> 3x4", "return y"]);
    }
    let new = Foreign::new(20).input("x", &[-1, 3]).node("Gelu", &["x"], "y", vec![text("approximate", "none")]);
    check(new, "y", &["x = input() shape=3 -> 3", "y = gelu(x) -> 3", "return y"]);
}

#[test]
fn dense_layers() {
    let gemm = Foreign::new(13)
        .input("x", &[-1, 2])
        .floats("w", &[3, 2], |i| i as f32)
        .floats("b", &[1, 3], |i| i as f32)
        .node("Gemm", &["x", "w", "b"], "y", vec![int("transB", 1), float("alpha", 2.0), float("beta", 0.5)]);
    let read = gemm.import("y").unwrap();
    assert_eq!(read.graph.to_string(), "x = input() shape=2 -> 2\ny = dense(x) out=3 bias=true -> 3\nreturn y\n");
    let values: Vec<&[f32]> = read.weights.iter().map(|(_, tensor)| tensor.data.as_slice()).collect();
    assert_eq!(values, [[0., 4., 8., 2., 6., 10.].as_slice(), &[0., 0.5, 1.]]);
    let tokens = Foreign::new(17)
        .input("x", &[-1, 5, 2])
        .floats("w", &[2, 3], |i| i as f32)
        .floats("b", &[3], |i| i as f32)
        .node("MatMul", &["x", "w"], "m", vec![])
        .node("Add", &["b", "m"], "y", vec![]);
    check(tokens, "y", &["x = input() shape=5x2 -> 5x2", "y = dense(x) out=3 bias=true -> 5x3", "return y"]);
}

#[test]
fn constants_on_channels_are_batch_norms() {
    let file = Foreign::new(17)
        .input("x", &[-1, 3, 4, 4])
        .floats("mean", &[1, 3, 1, 1], |i| i as f32)
        .floats("std", &[3, 1, 1], |_| 0.5)
        .node("Sub", &["x", "mean"], "centered", vec![])
        .node("Div", &["centered", "std"], "scaled", vec![]);
    let read = file.import("scaled").unwrap();
    let line = "scaled = batch_norm(x) epsilon_millionths=0 -> 3x4x4";
    assert_eq!(read.graph.to_string().lines().nth(1), Some(line));
    let values: Vec<&[f32]> = read.weights.iter().map(|(_, tensor)| tensor.data.as_slice()).collect();
    assert_eq!(values[..2], [&[2., 2., 2.], &[-0., -2., -4.]]);
}

#[test]
fn shapes_that_are_computed() {
    let file = Foreign::new(13)
        .input("x", &[-1, 6, 2, 2])
        .shape("zero", &[0])
        .shape("rest", &[-1])
        .node("Shape", &["x"], "dims", vec![])
        .node("Gather", &["dims", "zero"], "batch", vec![int("axis", 0)])
        .node("Concat", &["batch", "rest"], "target", vec![int("axis", 0)])
        .node("Reshape", &["x", "target"], "y", vec![]);
    check(file, "y", &["x = input() shape=6x2x2 -> 6x2x2", "y = reshape(x) shape=24 -> 24", "return y"]);
}

#[test]
fn runs_along_an_axis() {
    let half = Foreign::new(17)
        .input("x", &[-1, 6, 2, 2])
        .shape("one", &[1])
        .shape("from", &[-3])
        .shape("to", &[i64::MAX])
        .node("Slice", &["x", "from", "to", "one"], "y", vec![]);
    check(
        half,
        "y",
        &["x = input() shape=6x2x2 -> 6x2x2", "y = slice(x) axis=0 start=3 length=3 -> 3x2x2", "return y"],
    );
    let stepped = Foreign::new(17)
        .input("x", &[-1, 6, 2, 2])
        .shape("one", &[1])
        .shape("two", &[2])
        .shape("to", &[6])
        .node("Slice", &["x", "one", "to", "one", "two"], "y", vec![]);
    let told = stepped.import("y").unwrap_err().to_string();
    assert!(told.contains("only a run along one axis can be sliced"), "{told}");
}

#[test]
fn parts_along_an_axis() {
    let parts = |opset: i64, lengths: Option<&[i64]>| {
        let file = Foreign::new(opset).input("x", &[-1, 5, 4]);
        let (file, inputs) = match lengths {
            Some(lengths) => (file.shape("lengths", lengths), vec!["x", "lengths"]),
            None => (file, vec!["x"]),
        };
        file.node_of("Split", &inputs, &["a", "b"], vec![int("axis", 1)]).import("b").map(|read| read.graph.to_string())
    };
    let second = |at: usize, length: usize| {
        format!(
            "x = input() shape=5x4 -> 5x4\na/1 = slice(x) axis=0 start={at} length={length} -> {length}x4\nreturn a/1\n"
        )
    };
    assert_eq!(parts(13, Some(&[1, 4])).unwrap(), second(1, 4));
    assert_eq!(parts(18, None).unwrap(), second(3, 2));
    let told = parts(13, Some(&[1, 3])).unwrap_err().to_string();
    assert!(told.contains("are not the 5 of axis 0"), "{told}");
}

#[test]
fn reshapes_keep_the_batch() {
    let reshaped = |batch: i64, target: &[i64]| {
        let file = Foreign::new(13).input("x", &[batch, 6, 4]).shape("t", target);
        file.node("Reshape", &["x", "t"], "y", vec![]).import("y").map(|read| read.graph.nodes()[1].shape.to_string())
    };
    for (batch, target, expected) in [
        (-1, [0, -1].as_slice(), "24"),
        (-1, &[-1, 24], "24"),
        (-1, &[0, 0, 2, 2], "6x2x2"),
        (1, &[1, -1], "24"),
        (3, &[3, 2, 12], "2x12"),
        (1, &[-1, 2, 12], "2x12"),
    ] {
        assert_eq!(reshaped(batch, target).as_deref(), Ok(expected), "{target:?}");
    }
    for (batch, target) in [(-1, [1, -1].as_slice()), (-1, &[-1]), (2, &[1, 2, 24]), (-1, &[-1, -1]), (-1, &[0, 23])] {
        assert!(reshaped(batch, target).is_err(), "{target:?} of batch {batch}");
    }
}

#[test]
fn means_are_global_pooling() {
    let mean = |dims: &[i64], axes: &[i64], keeps| {
        let file = Foreign::new(18).input("x", dims).shape("axes", axes);
        let read = file.node("ReduceMean", &["x", "axes"], "y", vec![int("keepdims", keeps)]).import("y");
        read.map(|read| read.graph.nodes().iter().skip(1).map(|n| n.op.name()).collect::<Vec<&str>>().join(" "))
    };
    assert_eq!(mean(&[-1, 3, 4, 4], &[2, 3], 1).as_deref(), Ok("global_avg_pool"));
    assert_eq!(mean(&[-1, 3, 4, 4], &[-1, -2], 0).as_deref(), Ok("global_avg_pool flatten"));
    assert_eq!(mean(&[-1, 5, 8], &[1], 0).as_deref(), Ok("transpose global_avg_pool reshape"));
    assert!(mean(&[-1, 3, 4, 4], &[0, 2, 3], 1).is_err());
    assert!(mean(&[-1, 3, 4, 4], &[3], 1).is_err());
}

#[test]
fn what_does_nothing_in_inference_is_not_there() {
    let file = Foreign::new(12)
        .input("x", &[-1, 3, 1])
        .node("Identity", &["x"], "i", vec![])
        .node("Dropout", &["i"], "d", vec![float("ratio", 0.5)])
        .node("Cast", &["d"], "c", vec![int("to", 1)])
        .node("Squeeze", &["c"], "s", vec![ints("axes", &[2])])
        .node("Unsqueeze", &["s"], "y", vec![ints("axes", &[-1, 1])]);
    check(
        file,
        "y",
        &[
            "x = input() shape=3x1 -> 3x1",
            "s = reshape(x) shape=3 -> 3",
            "y = reshape(s) shape=1x3x1 -> 1x3x1",
            "return y",
        ],
    );
}

#[test]
fn dead_nodes_and_unused_pieces_do_not_matter() {
    let file =
        Foreign::new(13).input("x", &[-1, 3]).node("Erf", &["x"], "unused", vec![]).node("Relu", &["x"], "y", vec![]);
    check(file, "y", &["x = input() shape=3 -> 3", "y = relu(x) -> 3", "return y"]);
}

#[test]
fn attention() {
    let file = Foreign::new(17)
        .input("x", &[-1, 5, 8])
        .floats("w", &[8, 8], |i| i as f32)
        .shape("heads", &[0, 5, 2, 4])
        .floats("scale", &[], |_| 0.5)
        .node("MatMul", &["x", "w"], "q", vec![])
        .node("Reshape", &["q", "heads"], "split", vec![])
        .node("Transpose", &["split"], "qh", vec![ints("perm", &[0, 2, 1, 3])])
        .node("Transpose", &["split"], "kh", vec![ints("perm", &[0, 2, 3, 1])])
        .node("MatMul", &["qh", "kh"], "scores", vec![])
        .node("Mul", &["scores", "scale"], "scaled", vec![])
        .node("Softmax", &["scaled"], "y", vec![int("axis", -1)]);
    check(
        file,
        "y",
        &[
            "x = input() shape=5x8 -> 5x8",
            "q = dense(x) out=8 bias=false -> 5x8",
            "split = reshape(q) shape=5x2x4 -> 5x2x4",
            "qh = transpose(split) permutation=1x0x2 -> 2x5x4",
            "kh = transpose(split) permutation=1x2x0 -> 2x4x5",
            "scores = matmul(qh, kh) -> 2x5x5",
            "scaled = batch_norm(scores) epsilon_millionths=0 -> 2x5x5",
            "y = softmax(scaled) axis=2 -> 2x5x5",
            "return y",
        ],
    );
}

#[test]
fn inputs_that_are_constants_too() {
    let file = Foreign::new(9)
        .input("x", &[-1, 2, 4, 4])
        .input("w", &[3, 2, 1, 1])
        .floats("w", &[3, 2, 1, 1], |i| i as f32)
        .node("Conv", &["x", "w"], "y", vec![]);
    let conv = format!("y = conv(x) out=3 {WINDOW_1} groups=1 bias=false -> 3x4x4");
    check(file, "y", &["x = input() shape=2x4x4 -> 2x4x4", &conv, "return y"]);
}

#[test]
fn shapes_can_be_given() {
    let file = Foreign::new(13).input("x", &[-1, 3, -1, -1]).node("Relu", &["x"], "y", vec![]).file("y");
    let with = |shape: &[usize]| {
        let options = ImportOptions { input_shapes: [("x".to_owned(), shape.to_vec())].into() };
        import_with(&file, &options).map(|read| read.graph.nodes()[1].shape.to_string())
    };
    assert_eq!(with(&[1, 3, 48, 320]).as_deref(), Ok("3x48x320"));
    assert!(with(&[1, 4, 48, 320]).is_err() && with(&[1, 3, 48]).is_err() && with(&[1, 3, 0, 1]).is_err());
    let error = import(&file).unwrap_err().to_string();
    assert_eq!(error, "input `x`: dimension 2 (`N`) is not fixed; give the shape of this input");
}

#[test]
fn epsilon_between_millionths_goes_into_the_variance() {
    let file = Foreign::new(15).input("x", &[-1, 1]).floats("one", &[1], |_| 1.0).node(
        "BatchNormalization",
        &["x", "one", "one", "one", "one"],
        "y",
        vec![float("epsilon", 2.5e-6)],
    );
    let read = file.import("y").unwrap();
    assert!(read.graph.to_string().contains("epsilon_millionths=2 "), "{}", read.graph);
    let variance = read.weights.iter().last().unwrap().1.data[0];
    assert!((variance - 1.000_000_5).abs() < 1e-7, "{variance}");
}
