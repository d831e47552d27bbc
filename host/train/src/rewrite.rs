//! A graph with a change to all of it: other outputs, or no batch norms.

use edgefit_graph::op::Identity;
use edgefit_graph::{Graph, GraphBuilder, GraphError, Node, NodeId, Op};

use crate::error::TrainError;

/// The graph with these nodes as its outputs. Its nodes keep their ids.
///
/// # Errors
/// None for a graph that was valid.
pub(crate) fn with_outputs(graph: &Graph, outputs: &[NodeId]) -> Result<Graph, TrainError> {
    rebuilt(graph, outputs, |node| node.op.clone())
}

/// The graph with the identity in place of each batch norm.
///
/// # Errors
/// None for a graph that was valid.
pub(crate) fn without_norms(graph: &Graph) -> Result<Graph, TrainError> {
    rebuilt(graph, graph.outputs(), |node| match node.op {
        Op::BatchNorm(_) => Op::Identity(Identity),
        ref op => op.clone(),
    })
}

fn rebuilt(graph: &Graph, outputs: &[NodeId], changed: impl Fn(&Node) -> Op) -> Result<Graph, TrainError> {
    let fail = |error: GraphError| TrainError::Network(format!("could not be rewritten: {error}"));
    let mut builder = GraphBuilder::new();
    for node in graph.nodes() {
        match changed(node) {
            Op::Input(_) => builder.input(node.name.clone(), node.shape.clone()),
            op => builder.add(node.name.clone(), op, &node.inputs),
        }
        .map_err(fail)?;
    }
    builder.finish(outputs).map_err(fail)
}
