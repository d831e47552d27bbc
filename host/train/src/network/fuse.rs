//! Finds the chains of nodes that run as one operation: convolutions or dense layers with the normalizations and nonlinearities
//! around them, while each result has one reader, and the sum with the chain's own input at its end.

use std::sync::Arc;

use edgefit_graph::op::{Activation, Conv};
use edgefit_graph::{Graph, NodeId, Op, Role, Shape};

use super::block::{Block, Order, part};
use crate::backend::ChainCall;
use crate::kernel::chain::{Body, Chain, StageSpec};
use crate::kernel::convolution::Geometry;

/// What the channels of a chain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The leading dimension of an image or a series: convolutions and their normalizations.
    Images,
    /// The innermost dimension of tokens: dense layers.
    Tokens,
    /// The only dimension of a feature vector: all of them.
    Vectors,
}

/// A chain of nodes.
#[derive(Debug)]
pub(crate) struct Fused {
    /// The node whose output the chain reads.
    pub(crate) input: NodeId,
    /// The nodes in order; the last one's output is the chain's.
    pub(crate) nodes: Vec<NodeId>,
    /// The last node adds the chain's input.
    pub(crate) residual: bool,
    /// What its channels are.
    pub(crate) family: Family,
}

/// Nodes of one stage: at most one of each, in this order.
#[derive(Debug, Default)]
struct StageNodes {
    body: Option<NodeId>,
    norm: Option<NodeId>,
    activation: Option<NodeId>,
}

fn family(graph: &Graph, id: NodeId) -> Option<Family> {
    let node = graph.node(id);
    let input = &graph.node(*node.inputs.first()?).shape;
    match &node.op {
        Op::Conv(_) => Some(Family::Images),
        Op::BatchNorm(_) => Some(of_channels(input)),
        Op::Dense(_) => Some(if input.rank() == 1 { Family::Vectors } else { Family::Tokens }),
        _ => None,
    }
}

/// Whether a node can be part of a chain of this family; nonlinearities can be part of any.
fn joins(graph: &Graph, id: NodeId, wanted: Family) -> bool {
    matches!(graph.node(id).op, Op::Activation(_)) || family(graph, id) == Some(wanted)
}

/// The only reader of each node, if it has exactly one.
pub(crate) fn only_readers(graph: &Graph) -> Vec<Option<NodeId>> {
    let uses = graph.use_counts();
    let mut readers = vec![None; uses.len()];
    for (id, node) in graph.iter() {
        for input in node.inputs.iter().filter(|i| uses[i.index()] == 1) {
            readers[input.index()] = Some(id);
        }
    }
    readers
}

/// The longest chain that begins at a node, or `None` if none does.
pub(crate) fn chain_from(graph: &Graph, first: NodeId, readers: &[Option<NodeId>]) -> Option<Fused> {
    let is_activation = matches!(graph.node(first).op, Op::Activation(_));
    let next = readers[first.index()];
    let family = match is_activation {
        true => next.and_then(|n| family(graph, n)).unwrap_or_else(|| of_channels(&graph.node(first).shape)),
        false => family(graph, first)?,
    };
    let mut nodes = vec![first];
    let mut last = first;
    while let Some(next) = readers[last.index()].filter(|&n| joins(graph, n, family)) {
        nodes.push(next);
        last = next;
    }
    let input = graph.node(first).inputs[0];
    let sum = readers[last.index()].filter(|&n| adds(graph, n, last, input));
    nodes.extend(sum);
    Some(Fused { input, nodes, residual: sum.is_some(), family })
}

/// The family whose channels are the leading dimension.
fn of_channels(shape: &Shape) -> Family {
    if shape.rank() == 1 { Family::Vectors } else { Family::Images }
}

fn adds(graph: &Graph, sum: NodeId, last: NodeId, input: NodeId) -> bool {
    let node = graph.node(sum);
    let is_both = node.inputs == [last, input] || node.inputs == [input, last];
    matches!(node.op, Op::Add(_)) && is_both && graph.node(last).shape == graph.node(input).shape
}

impl Fused {
    /// The operation and the parameters it needs.
    pub(crate) fn compile(&self, graph: &Graph) -> (Arc<ChainCall>, Block) {
        let (before, stages) = self.stages(graph);
        let specs = stages.iter().map(|stage| self.spec(graph, stage)).collect();
        let chain = Chain::new(before, specs, self.residual);
        let block = block(graph, &stages, &chain);
        let last = self.nodes.last().expect("a chain has a node");
        let call = ChainCall { chain, out_dims: self.dims(&graph.node(*last).shape) };
        (Arc::new(call), block)
    }

    /// The output's dimensions without the batch, channels last, padded in front to five.
    fn dims(&self, shape: &Shape) -> Vec<usize> {
        let mut dims = shape.dims().to_vec();
        if self.family == Family::Images {
            dims.rotate_left(1);
        }
        let mut padded = vec![1; 5 - dims.len()];
        padded.extend(dims);
        padded
    }

