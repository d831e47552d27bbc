//! A digest under which equal networks are equal, whatever their nodes are called and however they are listed.
//!
//! Names, the listing order of independent nodes, the input order of sums and products, identities, sums with zeros and dead nodes do
//! not count. Each node first gets a color from its operator and its inputs' colors; rounds of refinement mix in the colors of
//! what takes it, outputs included, until no more nodes can be told apart (Weisfeiler and Leman 1968). A walk from the
//! outputs then numbers the nodes, so that one shared node differs from two equal ones, and the numbered list is hashed with
//! SHA-256.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::graph::{Graph, NodeId};

/// SHA-256 of a graph's canonical form, weights excluded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of a graph's structure.
    pub fn of(graph: &Graph) -> Self {
        let (simple, _) = graph.simplified();
        let colors = colors(&simple);
        let order = canonical_order(&simple, &colors);
        Self(hash_in_order(&simple, &order, &colors))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

type Color = [u8; 32];

fn hash(parts: &[&[u8]]) -> Color {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn combine(colors: impl Iterator<Item = Color>, sorted: bool) -> Color {
    let mut list: Vec<Color> = colors.collect();
    if sorted {
        list.sort_unstable();
    }
    hash(&list.iter().map(|c| c.as_slice()).collect::<Vec<_>>())
}

/// Which input an input node is: inputs differ by their position, not by their name.
fn input_position(graph: &Graph, id: NodeId) -> u64 {
    graph.inputs().position(|input| input == id).map_or(0, |p| p as u64 + 1)
}

fn colors(graph: &Graph) -> Vec<Color> {
    let mut colors: Vec<Color> = Vec::with_capacity(graph.nodes().len());
    for (id, node) in graph.iter() {
        let inputs = combine(node.inputs.iter().map(|i| colors[i.index()]), node.op.is_commutative());
        let position = input_position(graph, id).to_le_bytes();
        colors.push(hash(&[node.op.name().as_bytes(), node.op.attributes().as_bytes(), &position, &inputs]));
    }
    refined_until_stable(graph, colors)
}

/// Each round looks one consumer further; it ends when a round tells no more nodes apart, after at most one round a node.
fn refined_until_stable(graph: &Graph, mut colors: Vec<Color>) -> Vec<Color> {
    let distinct = |colors: &[Color]| colors.iter().collect::<BTreeSet<&Color>>().len();
    let mut known = distinct(&colors);
    for _ in graph.nodes() {
        colors = refined(graph, &colors);
        let now = distinct(&colors);
        if now == known {
            break;
        }
        known = now;
    }
    colors
}

fn refined(graph: &Graph, colors: &[Color]) -> Vec<Color> {
    let mut takers: Vec<Vec<Color>> = vec![Vec::new(); graph.nodes().len()];
    for (id, node) in graph.iter() {
        for input in &node.inputs {
            takers[input.index()].push(colors[id.index()]);
        }
    }
    for (position, output) in graph.outputs().iter().enumerate() {
        takers[output.index()].push(hash(&[b"output", &(position as u64).to_le_bytes()]));
    }
    let around = |id: NodeId| {
        let inputs = graph.node(id).inputs.iter().map(|i| colors[i.index()]);
        let inputs = combine(inputs, graph.node(id).op.is_commutative());
        let takers = combine(takers[id.index()].iter().copied(), true);
        hash(&[&colors[id.index()], &inputs, &takers])
    };
    graph.iter().map(|(id, _)| around(id)).collect()
}

/// Inputs of a node in an order that does not depend on the listing.
fn ordered_inputs(graph: &Graph, id: NodeId, colors: &[Color]) -> Vec<NodeId> {
    let node = graph.node(id);
    let mut inputs = node.inputs.clone();
    if node.op.is_commutative() {
        inputs.sort_by_key(|i| colors[i.index()]);
    }
    inputs
}

/// Nodes in the order in which a depth-first walk from the outputs leaves them.
fn canonical_order(graph: &Graph, colors: &[Color]) -> Vec<NodeId> {
    let mut order = Vec::with_capacity(graph.nodes().len());
    let mut entered = vec![false; graph.nodes().len()];
    let mut stack: Vec<(NodeId, bool)> = graph.outputs().iter().rev().map(|&id| (id, false)).collect();
    while let Some((id, left)) = stack.pop() {
        if left {
            order.push(id);
        } else if !std::mem::replace(&mut entered[id.index()], true) {
            stack.push((id, true));
            stack.extend(ordered_inputs(graph, id, colors).into_iter().rev().map(|i| (i, false)));
        }
    }
    order
}

fn hash_in_order(graph: &Graph, order: &[NodeId], colors: &[Color]) -> Color {
    let mut number = vec![u64::MAX; graph.nodes().len()];
    let mut hasher = Sha256::new();
    for (position, &id) in order.iter().enumerate() {
        number[id.index()] = position as u64;
        let node = graph.node(id);
        let head = hash(&[node.op.name().as_bytes(), node.op.attributes().as_bytes()]);
        hasher.update(head);
        hasher.update(input_position(graph, id).to_le_bytes());
        for input in ordered_inputs(graph, id, colors) {
            hasher.update(number[input.index()].to_le_bytes());
        }
        hasher.update(u64::MAX.to_le_bytes());
    }
    for output in graph.outputs() {
        hasher.update(number[output.index()].to_le_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::Digest;
    use crate::op::{Activation, Add, Conv, Dense, Flatten, Identity, Op};
    use crate::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};

    fn conv(out_channels: usize, kernel: usize) -> Op {
        Op::Conv(Conv { out_channels, window: Window::new(2, kernel, 1, AutoPad::Same), groups: 1, bias: false })
    }

    /// Two branches and their sum; `swap` lists and adds the branches the other way round.
    fn branches(names: [&str; 3], swap: bool, kernels: [usize; 2]) -> Graph {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([2, 8, 8])).unwrap();
        let order = if swap { [1, 0] } else { [0, 1] };
        let made: Vec<NodeId> = order.iter().map(|&i| b.add(names[i], conv(4, kernels[i]), &[x]).unwrap()).collect();
        let sum = b.add(names[2], Op::Add(Add), &made).unwrap();
        b.finish(&[sum]).unwrap()
    }

    #[test]
    fn names_listing_and_order_of_a_sum_do_not_count() {
        let one = branches(["a", "b", "c"], false, [1, 3]);
        let other = branches(["p", "q", "r"], true, [1, 3]);
        assert_eq!(Digest::of(&one), Digest::of(&other));
    }

    #[test]
    fn attributes_count() {
        let one = branches(["a", "b", "c"], false, [1, 3]);
        let other = branches(["a", "b", "c"], false, [1, 5]);
        assert_ne!(Digest::of(&one), Digest::of(&other));
    }

    #[test]
    fn one_shared_node_is_not_two_equal_ones() {
        let twice = branches(["a", "b", "c"], false, [3, 3]);
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([2, 8, 8])).unwrap();
        let a = b.add("a", conv(4, 3), &[x]).unwrap();
        let sum = b.add("c", Op::Add(Add), &[a, a]).unwrap();
        assert_ne!(Digest::of(&twice), Digest::of(&b.finish(&[sum]).unwrap()));
    }

    #[test]
    fn an_identity_does_not_count_and_an_order_of_operators_does() {
        let build = |ops: &[Op]| {
            let mut b = GraphBuilder::new();
            let mut x = b.input("x", Shape::new([2, 4, 4])).unwrap();
            for (i, op) in ops.iter().enumerate() {
                x = b.add(format!("n{i}"), op.clone(), &[x]).unwrap();
            }
            Digest::of(&b.finish(&[x]).unwrap())
        };
        let (relu, gelu) = (Op::Activation(Activation::Relu), Op::Activation(Activation::Gelu));
        let dense = Op::Dense(Dense { out_features: 3, bias: true });
        let flat = [relu.clone(), Op::Flatten(Flatten), dense.clone()];
        let with_identity = [relu.clone(), Op::Identity(Identity), Op::Flatten(Flatten), dense];
        assert_eq!(build(&flat), build(&with_identity));
        assert_ne!(build(&[relu.clone(), gelu.clone()]), build(&[gelu, relu]));
    }

    #[test]
    fn is_the_same_on_every_machine() {
        let digest = Digest::of(&branches(["a", "b", "c"], false, [1, 3]));
        assert_eq!(digest.to_string(), "e722a9380ab119404f10c11e973c15f7aeeb6ebd131eb88faef1655e5eb6e832");
    }
}

#[cfg(test)]
mod properties;
