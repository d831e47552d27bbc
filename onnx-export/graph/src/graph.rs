//! The graph itself and its builder, the only way to make one: what exists has been checked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cost::Cost;
use crate::error::GraphError;
use crate::op::{Input, Op};
use crate::shape::Shape;
use crate::weights::{ParamId, ParamSpec};

/// Largest number of nodes of one graph.
pub const MAX_NODES: usize = 100_000;

/// Position of a node in its graph's execution order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index into [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operator applied to the outputs of earlier nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Unique within the graph, for people and for ONNX.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// The nodes whose outputs it takes, each earlier in the order.
    pub inputs: Vec<NodeId>,
    /// Shape of its output for one sample.
    pub shape: Shape,
}

/// A checked network: nodes in execution order, inputs first used as they appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    nodes: Vec<Node>,
    outputs: Vec<NodeId>,
}

impl Graph {
    /// The nodes in execution order; a node takes only earlier ones.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ids and nodes in execution order.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeId(i as u32), node))
    }

    /// One node.
    ///
    /// # Panics
    /// If `id` is of another, larger graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The nodes that are the network's inputs, in order.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> {
        self.iter().filter(|(_, n)| matches!(n.op, Op::Input(_))).map(|(id, _)| id)
    }

    /// The nodes whose outputs are the network's.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// Shapes of a node's inputs.
    pub fn input_shapes(&self, node: &Node) -> Vec<&Shape> {
        node.inputs.iter().map(|&id| &self.node(id).shape).collect()
    }

    /// Every parameter that the graph needs, in execution order.
    pub fn params(&self) -> impl Iterator<Item = (ParamId, ParamSpec)> {
        self.iter().flat_map(|(id, node)| {
            let specs = node.op.params(&self.input_shapes(node));
            specs.into_iter().map(move |spec| (ParamId { node: id, role: spec.role }, spec))
        })
    }

    /// Cost of one node for one sample.
    pub fn node_cost(&self, node: &Node) -> Cost {
        let inputs = self.input_shapes(node);
        Cost {
            macs: node.op.macs(&inputs, &node.shape),
            params: node.op.params(&inputs).iter().fold(0, |sum, p| sum.saturating_add(p.shape.elements())),
            input_bytes: inputs.iter().map(|s| s.bytes()).sum(),
            output_bytes: node.shape.bytes(),
        }
    }

    /// Cost of the whole graph for one sample: the sum over its nodes.
    pub fn cost(&self) -> Cost {
        self.nodes.iter().map(|node| self.node_cost(node)).sum()
    }

    /// For each node, how many nodes and outputs take it.
    pub fn use_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.nodes.len()];
        let uses = self.nodes.iter().flat_map(|n| &n.inputs).chain(&self.outputs);
        for id in uses {
            counts[id.index()] += 1;
        }
        counts
    }

    /// For each node, whether its value depends on the input.
    pub fn varies(&self) -> Vec<bool> {
        let mut varies: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let depends = || node.inputs.iter().any(|input| varies[input.index()]);
            varies.push(match node.op {
                Op::Input(_) => true,
                Op::Zero(_) => false,
                _ => depends(),
            });
        }
        varies
    }

    /// Whether no output depends on the input. Runtimes that fold constants run nothing of such a network.
    pub fn is_constant(&self) -> bool {
        let varies = self.varies();
        self.outputs.iter().all(|output| !varies[output.index()])
    }
}

/// Builds a graph node by node; each node is checked as it is added.
#[derive(Debug, Clone, Default)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    names: BTreeSet<String>,
}