    /// Splits the nodes into stages; a nonlinearity in front of a body belongs to the input.
    fn stages(&self, graph: &Graph) -> (Option<Activation>, Vec<StageNodes>) {
        let mut nodes = &self.nodes[..self.nodes.len() - usize::from(self.residual)];
        let mut before = None;
        if let [first, _, ..] = nodes
            && let Op::Activation(activation) = graph.node(*first).op
        {
            before = Some(activation);
            nodes = &nodes[1..];
        }
        let mut stages: Vec<StageNodes> = Vec::new();
        for &id in nodes {
            place(graph, id, &mut stages);
        }
        (before, stages)
    }

    fn spec(&self, graph: &Graph, stage: &StageNodes) -> StageSpec {
        let (body, bias) = match stage.body {
            Some(id) => self.body(graph, id),
            None => (self.pass(graph, stage), false),
        };
        let norm = stage.norm.and_then(|id| match &graph.node(id).op {
            Op::BatchNorm(norm) => Some(norm.epsilon()),
            _ => None,
        });
        let activation = stage.activation.and_then(|id| match graph.node(id).op {
            Op::Activation(activation) => Some(activation),
            _ => None,
        });
        StageSpec { body, bias, norm, activation }
    }

    fn body(&self, graph: &Graph, id: NodeId) -> (Body, bool) {
        let node = graph.node(id);
        let input = &graph.node(node.inputs[0]).shape;
        match &node.op {
            Op::Conv(conv) => (Body::convolution(conv_geometry(conv, input, &node.shape)), conv.bias),
            Op::Dense(dense) => (Body::convolution(dense_geometry(input, dense.out_features)), dense.bias),
            _ => (self.pass(graph, &StageNodes { norm: Some(id), ..StageNodes::default() }), false),
        }
    }

    fn pass(&self, graph: &Graph, stage: &StageNodes) -> Body {
        let id = stage.norm.or(stage.activation).expect("a stage has a node");
        let shape = &graph.node(id).shape;
        let channels = if self.family == Family::Tokens { shape.last() } else { shape.channels() };
        Body::Pass { floats: shape.elements() as usize, channels }
    }
}

/// Puts a node into the last stage if its place there is free, else into a new one.
fn place(graph: &Graph, id: NodeId, stages: &mut Vec<StageNodes>) {
    let last = stages.last_mut();
    match (&graph.node(id).op, last) {
        (Op::BatchNorm(_), Some(stage)) if stage.norm.is_none() && stage.activation.is_none() => stage.norm = Some(id),
        (Op::BatchNorm(_), _) => stages.push(StageNodes { norm: Some(id), ..StageNodes::default() }),
        (Op::Activation(_), Some(stage)) if stage.activation.is_none() => stage.activation = Some(id),
        (Op::Activation(_), _) => stages.push(StageNodes { activation: Some(id), ..StageNodes::default() }),
        _ => stages.push(StageNodes { body: Some(id), ..StageNodes::default() }),
    }
}

fn block(graph: &Graph, stages: &[StageNodes], chain: &Chain) -> Block {
    let mut parts = Vec::new();
    for (stage, at) in stages.iter().zip(chain.layouts()) {
        if let Some(id) = stage.body {
            part(&mut parts, id, Role::Weight, &at.weight, order(graph, id));
            part(&mut parts, id, Role::Bias, &at.bias, Order::Same);
        }
        if let Some(id) = stage.norm {
            part(&mut parts, id, Role::Scale, &at.scale, Order::Same);
            part(&mut parts, id, Role::Shift, &at.shift, Order::Same);
            part(&mut parts, id, Role::RunningMean, &at.mean, Order::Same);
            part(&mut parts, id, Role::RunningVariance, &at.variance, Order::Same);
        }
    }
    Block { parts, parameters: chain.parameters(), decayed: chain.kernels(), statistics: chain.statistics() }
}

fn order(graph: &Graph, id: NodeId) -> Order {
    let node = graph.node(id);
    let channels = graph.node(node.inputs[0]).shape.channels();
    match &node.op {
        Op::Conv(conv) if conv.groups > 1 && conv.groups == channels && conv.out_channels == channels => {
            Order::Depthwise
        }
        Op::Conv(conv) => Order::Grouped(conv.groups),
        _ => Order::Same,
    }
}

/// A value for each of two axes; a series gets `of_one` for the axis that it does not have.
fn two(values: &[usize], of_one: usize) -> [usize; 2] {
    match *values {
        [y, x] => [y, x],
        [x] => [of_one, x],
        _ => [of_one, of_one],
    }
}

fn conv_geometry(conv: &Conv, input: &Shape, output: &Shape) -> Geometry {
    let window = &conv.window;
    let (begin, end) = (two(&window.padding_begin, 0), two(&window.padding_end, 0));
    Geometry {
        input: two(input.spatial(), 1),
        in_channels: input.channels(),
        output: two(output.spatial(), 1),
        out_channels: conv.out_channels,
        kernel: two(&window.kernel, 1),
        stride: two(&window.stride, 1),
        dilation: two(&window.dilation, 1),
        padding: [[begin[0], end[0]], [begin[1], end[1]]],
        groups: conv.groups,
    }
}

/// A dense layer is a pointwise convolution over its tokens.
fn dense_geometry(input: &Shape, out_features: usize) -> Geometry {
    let tokens = input.elements() as usize / input.last();
    Geometry {
        input: [1, tokens],
        in_channels: input.last(),
        output: [1, tokens],
        out_channels: out_features,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [[0; 2]; 2],
        groups: 1,
    }
}
