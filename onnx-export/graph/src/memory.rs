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

#[cfg(test)]
mod tests {
    use super::MemoryPlan;
    use crate::op::{Activation, Add, Conv, Dense, Flatten, Identity, Op};
    use crate::{AutoPad, GraphBuilder, NodeId, Shape, Window};

    fn relu() -> Op {
        Op::Activation(Activation::Relu)
    }

    /// A pointwise convolution to this many channels.
    fn pointwise(out_channels: usize) -> Op {
        let window = Window::new(2, 1, 1, AutoPad::Valid);
        Op::Conv(Conv { out_channels, window, groups: 1, bias: false })
    }

    /// Builds a graph over an input of 1x2x2 (16 bytes) and checks the bytes that live at each node.
    #[track_caller]
    fn check(nodes: &[(&str, Op, &[u32])], outputs: &[u32], expected: &[u64]) {
        let mut b = GraphBuilder::new();
        b.input("x", Shape::new([1, 2, 2])).unwrap();
        for (name, op, inputs) in nodes {
            let inputs: Vec<NodeId> = inputs.iter().map(|&i| NodeId(i)).collect();
            b.add(*name, op.clone(), &inputs).unwrap();
        }
        let outputs: Vec<NodeId> = outputs.iter().map(|&i| NodeId(i)).collect();
        let plan = MemoryPlan::of(&b.finish(&outputs).unwrap());
        assert_eq!(plan.live_bytes, expected);
        assert_eq!(plan.peak_bytes(), *expected.iter().max().unwrap());
    }

    #[test]
    fn a_chain_holds_two_tensors() {
        let nodes: [(&str, Op, &[u32]); 3] =
            [("a", pointwise(4), &[0]), ("b", pointwise(2), &[1]), ("c", relu(), &[2])];
        check(&nodes, &[3], &[16, 16 + 64, 64 + 32, 32 + 32]);
    }

    #[test]
    fn a_skip_connection_keeps_its_tensor() {
        let nodes: [(&str, Op, &[u32]); 3] =
            [("a", pointwise(4), &[0]), ("b", pointwise(1), &[1]), ("sum", Op::Add(Add), &[2, 0])];
        check(&nodes, &[3], &[16, 16 + 64, 16 + 64 + 16, 16 + 16 + 16]);
    }

    #[test]
    fn views_share_the_memory_of_what_they_look_at() {
        let dense = Op::Dense(Dense { out_features: 1, bias: false });
        let nodes: [(&str, Op, &[u32]); 4] = [
            ("a", pointwise(4), &[0]),
            ("same", Op::Identity(Identity), &[1]),
            ("flat", Op::Flatten(Flatten), &[2]),
            ("head", dense, &[3]),
        ];
        check(&nodes, &[4], &[16, 16 + 64, 64, 64, 64 + 4]);
    }

    #[test]
    fn outputs_live_to_the_end() {
        let nodes: [(&str, Op, &[u32]); 2] = [("a", pointwise(4), &[0]), ("b", pointwise(1), &[0])];
        check(&nodes, &[1, 2], &[16, 16 + 64, 16 + 64 + 16]);
        check(&nodes, &[2], &[16, 16 + 64, 16 + 16]);
    }

    #[test]
    fn all_inputs_live_from_the_start() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4])).unwrap();
        let y = b.add("y", relu(), &[x]).unwrap();
        let z = b.input("z", Shape::new([4])).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[y, z]).unwrap();
        assert_eq!(MemoryPlan::of(&b.finish(&[sum]).unwrap()).live_bytes, [32, 48, 32, 48]);
    }
}
