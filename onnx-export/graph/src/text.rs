//! The text form: one line a node, for people and for snapshots in tests.

use std::fmt;

use crate::graph::{Graph, Node};

impl fmt::Display for Graph {
    /// `name = op(inputs) attributes -> shape`, one line a node in execution order, and the outputs last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.nodes() {
            self.write_node(node, f)?;
        }
        let outputs: Vec<&str> = self.outputs().iter().map(|&id| self.node(id).name.as_str()).collect();
        writeln!(f, "return {}", outputs.join(", "))
    }
}

impl Graph {
    fn write_node(&self, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<&str> = node.inputs.iter().map(|&id| self.node(id).name.as_str()).collect();
        write!(f, "{} = {}({})", node.name, node.op.name(), inputs.join(", "))?;
        let attributes = node.op.attributes();
        if !attributes.is_empty() {
            write!(f, " {attributes}")?;
        }
        writeln!(f, " -> {}", node.shape)
    }
}
