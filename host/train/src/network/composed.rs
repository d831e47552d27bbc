//! Operations composed of burn's own, for every backend, with the channels first.
//!
//! They are what runs on a GPU, and what the kernels are tested and measured against.

use burn::tensor::activation;
use burn::tensor::module;
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, s};
use edgefit_graph::op::{Activation, Slice};
use edgefit_graph::{Graph, NodeId, Op, Role, Shape};

use super::block::{Block, Order, Part};
use super::fuse::Fused;
use super::value::{Layout, RANK, Value, padded, padded_axis};
use crate::backend::PoolCall;
use crate::kernel::pool::PoolKind;

type Wide = Tensor<RANK>;

/// As `[batch, channels, height, width]`.
fn image(value: Value) -> Tensor<4> {
    let (batch, shape) = (value.batch(), value.shape().clone());
    let (height, width) = plane(&shape);
    value.in_order().reshape([batch, shape.channels(), height, width])
}

fn plane(shape: &Shape) -> (usize, usize) {
    match *shape.spatial() {
        [height, width] => (height, width),
        ref others => (1, others.iter().product()),
    }
}

fn value<const D: usize>(tensor: Tensor<D>, shape: &Shape) -> Value {
    let batch = tensor.dims()[0];
    Value::new(tensor.reshape(padded(batch, shape.dims())), shape, Layout::First)
}

/// Pools over windows.
pub(crate) fn pool(call: &PoolCall, x: Value, shape: &Shape) -> Value {
    let pool = &call.pool.shape;
    let behind = |axis: usize| {
        let span = pool.dilation[axis] * (pool.kernel[axis] - 1) + 1;
        ((pool.output[axis] - 1) * pool.stride[axis] + span).saturating_sub(pool.input[axis] + pool.padding[axis])
    };
    let pairs = [(pool.padding[0], behind(0)), (pool.padding[1], behind(1))];
    let x = image(x);
    let y = match pool.kind {
        PoolKind::Max => {
            let options = MaxPoolOptions::new(pool.kernel).with_stride(pool.stride).with_dilation(pool.dilation);
            module::max_pool2d(x, options.with_padding_pairs(pairs))
        }
        PoolKind::Mean | PoolKind::MeanWithPadding => {
            let counts = pool.kind == PoolKind::MeanWithPadding;
            let options = AvgPoolOptions::new(pool.kernel).with_stride(pool.stride).with_padding_pairs(pairs);
            module::avg_pool2d(x, options.with_count_include_pad(counts))
        }
    };
    let y = y.slice(s![.., .., 0..pool.output[0], 0..pool.output[1]]);
    value(y, shape)
}

/// Mean over all positions.
pub(crate) fn global_mean(x: Value, shape: &Shape) -> Value {
    let batch = x.batch();
    let positions: usize = x.shape().spatial().iter().product();
    let x = x.in_order().reshape([batch, shape.channels(), positions]);
    value(x.mean_dim(2), shape)
}

/// An elementwise operation with broadcasting.
pub(crate) fn binary(a: Value, b: Value, shape: &Shape, f: impl Fn(Wide, Wide) -> Wide) -> Value {
    let layout = a.layout();
    let b = b.in_layout(layout);
    Value::new(f(a.tensor(), b), shape, layout)
}

/// Joins along an axis.
pub(crate) fn concat(axis: usize, first: Value, rest: Vec<Value>, shape: &Shape) -> Value {
    let layout = first.layout();
    let at = axis_in(layout, shape, axis);
    let tensors = std::iter::once(first).chain(rest).map(|v| v.in_layout(layout)).collect();
    Value::new(Tensor::cat(tensors, at), shape, layout)
}

/// The axis of a tensor in a layout that is this axis of its shape.
fn axis_in(layout: Layout, shape: &Shape, axis: usize) -> usize {
    match layout {
        Layout::First => padded_axis(shape, axis),
        Layout::Last => padded_axis(shape, (axis + shape.rank() - 1) % shape.rank()),
    }
}

/// A run of elements along an axis.
pub(crate) fn slice(slice: &Slice, x: Value, shape: &Shape) -> Value {
    let layout = x.layout();
    let at = axis_in(layout, shape, slice.axis);
    Value::new(x.in_layout(layout).narrow(at, slice.start, slice.length), shape, layout)
}

/// Softmax along an axis.
pub(crate) fn softmax(axis: usize, x: Value, shape: &Shape) -> Value {
    Value::new(activation::softmax(x.in_order(), padded_axis(shape, axis)), shape, Layout::First)
}

/// Normalization over the innermost dimension; `parameters` are scale and shift.
pub(crate) fn layer_norm(x: Value, parameters: &Tensor<1>, epsilon: f32) -> Value {
    let shape = x.shape().clone();
    let features = shape.last();
    let part = |at: usize| parameters.clone().narrow(0, at, features);
    let y = module::layer_norm(x.in_order(), part(0), Some(part(features)), f64::from(epsilon));
    Value::new(y, &shape, Layout::First)
}

/// Another order of the dimensions.
pub(crate) fn transpose(permutation: &[usize], x: Value, shape: &Shape) -> Value {
    let mut axes: [isize; RANK] = std::array::from_fn(|i| i as isize);
    for (i, &from) in permutation.iter().enumerate() {
        axes[padded_axis(shape, i)] = padded_axis(shape, from) as isize;
    }
    Value::new(x.in_order().permute(axes), shape, Layout::First)
}

