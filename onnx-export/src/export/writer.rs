//! What operators write their ONNX nodes through: nodes and constants of one file, in order.

use std::collections::BTreeMap;

use edgefit_graph::{Graph, Node, NodeId, Role, Shape, Tensor, Weights};
use rten_onnx::onnx::{AttributeProto, NodeProto, TensorProto};

use super::names::Names;
use super::proto;

/// Nodes and constants written so far.
pub(super) struct Writer {
    pub(super) names: Names,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) constants: Vec<TensorProto>,
    /// Names of constants that several nodes share, by the bits of their value.
    scalars: BTreeMap<u32, String>,
}

impl Writer {
    pub(super) fn new(names: Names) -> Self {
        Self { names, nodes: Vec::new(), constants: Vec::new(), scalars: BTreeMap::new() }
    }

    /// Writes one ONNX node.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        name: &str,
        inputs: Vec<String>,
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name.to_owned()),
            input: inputs,
            output: vec![output.to_owned()],
            attribute,
            domain: None,
        });
    }
}

/// Where one graph node writes: its name, its tensors and its weights.
pub(super) struct Site<'a> {
    pub(super) writer: &'a mut Writer,
    pub(super) graph: &'a Graph,
    pub(super) weights: &'a Weights,
    pub(super) id: NodeId,
}

impl Site<'_> {
    fn graph_node(&self) -> &Node {
        self.graph.node(self.id)
    }

    /// Per-sample shape of the first input.
    pub(super) fn input_shape(&self) -> &Shape {
        &self.graph.node(self.graph_node().inputs[0]).shape
    }

    /// The tensors that the graph node takes.
    pub(super) fn inputs(&self) -> Vec<String> {
        self.graph_node().inputs.iter().map(|&id| self.writer.names.value(id).to_owned()).collect()
    }

    /// The first tensor that the graph node takes.
    pub(super) fn input(&self) -> String {
        self.writer.names.value(self.graph_node().inputs[0]).to_owned()
    }

    /// Writes a parameter as the constant `node.role`.
    pub(super) fn param(&mut self, role: Role) -> String {
        let tensor = self.weights.get(self.id, role).expect("weights were checked against the graph");
        let name = self.fresh(&format!(".{role}"));
        self.writer.constants.push(proto::floats_tensor(&name, tensor));
        name
    }

    /// Writes a constant `node.suffix`.
    pub(super) fn constant(&mut self, suffix: &str, tensor: &Tensor) -> String {
        let name = self.fresh(&format!(".{suffix}"));
        self.writer.constants.push(proto::floats_tensor(&name, tensor));
        name
    }

    /// Writes a list of integers `node.suffix`.
    pub(super) fn ints(&mut self, suffix: &str, values: &[i64]) -> String {
        let name = self.fresh(&format!(".{suffix}"));
        self.writer.constants.push(proto::ints_tensor(&name, values));
        name
    }

    /// A number that all nodes of the file share.
    pub(super) fn scalar(&mut self, name: &str, value: f32) -> String {
        if let Some(known) = self.writer.scalars.get(&value.to_bits()) {
            return known.clone();
        }
        let name = self.writer.names.fresh(name);
        self.writer.constants.push(proto::scalar_tensor(&name, value));
        self.writer.scalars.insert(value.to_bits(), name.clone());
        name
    }

    /// Writes an ONNX node `node/part` that the last one of this graph node needs, and returns its tensor.
    pub(super) fn part(&mut self, part: &str, op_type: &str, inputs: Vec<String>) -> String {
        let name = self.fresh(&format!("/{part}"));
        self.writer.node(op_type, &name, inputs, &name, Vec::new());
        name
    }

    /// Writes the ONNX node that yields the graph node's output.
    pub(super) fn last(&mut self, op_type: &str, inputs: Vec<String>, attributes: Vec<AttributeProto>) {
        let output = self.writer.names.value(self.id).to_owned();
        let name = self.graph.node(self.id).name.clone();
        self.writer.node(op_type, &name, inputs, &output, attributes);
    }

    fn fresh(&mut self, suffix: &str) -> String {
        let base = format!("{}{suffix}", self.graph.node(self.id).name);
        self.writer.names.fresh(&base)
    }
}
