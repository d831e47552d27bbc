//! Names of tensors, unique within the file as ONNX demands, and those of the graph's nodes wherever possible.

use std::collections::BTreeSet;

use edgefit_graph::{Graph, NodeId};

use super::{ExportError, ExportOptions};

/// Name of the input when there is one and the options name none.
pub const DEFAULT_INPUT: &str = "input";

/// Name of the output when there is one and the options name none.
pub const DEFAULT_OUTPUT: &str = "logits";

/// The names given so far, and the tensor that each graph node writes.
pub(super) struct Names {
    taken: BTreeSet<String>,
    values: Vec<String>,
    outputs: Vec<String>,
}

impl Names {
    /// Names every tensor of the graph. The first node output that is a network output takes that output's name.
    pub(super) fn of(graph: &Graph, options: &ExportOptions) -> Result<Self, ExportError> {
        let inputs: Vec<NodeId> = graph.inputs().collect();
        let input_names = edge_names(&options.input_names, "input", DEFAULT_INPUT, inputs.len())?;
        let outputs = edge_names(&options.output_names, "output", DEFAULT_OUTPUT, graph.outputs().len())?;
        let mut names = Self { taken: BTreeSet::new(), values: Vec::new(), outputs };
        for name in input_names.iter().chain(&names.outputs) {
            if !names.taken.insert(name.clone()) {
                return Err(ExportError::DuplicateName(name.clone()));
            }
        }
        let edges = names.edges(graph, &inputs, &input_names);
        names.name_nodes(graph, edges);
        Ok(names)
    }

    /// For each node, the name that it has as an input or an output of the network.
    fn edges(&self, graph: &Graph, inputs: &[NodeId], input_names: &[String]) -> Vec<Option<String>> {
        let mut edges: Vec<Option<String>> = vec![None; graph.nodes().len()];
        let outputs = graph.outputs().iter().zip(&self.outputs);
        for (id, name) in inputs.iter().zip(input_names).chain(outputs) {
            edges[id.index()].get_or_insert_with(|| name.clone());
        }
        edges
    }

    /// Helper tensors are named after nodes, so the names of all nodes are taken first.
    fn name_nodes(&mut self, graph: &Graph, edges: Vec<Option<String>>) {
        for (node, edge) in graph.nodes().iter().zip(edges) {
            let name = edge.unwrap_or_else(|| self.fresh(&node.name));
            self.values.push(name);
        }
        self.taken.extend(graph.nodes().iter().map(|node| node.name.clone()));
    }

    /// The tensor that a node writes.
    pub(super) fn value(&self, id: NodeId) -> &str {
        &self.values[id.index()]
    }

    /// Names of the network's outputs.
    pub(super) fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// `base`, or `base_2`, `base_3`, ... when it is taken.
    pub(super) fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut number = 2usize;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }
}

/// The names given for one side of the network, or the default ones.
fn edge_names(given: &[String], side: &'static str, default: &str, needed: usize) -> Result<Vec<String>, ExportError> {
    if given.is_empty() {
        let numbered = |i: usize| if needed == 1 { default.to_owned() } else { format!("{default}_{i}") };
        return Ok((0..needed).map(numbered).collect());
    }
    if given.len() != needed {
        return Err(ExportError::NameCount { side, given: given.len(), needed });
    }
    Ok(given.to_vec())
}
