//! The order of operations that a graph runs as, made once for each network.

use std::sync::Arc;

use edgefit_graph::op::Slice;
use edgefit_graph::{Graph, Node, NodeId, Op, Role, Shape, Window};

use super::block::{Block, Order, part};
use super::fuse::{Fused, chain_from, only_readers};
use crate::backend::{ChainCall, PoolCall};
use crate::error::TrainError;
use crate::kernel::pool::{Pool, PoolKind, PoolShape};

/// One operation.
#[derive(Debug)]
pub(crate) struct Step {
    /// The node whose output this computes.
    pub(crate) output: NodeId,
    /// The nodes whose outputs it takes.
    pub(crate) inputs: Vec<NodeId>,
    /// What it does.
    pub(crate) action: Action,
}

/// What an operation does.
#[derive(Debug)]
pub(crate) enum Action {
    /// A chain of nodes with one block of parameters.
    Chain(ChainStep),
    /// Pooling over windows.
    Pool(Arc<PoolCall>),
    /// Mean over all positions.
    GlobalMean,
    /// Product of an image with one factor a channel; the image is input 0.
    Gate,
    /// Elementwise sum.
    Add,
    /// Elementwise product.
    Mul,
    /// Join along an axis.
    Concat(usize),
    /// A run of elements along an axis.
    Slice(Slice),
    /// Softmax along an axis.
    Softmax(usize),
    /// Normalization over the innermost dimension: block, epsilon.
    LayerNorm(usize, f32),
    /// Product of matrices.
    MatMul,
    /// Another shape for the same elements.
    Reshape,
    /// Another order of the dimensions.
    Transpose(Vec<usize>),
    /// The input itself.
    Copy,
    /// Zeros.
    Zero,
}

/// A chain and where its parameters are.
#[derive(Debug)]
pub(crate) struct ChainStep {
    pub(crate) fused: Fused,
    pub(crate) call: Arc<ChainCall>,
    pub(crate) block: usize,
}

/// A graph as operations and blocks of parameters.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) steps: Vec<Step>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) outputs: Vec<NodeId>,
}

impl Plan {
    /// Plans what the given outputs need.
    ///
    /// # Errors
    /// If an operator cannot be run on its inputs.
    pub(crate) fn new(graph: &Graph, outputs: Vec<NodeId>) -> Result<Self, TrainError> {
        let readers = only_readers(graph);
        let mut left = needed(graph, &outputs);
        let mut plan = Self { inputs: graph.inputs().collect(), steps: Vec::new(), blocks: Vec::new(), outputs };
        for (id, node) in graph.iter() {
            if left[id.index()] {
                plan.add(graph, id, node, &readers, &mut left)?;
            }
        }
        Ok(plan)
    }

    fn add(
        &mut self,
        graph: &Graph,
        id: NodeId,
        node: &Node,
        readers: &[Option<NodeId>],
        left: &mut [bool],
    ) -> Result<(), TrainError> {
        if let Op::Input(_) = node.op {
            return Ok(());
        }
        if let Some(fused) = chain_from(graph, id, readers) {
            fused.nodes.iter().for_each(|n| left[n.index()] = false);
            let (call, block) = fused.compile(graph);
            let block = self.block(block);
            let output = *fused.nodes.last().expect("a chain has a node");
            let inputs = vec![fused.input];
            self.steps.push(Step { output, inputs, action: Action::Chain(ChainStep { fused, call, block }) });
            return Ok(());
        }
        let mut inputs = node.inputs.clone();
        let action = self.action(graph, id, node, &mut inputs)?;
        self.steps.push(Step { output: id, inputs, action });
        Ok(())
    }

    fn block(&mut self, block: Block) -> usize {
        self.blocks.push(block);
        self.blocks.len() - 1
    }

