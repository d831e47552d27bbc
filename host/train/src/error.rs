//! What can go wrong in training, each error saying where and what to do.

use edgefit_graph::{Graph, NodeId};
use thiserror::Error;

/// Why a network could not be trained or run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrainError {
    /// A node cannot be trained.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// Name of its operator.
        op: &'static str,
        /// Why not, and what would do.
        reason: String,
    },
    /// The network as a whole does not fit the task.
    #[error("the network {0}")]
    Network(String),
    /// The weights do not belong to the graph.
    #[error("the weights do not fit the graph: {0}")]
    Weights(String),
    /// The recipe makes no sense.
    #[error("recipe: {0}")]
    Recipe(String),
    /// The loss or a weight is no longer a number.
    #[error("diverged in epoch {epoch}, step {step}: {what}; a lower learning rate or clipping of gradients may help")]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// What was not finite.
        what: &'static str,
    },
    /// The caller asked to stop.
    #[error("training was cancelled in epoch {epoch}")]
    Cancelled {
        /// Epoch, from 1.
        epoch: usize,
    },
    /// A paused training that cannot go on.
    #[error("the paused training cannot go on: {0}")]
    Paused(&'static str),
    /// What is to be computed on is not there.
    #[error("cannot compute on {name}: {reason}")]
    Compute {
        /// Its name in files.
        name: &'static str,
        /// Why not, and what would do.
        reason: String,
    },
    /// The one-thread pool of a training could not be made.
    #[error("cannot start a thread for training: {0}")]
    Thread(String),
}

impl TrainError {
    /// An error about one node.
    pub(crate) fn node(graph: &Graph, id: NodeId, reason: impl Into<String>) -> Self {
        let node = graph.node(id);
        Self::Node { node: node.name.clone(), op: node.op.name(), reason: reason.into() }
    }
}
