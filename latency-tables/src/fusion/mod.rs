//! Which operators a runtime runs as one kernel: one rule a runtime, an open set.
//!
//! A rule only proposes; what a profile shows is matched to the proposed kernels by name (see `matching`), and what does
//! not match is kept apart. To add a runtime, write its file and list it in [`RULES`].

mod ort;
mod tract;
mod unfused;

use std::fmt;

use edgefit_graph::op::Op;
use edgefit_graph::{Graph, Node};
use thiserror::Error;

pub use ort::OnnxRuntime;
pub use tract::Tract;
pub use unfused::Unfused;

/// The fusion of one runtime.
pub trait FusionRule: fmt::Debug + Sync {
    /// The runtime's name in provenance, such as `tract`.
    fn runtime(&self) -> &'static str;

    /// Whether `node` runs inside the kernel of `kernel` (its head first), whose output only `node` takes.
    fn absorbs(&self, graph: &Graph, kernel: &[&Node], node: &Node) -> bool;

    /// Whether what does not depend on the network's input is computed when a model is loaded, and never when it runs.
    fn folds_constants(&self) -> bool {
        false
    }

    /// Whether a node takes no time: inputs always, views in most runtimes.
    fn is_free(&self, node: &Node) -> bool {
        matches!(node.op, Op::Input(_)) || node.op.is_view()
    }
}

/// Every rule there is.
pub const RULES: [&dyn FusionRule; 3] = [&Tract, &OnnxRuntime, &Unfused];

/// No rule is known for a runtime.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no fusion rule for the runtime `{runtime}`; known are {known}")]
pub struct UnknownRuntime {
    runtime: String,
    known: String,
}

/// The rule of a runtime by its name.
///
/// # Errors
/// When no rule has this name.
pub fn rule_of(runtime: &str) -> Result<&'static dyn FusionRule, UnknownRuntime> {
    let found = RULES.into_iter().find(|rule| rule.runtime() == runtime);
    found.ok_or_else(|| UnknownRuntime {
        runtime: runtime.to_owned(),
        known: RULES.map(|rule| rule.runtime()).join(", "),
    })
}

/// Whether a node is a batch norm right behind a convolution: the exporter folds it into the weights.
fn is_folded_batch_norm(kernel: &[&Node], node: &Node) -> bool {
    matches!(node.op, Op::BatchNorm(_)) && kernel.len() == 1 && matches!(kernel[0].op, Op::Conv(_))
}

#[cfg(test)]
mod tests {
    use edgefit_graph::op::{Activation, Add, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, Op};
    use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};

    use super::{RULES, rule_of};
    use crate::KernelSet;

    fn conv(b: &mut GraphBuilder, name: &str, x: NodeId, out: usize, kernel: usize, groups: usize) -> NodeId {
        let window = Window::new(2, kernel, 1, AutoPad::Same);
        let conv = b.add(name, Op::Conv(Conv { out_channels: out, window, groups, bias: false }), &[x]).unwrap();
        b.add(format!("{name}.norm"), Op::BatchNorm(BatchNorm::default()), &[conv]).unwrap()
    }

    /// An inverted bottleneck with a residual sum and a classifier.
    fn block() -> Graph {
        let mut b = GraphBuilder::new();
        let x = b.input("image", Shape::new([8, 8, 8])).unwrap();
        let expand = conv(&mut b, "expand", x, 16, 1, 1);
        let relu = b.add("expand.act", Op::Activation(Activation::Relu), &[expand]).unwrap();
        let depthwise = conv(&mut b, "depthwise", relu, 16, 3, 16);
        let swish = b.add("depthwise.act", Op::Activation(Activation::Silu), &[depthwise]).unwrap();
        let project = conv(&mut b, "project", swish, 8, 1, 1);
        let sum = b.add("add", Op::Add(Add), &[project, x]).unwrap();
        let pool = b.add("pool", Op::GlobalAvgPool(GlobalAvgPool), &[sum]).unwrap();
        let flat = b.add("flatten", Op::Flatten(Flatten), &[pool]).unwrap();
        let y = b.add("classifier", Op::Dense(Dense { out_features: 10, bias: true }), &[flat]).unwrap();
        b.finish(&[y]).unwrap()
    }

    fn check(runtime: &str, expected: &[&str]) {
        let set = KernelSet::of(&block(), rule_of(runtime).unwrap());
        let names: Vec<String> = set.names().iter().map(|names| names.join("+")).collect();
        assert_eq!(names, expected, "{runtime}");
    }

    #[test]
    fn each_runtime_fuses_as_its_own_optimizer_does() {
        let expand = "expand+expand.norm+expand.act";
        let depthwise = "depthwise+depthwise.norm";
        check("tract", &[expand, depthwise, "depthwise.act", "project+project.norm+add", "pool", "classifier"]);
        check("ort", &[expand, depthwise, "depthwise.act", "project+project.norm+add", "pool", "classifier"]);
        check(
            "unfused",
            &[
                "expand+expand.norm",
                "expand.act",
                depthwise,
                "depthwise.act",
                "project+project.norm",
                "add",
                "pool",
                "classifier",
            ],
        );
    }

    #[test]
    fn a_tensor_that_two_nodes_take_ends_its_kernel() {
        let mut b = GraphBuilder::new();
        let x = b.input("x", Shape::new([4, 4, 4])).unwrap();
        let window = Window::new(2, 1, 1, AutoPad::Same);
        let conv = b.add("conv", Op::Conv(Conv { out_channels: 4, window, groups: 1, bias: true }), &[x]).unwrap();
        let relu = b.add("relu", Op::Activation(Activation::Relu), &[conv]).unwrap();
        let sum = b.add("sum", Op::Add(Add), &[relu, conv]).unwrap();
        let graph = b.finish(&[sum]).unwrap();
        for rule in RULES {
            assert_eq!(KernelSet::of(&graph, rule).kernels().len(), 3, "{}", rule.runtime());
        }
    }

    #[test]
    fn an_unknown_runtime_is_named_with_those_that_are_known() {
        let message = rule_of("tensorrt").unwrap_err().to_string();
        assert_eq!(message, "no fusion rule for the runtime `tensorrt`; known are tract, ort, unfused");
    }
}
