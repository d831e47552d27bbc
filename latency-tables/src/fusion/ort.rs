//! ONNX Runtime on a CPU at its highest level: a convolution takes in one sum and the simple activation behind it.
//!
//! From the optimized models and profiles of 1.32: `ConvActivationFusion` and the blocked layout (`NchwcTransformer`) fuse
//! relu, relu6 (clip), sigmoid, hard sigmoid and hard swish, and a residual sum before the activation. Silu and gelu
//! stay kernels of their own. The reordering between layouts has no node of the model and stays in the overhead.

use edgefit_graph::op::{Activation, Op};
use edgefit_graph::{Graph, Node};

use super::{FusionRule, is_folded_batch_norm};

/// The rule of ONNX Runtime's CPU execution provider.
#[derive(Debug, Clone, Copy)]
pub struct OnnxRuntime;

impl FusionRule for OnnxRuntime {
    fn runtime(&self) -> &'static str {
        "ort"
    }

    fn absorbs(&self, _graph: &Graph, kernel: &[&Node], node: &Node) -> bool {
        let holds = |is: fn(&Op) -> bool| kernel.iter().any(|part| is(&part.op));
        let is_conv = matches!(kernel[0].op, Op::Conv(_));
        let activated = holds(|op| matches!(op, Op::Activation(_)));
        match node.op {
            Op::Add(_) => is_conv && !activated && !holds(|op| matches!(op, Op::Add(_))),
            Op::Activation(activation) => is_conv && !activated && is_fusable(activation),
            _ => is_folded_batch_norm(kernel, node),
        }
    }
}

fn is_fusable(activation: Activation) -> bool {
    !matches!(activation, Activation::Silu | Activation::Gelu)
}
