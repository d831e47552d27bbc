//! Random weights and inputs of a size at which 32-bit floats lose little.

use crate::graph::Graph;
use crate::shape::Shape;
use crate::weights::{ParamId, ParamSpec, Role, Tensor, Weights};

use super::{Choose, unit};

/// A tensor of numbers between -4 and 4, so that every piece of a piecewise nonlinearity is met.
pub fn random_tensor(shape: &Shape, choose: Choose<'_>) -> Tensor {
    uniform(shape, -4.0, 4.0, choose)
}

/// Values for all parameters of a graph: kernels keep the size of their input, variances are positive.
pub fn random_weights(graph: &Graph, choose: Choose<'_>) -> Weights {
    let mut weights = Weights::new();
    for (id, spec) in graph.params() {
        weights.insert(id, parameter(graph, id, &spec, choose));
    }
    weights
}

fn parameter(graph: &Graph, id: ParamId, spec: &ParamSpec, choose: Choose<'_>) -> Tensor {
    let (low, high) = match spec.role {
        Role::Weight => around_zero((fan_in(graph, id) as f32).sqrt().recip()),
        Role::Bias | Role::Shift | Role::RunningMean => around_zero(0.5),
        Role::Scale | Role::RunningVariance => (0.5, 1.5),
    };
    uniform(&spec.shape, low, high, choose)
}

fn around_zero(most: f32) -> (f32, f32) {
    (-most, most)
}

/// Multiply-accumulates for one element of the node's output.
fn fan_in(graph: &Graph, id: ParamId) -> u64 {
    let node = graph.node(id.node);
    let macs = node.op.macs(&graph.input_shapes(node), &node.shape);
    (macs / node.shape.elements()).max(1)
}

fn uniform(shape: &Shape, low: f32, high: f32, choose: Choose<'_>) -> Tensor {
    let data = (0..shape.elements()).map(|_| low + (high - low) * unit(choose)).collect();
    Tensor { shape: shape.clone(), data }
}
