//! Random graphs: operators with random attributes on random earlier nodes, as far as the builder takes them.

use crate::graph::{Graph, GraphBuilder, NodeId};
use crate::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, Flatten, GlobalAvgPool, Identity, LayerNorm, MatMul,
    MaxPool, Mul, Op, Reshape, Slice, Softmax, Transpose, Zero,
};
use crate::shape::Shape;
use crate::window::Window;

use super::Choose;

/// Most nodes besides the input.
const MOST_NODES: usize = 12;

/// Most proposals; many are refused, such as a convolution of a vector.
const MOST_PROPOSALS: usize = 200;

/// Most elements of a tensor, so that a test of many graphs is quick.
const MOST_ELEMENTS: u64 = 4096;

/// A graph of 1 to 12 operators over an image, a series, tokens or a vector. Its outputs are all nodes that no other
/// node takes, so every node counts.
pub fn random_graph(choose: Choose<'_>) -> Graph {
    let mut builder = GraphBuilder::new();
    let input = builder.input("input", input_shape(choose)).expect("input shapes are small");
    let mut nodes = vec![input];
    let target = 2 + choose(MOST_NODES);
    for _ in 0..MOST_PROPOSALS {
        if nodes.len() == target {
            break;
        }
        nodes.extend(grow(&mut builder, &nodes, choose));
    }
    with_unused_as_outputs(builder, &nodes)
}

fn input_shape(choose: Choose<'_>) -> Shape {
    let shapes: [&[usize]; 6] = [&[3, 8, 8], &[4, 7, 9], &[4, 16], &[6, 8], &[12], &[1, 6, 6]];
    Shape::from(shapes[choose(shapes.len())])
}

/// Adds a random operator, unless the builder refuses it.
fn grow(builder: &mut GraphBuilder, nodes: &[NodeId], choose: Choose<'_>) -> Option<NodeId> {
    let first = recent(nodes, choose);
    let op = random_op(builder.shape(first), choose);
    let inputs = match *op.arity().start() > 1 || matches!(op, Op::Concat(_)) {
        true => vec![first, partner(builder, &op, first, nodes, choose)?],
        false => vec![first],
    };
    let shapes: Vec<&Shape> = inputs.iter().map(|&id| builder.shape(id)).collect();
    let fits =
        op.output_shape(&shapes).is_ok_and(|shape| shape.defect().is_none() && shape.elements() <= MOST_ELEMENTS);
    fits.then(|| builder.add(format!("n{}", nodes.len()), op, &inputs).expect("its shapes were checked"))
}

/// One of the nodes, the last ones more often, so that graphs are deep rather than wide.
fn recent(nodes: &[NodeId], choose: Choose<'_>) -> NodeId {
    let (a, b) = (choose(nodes.len()), choose(nodes.len()));
    nodes[a.max(b)]
}

/// A second input that the operator takes beside the first, the search beginning at a random node.
fn partner(builder: &GraphBuilder, op: &Op, first: NodeId, nodes: &[NodeId], choose: Choose<'_>) -> Option<NodeId> {
    let start = choose(nodes.len());
    let (before, after) = nodes.split_at(start);
    let fits = |id: &&NodeId| op.output_shape(&[builder.shape(first), builder.shape(**id)]).is_ok();
    after.iter().chain(before).find(fits).copied()
}

fn random_op(input: &Shape, choose: Choose<'_>) -> Op {
    match choose(19) {
        0..=2 => Op::Conv(random_conv(input, choose)),
        3 => Op::BatchNorm(BatchNorm::default()),
        4 | 5 => Op::Activation(Activation::ALL[choose(Activation::ALL.len())]),
        6 => Op::MaxPool(MaxPool { window: pool_window(input, choose) }),
        7 => Op::AvgPool(AvgPool { window: pool_window(input, choose), count_include_pad: choose(2) == 0 }),
        8 => Op::GlobalAvgPool(GlobalAvgPool),
        9 => Op::Dense(Dense { out_features: 1 + choose(12), bias: choose(2) == 0 }),
        10 => Op::Add(Add),
        11 => Op::Mul(Mul),
        12 => Op::Concat(Concat { axis: choose(input.rank()) }),
        13 => Op::Softmax(Softmax { axis: choose(input.rank()) }),
        14 => Op::LayerNorm(LayerNorm::default()),
        15 => Op::MatMul(MatMul),
        16 => random_view(input, choose),
        17 => Op::Slice(random_slice(input, choose)),
        _ => [Op::Identity(Identity), Op::Zero(Zero), Op::Flatten(Flatten)][choose(3)].clone(),
    }
}

fn random_slice(input: &Shape, choose: Choose<'_>) -> Slice {
    let axis = choose(input.rank());
    let start = choose(input.dims()[axis]);
    Slice { axis, start, length: 1 + choose(input.dims()[axis] - start) }
}

fn random_conv(input: &Shape, choose: Choose<'_>) -> Conv {
    let channels = input.channels();
    let groups = match choose(3) {
        0 => channels,
        1 if channels.is_multiple_of(2) => 2,
        _ => 1,
    };
    let out_channels = groups * (1 + choose(12 / groups.min(12)));
    Conv { out_channels, window: conv_window(input, choose), groups, bias: choose(2) == 0 }
}

fn conv_window(input: &Shape, choose: Choose<'_>) -> Window {
    random_window(input, 1 + choose(2), choose)
}

fn pool_window(input: &Shape, choose: Choose<'_>) -> Window {
    random_window(input, 1, choose)
}

/// Kernel, stride and padding differ from axis to axis, and padding from side to side but stays below the kernel.
fn random_window(input: &Shape, dilation: usize, choose: Choose<'_>) -> Window {
    let axes = input.spatial().len();
    let kernel: Vec<usize> = (0..axes).map(|_| 1 + choose(4)).collect();
    let mut padding = || kernel.iter().map(|&kernel| choose(kernel)).collect();
    let (padding_begin, padding_end) = (padding(), padding());
    let stride = (0..axes).map(|_| 1 + choose(2)).collect();
    Window { kernel, stride, padding_begin, padding_end, dilation: vec![dilation; axes] }
}

/// A transposition by a rotation, or a reshape that moves a factor of the last dimension to the front.
fn random_view(input: &Shape, choose: Choose<'_>) -> Op {
    let mut permutation: Vec<usize> = (0..input.rank()).collect();
    if choose(2) == 0 {
        permutation.rotate_left(choose(input.rank()));
        return Op::Transpose(Transpose { permutation });
    }
    let mut dims = input.dims().to_vec();
    let last = dims.len() - 1;
    let factor = if dims[last].is_multiple_of(2) { 2 } else { 1 };
    dims[last] /= factor;
    dims.insert(0, factor);
    Op::Reshape(Reshape { shape: Shape::new(dims) })
}

fn with_unused_as_outputs(builder: GraphBuilder, nodes: &[NodeId]) -> Graph {
    let draft = builder.clone().finish(nodes).expect("it has an input and outputs");
    let counts = draft.use_counts();
    // Each node is used once as an output of the draft.
    let outputs: Vec<NodeId> = nodes.iter().copied().filter(|id| counts[id.index()] == 1).collect();
    builder.finish(&outputs).expect("the last node is an output")
}
