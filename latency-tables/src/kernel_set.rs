//! A network as the kernels that a runtime executes, in their order.
//!
//! Identities, dead branches and views are gone, and what does not depend on the input where the runtime folds that; nodes that the runtime's
//! rule fuses are one kernel.

use edgefit_graph::{Graph, Node, NodeId, peak_activation_bytes};

use crate::fusion::FusionRule;
use crate::kernel::Kernel;

/// The kernels of one network under one runtime, with its static memory. Everything here is computed.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelSet {
    kernels: Vec<Kernel>,
    names: Vec<Vec<String>>,
    peak_activation_bytes: u64,
    weight_bytes: u64,
}

impl KernelSet {
    /// The kernels of `graph` under a runtime's fusion rule.
    pub fn of(graph: &Graph, rule: &dyn FusionRule) -> Self {
        let (simple, _) = graph.simplified();
        let groups = groups(&simple, rule);
        let nodes = |group: &[NodeId]| group.iter().map(|&id| simple.node(id)).collect::<Vec<&Node>>();
        let executed = groups.iter().map(|group| nodes(group));
        let (kernels, names) = executed
            .filter_map(|nodes| {
                let kernel = Kernel::of(&simple, nodes[0], &nodes[1..])?;
                Some((kernel, nodes.iter().map(|node| node.name.clone()).collect()))
            })
            .unzip();
        let weight_bytes = simple.cost().weight_bytes();
        Self { kernels, names, peak_activation_bytes: peak_activation_bytes(&simple), weight_bytes }
    }

    /// A set of these kernels, each with the names of its nodes; for samples that come from a file.
    pub(crate) fn from_parts(parts: Vec<(Kernel, Vec<String>)>, peak_activation_bytes: u64, weight_bytes: u64) -> Self {
        let (kernels, names) = parts.into_iter().unzip();
        Self { kernels, names, peak_activation_bytes, weight_bytes }
    }

    /// The kernels in execution order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// For each kernel, the names of the graph's nodes that run in it, its head first.
    pub fn names(&self) -> &[Vec<String>] {
        &self.names
    }

    /// Bytes of activations at the worst moment ([`edgefit_graph::peak_activation_bytes`]).
    pub fn peak_activation_bytes(&self) -> u64 {
        self.peak_activation_bytes
    }

    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }
}

/// The nodes of each kernel, in the order in which the kernels are complete enough to run: that of their last node.
fn groups(graph: &Graph, rule: &dyn FusionRule) -> Vec<Vec<NodeId>> {
    let uses = graph.use_counts();
    let mut group_of: Vec<Option<usize>> = vec![None; graph.nodes().len()];
    let mut groups: Vec<Vec<NodeId>> = Vec::new();
    let varies = graph.varies();
    let runs = |id: NodeId, node: &Node| !rule.is_free(node) && (varies[id.index()] || !rule.folds_constants());
    for (id, node) in graph.iter().filter(|(id, node)| runs(*id, node)) {
        let taken = |input: &NodeId| {
            let group = group_of[input.index()]?;
            let parts: Vec<&Node> = groups[group].iter().map(|&part| graph.node(part)).collect();
            (uses[input.index()] == 1 && rule.absorbs(graph, &parts, node)).then_some(group)
        };
        // The producer that runs last can take the node in: only then are all its inputs there.
        let host = node.inputs.iter().filter_map(|input| Some((input.index(), taken(input)?))).max();
        let group = host.map_or(groups.len(), |(_, group)| group);
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(id);
        group_of[id.index()] = Some(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use edgefit_graph::op::{Activation, Add, Conv, Op, Zero};
    use edgefit_graph::{AutoPad, Graph, GraphBuilder, Shape, Window};

    use super::KernelSet;
    use crate::fusion::{OnnxRuntime, Tract};

    /// A convolution of zeros, added to another of the input or alone.
    fn zeroed(with_input: bool) -> Graph {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4, 8, 8])).unwrap();
        let conv =
            || Op::Conv(Conv { out_channels: 4, window: Window::new(2, 3, 1, AutoPad::Same), groups: 1, bias: true });
        let zero = b.add("zero", Op::Zero(Zero), &[x]).unwrap();
        let constant = b.add("constant", conv(), &[zero]).unwrap();
        let mut y = b.add("relu", Op::Activation(Activation::Gelu), &[constant]).unwrap();
        if with_input {
            let seen = b.add("seen", conv(), &[x]).unwrap();
            y = b.add("sum", Op::Add(Add), &[seen, y]).unwrap();
        }
        b.finish(&[y]).unwrap()
    }

    #[test]
    fn what_does_not_depend_on_the_input_runs_only_where_constants_are_not_folded() {
        let names = |graph: &Graph, set: KernelSet| {
            assert_eq!(graph.is_constant(), set.kernels().is_empty());
            set.names().concat()
        };
        assert_eq!(names(&zeroed(true), KernelSet::of(&zeroed(true), &Tract)), ["seen", "sum"]);
        assert_eq!(names(&zeroed(false), KernelSet::of(&zeroed(false), &Tract)), [""; 0]);
        assert!(KernelSet::of(&zeroed(false), &OnnxRuntime).names().concat().contains(&"constant".to_owned()));
    }
}
