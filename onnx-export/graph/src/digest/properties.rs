//! What a digest must not see, and what it must, on random networks.

use proptest::prelude::{ProptestConfig, any, proptest};

use super::Digest;
use crate::op::{Activation, Conv, Dense, Op};
use crate::testing::{choices, every_operator, random_graph};
use crate::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};

/// The same network with its nodes listed in another possible order, under other names, commutative inputs swapped.
fn relisted(graph: &Graph, choose: &mut dyn FnMut(usize) -> usize) -> Graph {
    let mut builder = GraphBuilder::new();
    let mut ids: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    while ids.contains(&None) {
        let ready: Vec<NodeId> = graph.iter().map(|(id, _)| id).filter(|&id| is_ready(graph, id, &ids)).collect();
        let id = ready[choose(ready.len())];
        let node = graph.node(id);
        let mut inputs: Vec<NodeId> = node.inputs.iter().filter_map(|input| ids[input.index()]).collect();
        if node.op.is_commutative() && choose(2) == 0 {
            inputs.reverse();
        }
        let name = format!("renamed{}", ids.iter().flatten().count());
        ids[id.index()] = Some(builder.add(name, node.op.clone(), &inputs).unwrap());
    }
    let outputs: Vec<NodeId> = graph.outputs().iter().filter_map(|id| ids[id.index()]).collect();
    builder.finish(&outputs).unwrap()
}

/// Whether a node is not listed yet and all it takes is. Inputs keep their order, which counts.
fn is_ready(graph: &Graph, id: NodeId, ids: &[Option<NodeId>]) -> bool {
    let earlier_inputs = graph.inputs().take_while(|&input| input != id);
    let in_order =
        !matches!(graph.node(id).op, Op::Input(_)) || earlier_inputs.into_iter().all(|i| ids[i.index()].is_some());
    ids[id.index()].is_none() && in_order && graph.node(id).inputs.iter().all(|input| ids[input.index()].is_some())
}

/// The network with another attribute in one node, or `None` where the rest does not fit it.
fn changed(graph: &Graph, at: NodeId) -> Option<Graph> {
    let mut builder = GraphBuilder::new();
    for (id, node) in graph.iter() {
        let op = if id == at { other_attribute(&node.op)? } else { node.op.clone() };
        builder.add(node.name.clone(), op, &node.inputs).ok()?;
    }
    builder.finish(graph.outputs()).ok()
}

/// The operator with one attribute changed, the shape of the output kept.
fn other_attribute(op: &Op) -> Option<Op> {
    let mut other = op.clone();
    match &mut other {
        Op::Conv(conv) => conv.bias = !conv.bias,
        Op::Dense(dense) => dense.bias = !dense.bias,
        Op::BatchNorm(norm) => norm.epsilon_millionths += 1,
        Op::LayerNorm(norm) => norm.epsilon_millionths += 1,
        Op::AvgPool(pool) => pool.count_include_pad = !pool.count_include_pad,
        Op::Softmax(softmax) => softmax.axis += 1,
        Op::Transpose(transpose) => transpose.permutation.reverse(),
        Op::Activation(activation) => *activation = next(*activation),
        Op::MaxPool(pool) => pool.window.padding_begin.iter_mut().for_each(|p| *p += 1),
        _ => return None,
    }
    (other != *op).then_some(other)
}

fn next(activation: Activation) -> Activation {
    let at = Activation::ALL.iter().position(|&a| a == activation).unwrap();
    Activation::ALL[(at + 1) % Activation::ALL.len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn listing_and_names_do_not_count(seed in any::<u64>()) {
        let mut choose = choices(seed);
        let graph = random_graph(&mut choose);
        let other = relisted(&graph, &mut choose);
        assert_eq!(Digest::of(&graph), Digest::of(&other), "\n{graph}\n{other}");
    }

    #[test]
    fn every_attribute_counts(seed in any::<u64>()) {
        let graph = random_graph(&mut choices(seed)).simplified().0;
        for (id, _) in graph.iter() {
            if let Some(other) = changed(&graph, id) {
                assert_ne!(Digest::of(&graph), Digest::of(&other), "node {}\n{graph}", id.0);
            }
        }
    }
}

#[test]
fn digests_of_different_operators_differ() {
    // All of these networks use the same names, so their text is equal exactly when they are.
    let all: Vec<(String, Digest)> =
        every_operator().iter().map(|(_, graph)| (graph.simplified().0.to_string(), Digest::of(graph))).collect();
    for (one, its_digest) in &all {
        for (other, digest) in &all {
            assert_eq!(one == other, its_digest == digest, "\n{one}\n{other}");
        }
    }
}

#[test]
fn every_field_of_a_convolution_counts() {
    let base = Conv { out_channels: 4, window: Window::new(2, 3, 1, AutoPad::Same), groups: 1, bias: true };
    let mut variants = vec![base.clone()];
    let mut with = |change: &dyn Fn(&mut Conv)| {
        let mut variant = base.clone();
        change(&mut variant);
        variants.push(variant);
    };
    with(&|c| c.out_channels = 2);
    with(&|c| c.groups = 2);
    with(&|c| c.bias = false);
    with(&|c| c.window.kernel = vec![3, 5]);
    with(&|c| c.window.kernel = vec![5, 3]);
    with(&|c| c.window.stride = vec![1, 2]);
    with(&|c| c.window.stride = vec![2, 1]);
    with(&|c| c.window.padding_begin = vec![0, 1]);
    with(&|c| c.window.padding_end = vec![0, 1]);
    with(&|c| c.window.dilation = vec![1, 2]);
    let digest = |conv: &Conv| {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([2, 9, 9])).unwrap();
        let y = b.add("y", Op::Conv(conv.clone()), &[x]).unwrap();
        Digest::of(&b.finish(&[y]).unwrap())
    };
    let mut digests: Vec<Digest> = variants.iter().map(digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), variants.len());
}

#[test]
fn which_input_and_which_output_counts() {
    let build = |order: [usize; 2], outputs: [usize; 2]| {
        let mut b = GraphBuilder::new();
        let inputs = [b.input("a", Shape::new([4])).unwrap(), b.input("b", Shape::new([4])).unwrap()];
        let dense = b.add("dense", Op::Dense(Dense { out_features: 4, bias: true }), &[inputs[order[0]]]).unwrap();
        let relu = b.add("relu", Op::Activation(Activation::Relu), &[inputs[order[1]]]).unwrap();
        Digest::of(&b.finish(&outputs.map(|i| [dense, relu][i])).unwrap())
    };
    assert_ne!(build([0, 1], [0, 1]), build([1, 0], [0, 1]));
    assert_ne!(build([0, 1], [0, 1]), build([0, 1], [1, 0]));
}