    fn action(&mut self, graph: &Graph, id: NodeId, node: &Node, inputs: &mut [NodeId]) -> Result<Action, TrainError> {
        let input = &graph.node(inputs[0]).shape;
        Ok(match &node.op {
            Op::MaxPool(op) => pool(PoolKind::Max, &op.window, input, &node.shape),
            Op::AvgPool(op) if op.count_include_pad => pool(PoolKind::MeanWithPadding, &op.window, input, &node.shape),
            Op::AvgPool(op) => pool(PoolKind::Mean, &op.window, input, &node.shape),
            Op::GlobalAvgPool(_) => Action::GlobalMean,
            Op::Add(_) => Action::Add,
            Op::Mul(_) => multiplication(graph, inputs),
            Op::Concat(op) => Action::Concat(op.axis),
            Op::Slice(op) => Action::Slice(op.clone()),
            Op::Softmax(op) => Action::Softmax(op.axis),
            Op::LayerNorm(op) => Action::LayerNorm(self.block(layer_norm(id, node.shape.last())), op.epsilon()),
            Op::MatMul(_) => Action::MatMul,
            Op::Reshape(_) | Op::Flatten(_) => Action::Reshape,
            Op::Transpose(op) => Action::Transpose(op.permutation.clone()),
            Op::Identity(_) => Action::Copy,
            Op::Zero(_) => Action::Zero,
            Op::Input(_) | Op::Conv(_) | Op::BatchNorm(_) | Op::Activation(_) | Op::Dense(_) => {
                return Err(TrainError::node(
                    graph,
                    id,
                    "has no place in the plan, although a chain should begin with it",
                ));
            }
        })
    }
}

/// Whether each node is needed for the outputs.
fn needed(graph: &Graph, outputs: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    outputs.iter().for_each(|id| needed[id.index()] = true);
    for at in (0..needed.len()).rev() {
        if needed[at] {
            graph.nodes()[at].inputs.iter().for_each(|input| needed[input.index()] = true);
        }
    }
    needed
}

/// The node that gives a classifier's scores: its output, or what a softmax at the end takes, which the loss wants instead.
///
/// # Errors
/// If the graph has more than one input or output, or does not give a vector.
pub(crate) fn scores(graph: &Graph) -> Result<NodeId, TrainError> {
    only(graph.inputs(), "input")?;
    let output = only(graph.outputs().iter().copied(), "output")?;
    let scores = match &graph.node(output).op {
        Op::Softmax(_) => graph.node(output).inputs[0],
        _ => output,
    };
    let shape = &graph.node(scores).shape;
    if shape.rank() != 1 {
        return Err(TrainError::Network(format!("gives {shape} for a sample; a classifier gives one score a class")));
    }
    Ok(scores)
}

fn only(mut ids: impl Iterator<Item = NodeId>, what: &str) -> Result<NodeId, TrainError> {
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id),
        _ => Err(TrainError::Network(format!("must have one {what} to be trained as a classifier"))),
    }
}

fn layer_norm(id: NodeId, features: usize) -> Block {
    let mut parts = Vec::new();
    part(&mut parts, id, Role::Scale, &(0..features), Order::Same);
    part(&mut parts, id, Role::Shift, &(features..2 * features), Order::Same);
    Block { parts, parameters: 2 * features, decayed: 0, statistics: 0 }
}

/// A product with one factor a channel has a kernel of its own.
fn multiplication(graph: &Graph, inputs: &mut [NodeId]) -> Action {
    let is_gate = |x: &Shape, factors: &Shape| {
        (2..=3).contains(&x.rank()) && x.channels() == factors.channels() && factors.spatial().iter().all(|&d| d == 1)
    };
    let shape = |at: usize| &graph.node(inputs[at]).shape;
    if is_gate(shape(0), shape(1)) {
        return Action::Gate;
    }
    if is_gate(shape(1), shape(0)) {
        inputs.swap(0, 1);
        return Action::Gate;
    }
    Action::Mul
}

fn pool(kind: PoolKind, window: &Window, input: &Shape, output: &Shape) -> Action {
    let two = |values: &[usize], of_one: usize| match *values {
        [y, x] => [y, x],
        [x] => [of_one, x],
        _ => [of_one, of_one],
    };
    let shape = PoolShape {
        kind,
        input: two(input.spatial(), 1),
        output: two(output.spatial(), 1),
        channels: input.channels(),
        kernel: two(&window.kernel, 1),
        stride: two(&window.stride, 1),
        dilation: two(&window.dilation, 1),
        padding: two(&window.padding_begin, 0),
    };
    let mut dims = vec![1; 5 - output.rank()];
    dims.extend(output.spatial());
    dims.push(output.channels());
    Action::Pool(Arc::new(PoolCall { pool: Pool::new(shape), out_dims: dims }))
}