/// A nonlinearity.
pub(crate) fn activate(activation: Activation, x: Wide) -> Wide {
    match activation {
        Activation::Relu => activation::relu(x),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::HardSigmoid => hard_sigmoid(x),
        Activation::HardSwish => x.clone() * hard_sigmoid(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Silu => activation::silu(x),
        Activation::Gelu => activation::gelu(x),
    }
}

fn hard_sigmoid(x: Wide) -> Wide {
    (x / 6.0 + 0.5).clamp(0.0, 1.0)
}

/// A chain of nodes run one by one.
pub(crate) struct ChainContext<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) fused: &'a Fused,
    pub(crate) block: &'a Block,
    pub(crate) parameters: &'a Tensor<1>,
    pub(crate) statistics: &'a Tensor<1>,
}

impl ChainContext<'_> {
    /// The output and, in training, the batch's statistics in the block's layout.
    pub(crate) fn run(&self, input: Value, training: bool) -> (Value, Option<Tensor<1>>) {
        let mut current = input.clone();
        let mut seen = Vec::new();
        for &id in &self.fused.nodes {
            let shape = &self.graph.node(id).shape;
            current = match &self.graph.node(id).op {
                Op::Conv(_) => self.conv(id, current, shape),
                Op::Dense(_) => self.dense(id, current, shape),
                Op::BatchNorm(norm) if training => self.norm_train(id, norm.epsilon(), current, shape, &mut seen),
                Op::BatchNorm(norm) => self.norm_infer(id, norm.epsilon(), current, shape),
                Op::Activation(activation) => {
                    let layout = current.layout();
                    Value::new(activate(*activation, current.tensor()), shape, layout)
                }
                // The sum at the end of a residual chain, the only other node that a chain has.
                _ => binary(current, input.clone(), shape, |a, b| a + b),
            };
        }
        let seen = (!seen.is_empty()).then(|| Tensor::cat(seen, 0));
        (current, seen)
    }

    fn part(&self, id: NodeId, role: Role) -> Option<&Part> {
        self.block.parts.iter().find(|p| p.id.node == id && p.id.role == role)
    }

    fn numbers(&self, id: NodeId, role: Role) -> Option<Tensor<1>> {
        let part = self.part(id, role)?;
        let from = if role.is_trainable() { self.parameters } else { self.statistics };
        Some(from.clone().narrow(0, part.range.start, part.range.len()))
    }

    fn needed(&self, id: NodeId, role: Role) -> Tensor<1> {
        self.numbers(id, role).expect("the block holds every parameter of its nodes")
    }

    /// The kernel as `[out, in / groups, height, width]`.
    fn kernel(&self, id: NodeId, dims: [usize; 4]) -> Tensor<4> {
        let [outs, ins, height, width] = dims;
        let flat = self.needed(id, Role::Weight);
        let order = self.part(id, Role::Weight).map_or(Order::Same, |p| p.order);
        match order {
            Order::Same => flat.reshape(dims),
            Order::Depthwise => flat.reshape([height * width, outs]).transpose().reshape(dims),
            Order::Grouped(groups) => {
                let blocks = flat.reshape([groups, height * width, ins, outs / groups]);
                blocks.permute([0, 3, 2, 1]).reshape(dims)
            }
        }
    }

    fn conv(&self, id: NodeId, x: Value, shape: &Shape) -> Value {
        let Op::Conv(conv) = &self.graph.node(id).op else { return x };
        let two = |values: &[usize], of_one: usize| match *values {
            [y, x] => [y, x],
            [x] => [of_one, x],
            _ => [of_one, of_one],
        };
        let window = &conv.window;
        let (begin, end) = (two(&window.padding_begin, 0), two(&window.padding_end, 0));
        let [height, width] = two(&window.kernel, 1);
        let options = ConvOptions::new_with_padding(
            two(&window.stride, 1),
            [(begin[0], end[0]), (begin[1], end[1])],
            two(&window.dilation, 1),
            conv.groups,
        );
        let kernel = self.kernel(id, [conv.out_channels, x.shape().channels() / conv.groups, height, width]);
        value(module::conv2d(image(x), kernel, self.numbers(id, Role::Bias), options), shape)
    }

    fn dense(&self, id: NodeId, x: Value, shape: &Shape) -> Value {
        let (batch, ins, outs) = (x.batch(), x.shape().last(), shape.last());
        let rows = x.shape().elements() as usize / ins;
        let weight = self.needed(id, Role::Weight).reshape([ins, outs]);
        let y = x.in_order().reshape([batch * rows, ins]).matmul(weight);
        let y = match self.numbers(id, Role::Bias) {
            Some(bias) => y + bias.reshape([1, outs]),
            None => y,
        };
        Value::new(y.reshape(padded(batch, shape.dims())), shape, Layout::First)
    }

    fn norm_train(&self, id: NodeId, epsilon: f32, x: Value, shape: &Shape, seen: &mut Vec<Tensor<1>>) -> Value {
        let (scale, shift) = (self.needed(id, Role::Scale), self.needed(id, Role::Shift));
        let result = module::batch_norm_train(image(x), scale, shift, f64::from(epsilon));
        seen.extend([result.mean.inner(), result.variance.inner()]);
        value(result.output, shape)
    }

    fn norm_infer(&self, id: NodeId, epsilon: f32, x: Value, shape: &Shape) -> Value {
        let (scale, shift) = (self.needed(id, Role::Scale), self.needed(id, Role::Shift));
        let (mean, variance) = (self.needed(id, Role::RunningMean), self.needed(id, Role::RunningVariance));
        value(module::batch_norm(image(x), scale, shift, mean, variance, f64::from(epsilon)), shape)
    }
}
