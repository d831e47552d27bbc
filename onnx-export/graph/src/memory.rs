//! Peak activation memory by the lifetime of tensors under the execution order.
//!
//! A tensor lives from the node that writes it to the last node that reads it; network inputs live from the start, outputs to
//! the end. While a node runs, its inputs and its output live together: nothing is computed in place. Views (reshape,
//! flatten, identity) share the memory of their input. This is the least a runtime without in-place operators needs; what a
//! runtime really takes is measured, not computed here.

use crate::graph::{Graph, NodeId};
use crate::op::Op;

/// Which bytes live at each step of the execution order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Bytes that live while the node at this position runs.
    pub live_bytes: Vec<u64>,
}

impl MemoryPlan {
    /// The plan of a graph for one sample.
    pub fn of(graph: &Graph) -> Self {
        let owners = owners(graph);
        let last_use = last_uses(graph, &owners);
        let mut deltas = vec![0i128; graph.nodes().len() + 1];
        for (id, node) in graph.iter().filter(|(id, _)| owners[id.index()] == *id) {
            let born = if matches!(node.op, Op::Input(_)) { 0 } else { id.index() };
            deltas[born] += i128::from(node.shape.bytes());
            deltas[last_use[id.index()] + 1] -= i128::from(node.shape.bytes());
        }
        let running = deltas.iter().take(graph.nodes().len()).scan(0i128, |live, delta| {
            *live += delta;
            Some(*live as u64)
        });
        Self { live_bytes: running.collect() }
    }

    /// The largest of [`MemoryPlan::live_bytes`].
    pub fn peak_bytes(&self) -> u64 {
        self.live_bytes.iter().copied().max().unwrap_or(0)
    }
}

/// Bytes of activations that live at the worst moment, for one sample at 32 bits an element.
pub fn peak_activation_bytes(graph: &Graph) -> u64 {
    MemoryPlan::of(graph).peak_bytes()
}

/// For each node, the node whose memory holds its output: itself, or for a view the node that it looks at.
fn owners(graph: &Graph) -> Vec<NodeId> {
    let mut owners: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    for (id, node) in graph.iter() {
        owners.push(if node.op.is_view() { owners[node.inputs[0].index()] } else { id });
    }
    owners
}

/// For each node that owns memory, the last position at which it is read.
fn last_uses(graph: &Graph, owners: &[NodeId]) -> Vec<usize> {
    let mut last: Vec<usize> = (0..graph.nodes().len()).collect();
    for (id, node) in graph.iter() {
        for input in &node.inputs {
            let owner = owners[input.index()].index();
            last[owner] = last[owner].max(id.index());
        }
    }
    for output in graph.outputs() {
        last[owners[output.index()].index()] = graph.nodes().len() - 1;
    }
    last
}
