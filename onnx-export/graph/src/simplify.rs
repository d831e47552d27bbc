//! The same function with less graph: identities followed, additions of zeros dropped, dead nodes removed.
//!
//! What is left is what a network computes; two networks that differ only in how they say nothing become one. Kept nodes
//! keep their names.

use crate::graph::{Graph, GraphBuilder, NodeId};
use crate::op::Op;

impl Graph {
    /// This network without identities, additions of zeros and nodes that no output needs, and for each node of the result
    /// the node of `self` that it is. Inputs stay, also unused ones.
    pub fn simplified(&self) -> (Self, Vec<NodeId>) {
        let forward = self.forwarded();
        let needed = self.needed(&forward);
        self.rebuilt(&forward, &needed)
    }

    /// For each node, the node whose value it has in the end.
    fn forwarded(&self) -> Vec<NodeId> {
        let mut forward: Vec<NodeId> = Vec::with_capacity(self.nodes().len());
        let mut zero = vec![false; self.nodes().len()];
        for (id, node) in self.iter() {
            let sources: Vec<NodeId> = node.inputs.iter().map(|i| forward[i.index()]).collect();
            let kept = |source: NodeId| self.node(source).shape == node.shape;
            let same = match node.op {
                Op::Identity(_) => sources[0],
                Op::Add(_) if zero[sources[0].index()] && kept(sources[1]) => sources[1],
                Op::Add(_) if zero[sources[1].index()] && kept(sources[0]) => sources[0],
                _ => id,
            };
            zero[id.index()] = matches!(node.op, Op::Zero(_)) || zero[same.index()];
            forward.push(same);
        }
        forward
    }

    fn needed(&self, forward: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes().len()];
        for output in self.outputs() {
            needed[forward[output.index()].index()] = true;
        }
        for (index, node) in self.nodes().iter().enumerate().rev() {
            if needed[index] {
                node.inputs.iter().for_each(|i| needed[forward[i.index()].index()] = true);
            }
            needed[index] |= matches!(node.op, Op::Input(_));
        }
        needed
    }

    fn rebuilt(&self, forward: &[NodeId], needed: &[bool]) -> (Self, Vec<NodeId>) {
        let mut builder = GraphBuilder::new();
        let mut new_ids: Vec<Option<NodeId>> = vec![None; self.nodes().len()];
        let mut origins = Vec::new();
        let kept = |id: &NodeId, new_ids: &[Option<NodeId>]| {
            new_ids[forward[id.index()].index()].expect("what a needed node takes is needed and comes before it")
        };
        for (id, node) in self.iter().filter(|(id, _)| needed[id.index()]) {
            let inputs: Vec<NodeId> = node.inputs.iter().map(|i| kept(i, &new_ids)).collect();
            let new = builder.add(node.name.clone(), node.op.clone(), &inputs);
            new_ids[id.index()] = Some(new.expect("a part of a checked graph is right"));
            origins.push(id);
        }
        let outputs: Vec<NodeId> = self.outputs().iter().map(|id| kept(id, &new_ids)).collect();
        (builder.finish(&outputs).expect("inputs and outputs are kept"), origins)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::{Activation, Add, Identity, Op, Zero};
    use crate::{GraphBuilder, Shape};

    #[test]
    fn drops_identities_zeros_and_dead_nodes() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4])).unwrap();
        let zero = b.add("zero", Op::Zero(Zero), &[x]).unwrap();
        let relu = b.add("relu", Op::Activation(Activation::Relu), &[x]).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[zero, relu]).unwrap();
        let same = b.add("same", Op::Identity(Identity), &[sum]).unwrap();
        b.add("dead", Op::Activation(Activation::Gelu), &[relu]).unwrap();
        let y = b.add("y", Op::Activation(Activation::Silu), &[same]).unwrap();
        let (simple, origins) = b.finish(&[y]).unwrap().simplified();
        let names: Vec<&str> = simple.nodes().iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["x", "relu", "y"]);
        assert_eq!(origins, [x, relu, y]);
    }

    #[test]
    fn keeps_a_zero_that_is_the_answer() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4])).unwrap();
        let zero = b.add("zero", Op::Zero(Zero), &[x]).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[zero, zero]).unwrap();
        let (simple, _) = b.finish(&[sum]).unwrap().simplified();
        assert_eq!(simple.to_string(), "x = input() shape=4 -> 4\nzero = zero(x) -> 4\nreturn zero\n");
    }
}
