//! Blocks of parameters: the parameters of the nodes that run as one operation, as one flat tensor in the layout of its kernel.
//!
//! An optimizer then updates a few tensors instead of many small ones. Numbers under weight decay come first.

use std::ops::Range;

use edgefit_graph::{Graph, ParamId, Role, Tensor, Weights};

/// How a graph's kernel of shape `[out, in / groups, taps...]` lies in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As in the graph.
    Same,
    /// `[group][tap][in / groups][out / groups]`.
    Grouped(usize),
    /// `[tap][channel]`.
    Depthwise,
}

/// One parameter of a block.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) id: ParamId,
    /// Where it lies: among the parameters, or among the statistics for running means and variances.
    pub(crate) range: Range<usize>,
    pub(crate) order: Order,
}

/// The parameters of one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    pub(crate) parts: Vec<Part>,
    /// Trainable numbers.
    pub(crate) parameters: usize,
    /// The first so many of them are under weight decay.
    pub(crate) decayed: usize,
    /// Running statistics.
    pub(crate) statistics: usize,
}

/// Numbers of a block: trainable ones, then statistics.
pub(crate) type Values = (Vec<f32>, Vec<f32>);

impl Block {
    /// The block's numbers out of a graph's weights, which must have been checked against the graph.
    pub(crate) fn pack(&self, weights: &Weights) -> Values {
        let mut values = (vec![0.0; self.parameters], vec![0.0; self.statistics]);
        for part in &self.parts {
            let tensor = weights.get(part.id.node, part.id.role).expect("the weights were checked against the graph");
            let to = if part.id.role.is_trainable() { &mut values.0 } else { &mut values.1 };
            part.permute(&tensor.shape, |graph, block| to[part.range.start + block] = tensor.data[graph]);
        }
        values
    }

    /// Puts the block's numbers into a graph's weights.
    pub(crate) fn unpack(&self, graph: &Graph, parameters: &[f32], statistics: &[f32], weights: &mut Weights) {
        for part in &self.parts {
            let from = if part.id.role.is_trainable() { parameters } else { statistics };
            let mut tensor = Tensor::filled(shape_of(graph, part.id), 0.0);
            let shape = tensor.shape.clone();
            part.permute(&shape, |graph, block| tensor.data[graph] = from[part.range.start + block]);
            weights.insert(part.id, tensor);
        }
    }
}

fn shape_of(graph: &Graph, id: ParamId) -> edgefit_graph::Shape {
    let node = graph.node(id.node);
    let specs = node.op.params(&graph.input_shapes(node));
    specs.into_iter().find(|s| s.role == id.role).expect("a part is a parameter of its node").shape
}

impl Part {
    /// Calls `f` with the position of each number in the graph's order and in the block's.
    fn permute(&self, shape: &edgefit_graph::Shape, mut f: impl FnMut(usize, usize)) {
        let dims = shape.dims();
        let elements = shape.elements() as usize;
        let (outs, ins) = (dims[0], dims.get(1).copied().unwrap_or(1));
        let taps = elements / (outs * ins).max(1);
        for at in 0..elements {
            let (out, input, tap) = (at / (ins * taps), at / taps % ins, at % taps);
            let to = match self.order {
                Order::Same => at,
                Order::Depthwise => tap * outs + out,
                Order::Grouped(groups) => {
                    let size = outs / groups;
                    ((out / size * taps + tap) * ins + input) * size + out % size
                }
            };
            f(at, to);
        }
    }
}

/// Adds a part and returns the range that it takes.
pub(crate) fn part(parts: &mut Vec<Part>, node: edgefit_graph::NodeId, role: Role, range: &Range<usize>, order: Order) {
    if !range.is_empty() {
        parts.push(Part { id: ParamId { node, role }, range: range.clone(), order });
    }
}