impl GraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a network input of this per-sample shape.
    ///
    /// # Errors
    /// As [`GraphBuilder::add`].
    pub fn input(&mut self, name: impl Into<String>, shape: Shape) -> Result<NodeId, GraphError> {
        self.add(name, Op::Input(Input { shape }), &[])
    }

    /// Adds a node and returns its id.
    ///
    /// # Errors
    /// When the name is taken, the operator does not take inputs of these shapes, or the graph is full.
    ///
    /// # Panics
    /// If an input is not a node of this builder: that is a bug in the caller.
    pub fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let name = name.into();
        if self.nodes.len() >= MAX_NODES {
            return Err(GraphError::TooManyNodes(MAX_NODES));
        }
        let shape = self.infer(&name, &op, inputs)?;
        if !self.names.insert(name.clone()) {
            return Err(GraphError::DuplicateName(name));
        }
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), shape });
        Ok(NodeId(self.nodes.len() as u32 - 1))
    }

    /// Shape of a node added so far.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.nodes[id.index()].shape
    }

    /// The finished graph.
    ///
    /// # Errors
    /// When there is no input or no output.
    pub fn finish(self, outputs: &[NodeId]) -> Result<Graph, GraphError> {
        if !self.nodes.iter().any(|n| matches!(n.op, Op::Input(_))) {
            return Err(GraphError::Missing("inputs"));
        }
        if outputs.is_empty() {
            return Err(GraphError::Missing("outputs"));
        }
        Ok(Graph { nodes: self.nodes, outputs: outputs.to_vec() })
    }

    fn infer(&self, name: &str, op: &Op, inputs: &[NodeId]) -> Result<Shape, GraphError> {
        let fail = |reason| GraphError::Node { node: name.to_owned(), op: op.name(), reason };
        let shapes: Vec<&Shape> = inputs.iter().map(|&id| self.shape(id)).collect();
        let arity = op.arity();
        if !arity.contains(&shapes.len()) {
            let (least, most) = (arity.start(), arity.end());
            return Err(fail(format!("takes {least} to {most} inputs and was given {}", shapes.len())));
        }
        let shape = op.output_shape(&shapes).map_err(fail)?;
        shape.defect().map_or(Ok(shape), |defect| Err(fail(format!("its output {defect}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, GraphBuilder};
    use crate::op::{Activation, Add, Concat, Conv, Dense, Flatten, Op};
    use crate::{AutoPad, Cost, GraphError, NodeId, Role, Shape, Window};

    fn relu() -> Op {
        Op::Activation(Activation::Relu)
    }

    /// A convolution, a sum with the input, and a classifier.
    fn small() -> Graph {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([2, 4, 4])).unwrap();
        let window = Window::new(2, 3, 1, AutoPad::Same);
        let conv = b.add("conv", Op::Conv(Conv { out_channels: 2, window, groups: 1, bias: true }), &[x]).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[conv, x]).unwrap();
        let flat = b.add("flat", Op::Flatten(Flatten), &[sum]).unwrap();
        let head = b.add("head", Op::Dense(Dense { out_features: 3, bias: false }), &[flat]).unwrap();
        b.finish(&[head]).unwrap()
    }

    #[test]
    fn costs_add_up() {
        let graph = small();
        // 32 outputs of 18 taps, and 32 x 3; 36 + 2 + 96 parameters; x, conv with x, sum, flat are read.
        let read = 128 + 256 + 128 + 128;
        let written = 128 * 4 + 12;
        let expected = Cost { macs: 576 + 96, params: 134, input_bytes: read, output_bytes: written };
        assert_eq!(graph.cost(), expected);
        assert_eq!(graph.cost().weight_bytes(), 536);
        assert_eq!(graph.use_counts(), [2, 1, 1, 1, 1]);
    }

    #[test]
    fn parameters_are_listed_in_order() {
        let graph = small();
        let params: Vec<(u32, Role)> = graph.params().map(|(id, _)| (id.node.0, id.role)).collect();
        assert_eq!(params, [(1, Role::Weight), (1, Role::Bias), (4, Role::Weight)]);
    }

    #[test]
    fn the_text_form_is_one_line_a_node() {
        let expected = "\
x = input() shape=2x4x4 -> 2x4x4
conv = conv(x) out=2 kernel=3x3 stride=1x1 pad=1x1+1x1 dilation=1x1 groups=1 bias=true -> 2x4x4
sum = add(conv, x) -> 2x4x4
flat = flatten(sum) -> 32
head = dense(flat) out=3 bias=false -> 3
return head
";
        assert_eq!(small().to_string(), expected);
    }

    #[test]
    fn wrong_graphs_are_refused() {
        let mut b = GraphBuilder::new();
        assert_eq!(b.clone().finish(&[]), Err(GraphError::Missing("inputs")));
        let x = b.input("x", Shape::new([4])).unwrap();
        assert_eq!(b.clone().finish(&[]), Err(GraphError::Missing("outputs")));
        assert_eq!(b.add("x", relu(), &[x]), Err(GraphError::DuplicateName("x".to_owned())));
        let told = |error: Result<NodeId, GraphError>| error.unwrap_err().to_string();
        assert_eq!(told(b.add("y", relu(), &[x, x])), "node `y` (relu): takes 1 to 1 inputs and was given 2");
        assert_eq!(
            told(b.add("y", Op::Concat(Concat { axis: 0 }), &[])),
            "node `y` (concat): takes 1 to 256 inputs and was given 0"
        );
        assert_eq!(
            told(b.add("y", Op::Dense(Dense { out_features: 0, bias: true }), &[x])),
            "node `y` (dense): its output 0 has an empty dimension"
        );
        assert!(
            told(b.input("z", Shape::new([1 << 20, 1 << 20])))
                .starts_with("node `z` (input): its output 1048576x1048576 is larger")
        );
        assert!(b.finish(&[x]).is_ok(), "what was refused is not in it");
    }
}
