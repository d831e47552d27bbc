//! A runtime that runs each operator on its own: the rule for tabulated measurements of unpruned networks.

use edgefit_graph::{Graph, Node};

use super::{FusionRule, is_folded_batch_norm};

/// The rule under which only batch norm is folded.
#[derive(Debug, Clone, Copy)]
pub struct Unfused;

impl FusionRule for Unfused {
    fn runtime(&self) -> &'static str {
        "unfused"
    }

    fn absorbs(&self, _graph: &Graph, kernel: &[&Node], node: &Node) -> bool {
        is_folded_batch_norm(kernel, node)
    }
}
