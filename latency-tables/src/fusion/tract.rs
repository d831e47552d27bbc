//! tract 0.23: what is lowered to a matrix product takes in the rectifiers and sums behind it; other operators run alone.
//!
//! From `OptMatMul::fuse` of tract-core: the micro-operations of a product include binary operations with a constant or a
//! tensor, which relu and relu6 (maximum and minimum with a constant) and sums are. Depthwise convolutions run as
//! `DepthWise`, which takes in nothing, and sigmoid, silu, gelu and hard swish are operators of their own.

use edgefit_graph::op::{Activation, Op};
use edgefit_graph::{Graph, Node};

use super::{FusionRule, is_folded_batch_norm};
use crate::kernel::KernelKind;

/// The rule of tract.
#[derive(Debug, Clone, Copy)]
pub struct Tract;

impl FusionRule for Tract {
    fn runtime(&self) -> &'static str {
        "tract"
    }

    /// A product with zeros is a constant to it, and so is all that follows from constants.
    fn folds_constants(&self) -> bool {
        true
    }

    fn absorbs(&self, graph: &Graph, kernel: &[&Node], node: &Node) -> bool {
        is_folded_batch_norm(kernel, node) || (is_product(graph, kernel[0]) && is_micro_operation(node))
    }
}

fn is_product(graph: &Graph, head: &Node) -> bool {
    use KernelKind::{Dense, FullConv, GroupedConv, MatMul, PointwiseConv};
    matches!(KernelKind::of(graph, head), Some(PointwiseConv | FullConv | GroupedConv | Dense | MatMul))
}

fn is_micro_operation(node: &Node) -> bool {
    matches!(node.op, Op::Activation(Activation::Relu | Activation::Relu6) | Op::Add(_))
}
