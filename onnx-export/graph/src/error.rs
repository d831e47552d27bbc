//! What can be wrong with a graph; each error names the node.

use thiserror::Error;

/// Why a graph could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// An operator does not take inputs of these shapes or these attributes.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// Name of its operator.
        op: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Two nodes have the same name.
    #[error("two nodes are named `{0}`; node names must be unique")]
    DuplicateName(String),
    /// A graph without inputs or outputs.
    #[error("the graph has no {0}")]
    Missing(&'static str),
    /// The graph has more nodes than [`crate::graph::MAX_NODES`].
    #[error("the graph has more than {0} nodes")]
    TooManyNodes(usize),
}
