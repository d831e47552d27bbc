//! Each operator alone in a network, in every form that a layer might handle differently.

use crate::graph::{Graph, GraphBuilder};
use crate::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, Flatten, GlobalAvgPool, Identity, LayerNorm, MatMul,
    MaxPool, Mul, Op, Reshape, Slice, Softmax, Transpose, Zero,
};
use crate::shape::Shape;
use crate::window::{AutoPad, Window};

const VECTOR: &[usize] = &[6];
const TOKENS: &[usize] = &[5, 8];
const SERIES: &[usize] = &[4, 13];
const IMAGE: &[usize] = &[4, 9, 8];

/// One network a form, each with a name that says which.
pub fn every_operator() -> Vec<(String, Graph)> {
    let mut all = Vec::new();
    all.extend(convolutions());
    all.extend(poolings());
    all.extend(elementwise());
    all.extend(normalizations());
    all.extend(products());
    all.extend(views());
    all
}

fn convolutions() -> Vec<(String, Graph)> {
    let conv = |out_channels, groups, bias, window| Op::Conv(Conv { out_channels, window, groups, bias });
    let window = |axes, kernel, stride, dilation, pad| Window::dilated(axes, kernel, stride, dilation, pad);
    vec![
        alone("conv 2d pointwise", conv(8, 1, true, window(2, 1, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d pointwise, strided, no bias", conv(8, 1, false, window(2, 1, 2, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d 3x3", conv(6, 1, true, window(2, 3, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d 3x3, strided, valid", conv(6, 1, true, window(2, 3, 2, 1, AutoPad::Valid)), &[IMAGE]),
        alone("conv 2d 5x5, no bias", conv(3, 1, false, window(2, 5, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d dilated", conv(4, 1, true, window(2, 3, 1, 2, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d of two groups", conv(6, 2, true, window(2, 3, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d depthwise", conv(4, 4, true, window(2, 3, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d depthwise, strided", conv(4, 4, false, window(2, 5, 2, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d depthwise, two filters each", conv(8, 4, true, window(2, 3, 1, 1, AutoPad::Same)), &[IMAGE]),
        alone("conv 2d uneven", conv(5, 1, true, uneven([1, 2])), &[IMAGE]),
        alone("conv 1d 3", conv(6, 1, true, window(1, 3, 1, 1, AutoPad::Same)), &[SERIES]),
        alone("conv 1d dilated", conv(6, 1, false, window(1, 3, 1, 4, AutoPad::Same)), &[SERIES]),
        alone("conv 1d depthwise, strided", conv(4, 4, true, window(1, 5, 2, 1, AutoPad::Same)), &[SERIES]),
    ]
}

/// A window whose sides and axes all differ.
fn uneven(dilation: [usize; 2]) -> Window {
    Window {
        kernel: vec![3, 2],
        stride: vec![2, 1],
        padding_begin: vec![1, 0],
        padding_end: vec![2, 1],
        dilation: dilation.to_vec(),
    }
}

fn poolings() -> Vec<(String, Graph)> {
    let max = |axes, kernel, stride, pad| Op::MaxPool(MaxPool { window: Window::new(axes, kernel, stride, pad) });
    let average = |axes, kernel, stride, pad, count_include_pad| {
        Op::AvgPool(AvgPool { window: Window::new(axes, kernel, stride, pad), count_include_pad })
    };
    let uneven_average = |count_include_pad| Op::AvgPool(AvgPool { window: uneven([1, 1]), count_include_pad });
    vec![
        alone("max pool 2d uneven", Op::MaxPool(MaxPool { window: uneven([1, 2]) }), &[IMAGE]),
        alone("avg pool 2d uneven", uneven_average(false), &[IMAGE]),
        alone("avg pool 2d uneven, padding counted", uneven_average(true), &[IMAGE]),
        alone("max pool 2d", max(2, 2, 2, AutoPad::Valid), &[IMAGE]),
        alone("max pool 2d, padded", max(2, 3, 1, AutoPad::Same), &[IMAGE]),
        alone("max pool 1d", max(1, 3, 2, AutoPad::Same), &[SERIES]),
        alone("avg pool 2d", average(2, 2, 2, AutoPad::Valid, false), &[IMAGE]),
        alone("avg pool 2d, padded", average(2, 3, 1, AutoPad::Same, false), &[IMAGE]),
        alone("avg pool 2d, padding counted", average(2, 3, 2, AutoPad::Same, true), &[IMAGE]),
        alone("avg pool 1d, padded", average(1, 3, 1, AutoPad::Same, false), &[SERIES]),
        alone("global avg pool 2d", Op::GlobalAvgPool(GlobalAvgPool), &[IMAGE]),
        alone("global avg pool 1d", Op::GlobalAvgPool(GlobalAvgPool), &[SERIES]),
    ]
}

fn elementwise() -> Vec<(String, Graph)> {
    let activation = |activation: Activation| {
        let op = Op::Activation(activation);
        alone(op.name(), op, &[IMAGE])
    };
    let mut all: Vec<_> = Activation::ALL.into_iter().map(activation).collect();
    all.extend([
        alone("hard_swish of a vector", Op::Activation(Activation::HardSwish), &[VECTOR]),
        alone("gelu of tokens", Op::Activation(Activation::Gelu), &[TOKENS]),
        alone("add", Op::Add(Add), &[IMAGE, IMAGE]),
        alone("add vectors", Op::Add(Add), &[VECTOR, VECTOR]),
        alone("mul", Op::Mul(Mul), &[TOKENS, TOKENS]),
        alone("mul by channel", Op::Mul(Mul), &[IMAGE, &[4, 1, 1]]),
        alone("add by position", Op::Add(Add), &[&[1, 9, 1], IMAGE]),
        alone("identity", Op::Identity(Identity), &[IMAGE]),
        alone("zero", Op::Zero(Zero), &[IMAGE]),
    ]);
    all
}

fn normalizations() -> Vec<(String, Graph)> {
    let wide = LayerNorm { epsilon_millionths: 1000 };
    vec![
        alone("batch norm 2d", Op::BatchNorm(BatchNorm::default()), &[IMAGE]),
        alone("batch norm 1d", Op::BatchNorm(BatchNorm::default()), &[SERIES]),
        alone("batch norm of a vector", Op::BatchNorm(BatchNorm { epsilon_millionths: 1000 }), &[VECTOR]),
        alone("batch norm without epsilon", Op::BatchNorm(BatchNorm { epsilon_millionths: 0 }), &[IMAGE]),
        alone("layer norm of tokens", Op::LayerNorm(LayerNorm::default()), &[TOKENS]),
        alone("layer norm of a vector", Op::LayerNorm(wide), &[VECTOR]),
        alone("softmax of a vector", Op::Softmax(Softmax { axis: 0 }), &[VECTOR]),
        alone("softmax, innermost", Op::Softmax(Softmax { axis: 1 }), &[TOKENS]),
        alone("softmax, over channels", Op::Softmax(Softmax { axis: 0 }), &[IMAGE]),
    ]
}

fn products() -> Vec<(String, Graph)> {
    let dense = |out_features, bias| Op::Dense(Dense { out_features, bias });
    vec![
        alone("dense", dense(10, true), &[VECTOR]),
        alone("dense, no bias", dense(3, false), &[VECTOR]),
        alone("dense of tokens", dense(7, true), &[TOKENS]),
        alone("dense of tokens, no bias", dense(7, false), &[TOKENS]),
        alone("dense of an image", dense(3, true), &[IMAGE]),
        alone("matmul", Op::MatMul(MatMul), &[TOKENS, &[8, 3]]),
        alone("matmul of heads", Op::MatMul(MatMul), &[&[2, 5, 4], &[2, 4, 5]]),
    ]
}

fn views() -> Vec<(String, Graph)> {
    let reshape = |dims: &[usize]| Op::Reshape(Reshape { shape: Shape::from(dims) });
    let slice = |axis, start, length| Op::Slice(Slice { axis, start, length });
    let transpose = |order: &[usize]| Op::Transpose(Transpose { permutation: order.to_vec() });
    vec![
        alone("reshape", reshape(&[8, 36]), &[IMAGE]),
        alone("reshape of tokens to heads", reshape(&[5, 2, 4]), &[TOKENS]),
        alone("transpose of tokens", transpose(&[1, 0]), &[TOKENS]),
        alone("transpose of an image", transpose(&[2, 0, 1]), &[IMAGE]),
        alone("transpose of heads", transpose(&[1, 2, 0, 3]), &[&[2, 3, 4, 2]]),
        alone("flatten", Op::Flatten(Flatten), &[IMAGE]),
        alone("flatten of a vector", Op::Flatten(Flatten), &[VECTOR]),
        alone("concat of channels", Op::Concat(Concat { axis: 0 }), &[IMAGE, &[2, 9, 8], IMAGE]),
        alone("concat, innermost", Op::Concat(Concat { axis: 1 }), &[TOKENS, &[5, 3]]),
        alone("slice of channels", slice(0, 1, 2), &[IMAGE]),
        alone("slice, innermost", slice(1, 3, 5), &[TOKENS]),
        alone("slice of all", slice(0, 0, 6), &[VECTOR]),
        alone("concat of one", Op::Concat(Concat { axis: 0 }), &[VECTOR]),
    ]
}

/// The network of one operator with an input for each shape.
fn alone(name: &str, op: Op, shapes: &[&[usize]]) -> (String, Graph) {
    let mut builder = GraphBuilder::new();
    let mut input =
        |(index, &dims): (usize, &&[usize])| builder.input(format!("input{index}"), Shape::from(dims)).expect("small");
    let inputs: Vec<_> = shapes.iter().enumerate().map(&mut input).collect();
    let output = builder.add("alone", op, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
    (name.to_owned(), builder.finish(&[output]).expect("it has inputs and an output"))
}
