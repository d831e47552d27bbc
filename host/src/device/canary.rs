//! The canary: a small fixed network that is measured again and again within a batch. Its own latency does not change, so that
//! what changes is the device.

use edgefit_graph::{
    AutoPad, Graph, GraphBuilder, GraphError, NodeId, Op, Role, Shape, Tensor, Weights, Window,
    op::{Activation, Conv, Dense, Flatten, GlobalAvgPool},
};
use edgefit_onnx::{ExportOptions, export};
use edgefit_protocol::job::Plan;
use serde::{Deserialize, Serialize};

use super::validity::Flag;

/// The canary may differ from its first measurement by this share.
const DRIFT_SHARE: f64 = 0.05;

/// Channels of the canary's layers.
const CHANNELS: usize = 8;

/// The canary is measured shortly: what is looked for is a few percent.
pub const PLAN: Plan = Plan {
    warm_up_ns: 50_000_000,
    min_ns: 50_000_000,
    max_ns: 500_000_000,
    interval_share: Some(0.01),
    ..Plan::SEARCH
};

/// The canary's medians over a batch, in the order in which they were measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Medians, in milliseconds.
    pub medians_ms: Vec<f64>,
}

impl Canary {
    /// The measurement that is farthest from the first, over the first; `None` before the second.
    pub fn drift(&self) -> Option<f64> {
        let (first, later) = self.medians_ms.split_first()?;
        let ratios = later.iter().map(|ms| ms / first.max(f64::MIN_POSITIVE));
        ratios.max_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()))
    }

    /// Marks a batch in which the canary drifted.
    pub fn flag(&self) -> Option<Flag> {
        let ratio = self.drift().filter(|ratio| (ratio - 1.0).abs() > DRIFT_SHARE)?;
        Some(Flag::CanaryDrifting { ratio })
    }
}

/// The canary as an ONNX file: three convolutions of 3x3 over 8x16x16, about half a million multiply-accumulates. The same bytes
/// every time.
pub fn model() -> Vec<u8> {
    let graph = graph().expect("the canary's shapes fit each other");
    export(&graph, &weights(&graph), &ExportOptions::default()).expect("every operator of the canary can be written")
}

fn graph() -> Result<Graph, GraphError> {
    let mut builder = GraphBuilder::new();
    let mut at = builder.input("input", Shape::new([CHANNELS, 16, 16]))?;
    for layer in 0..3 {
        at = layer_of(&mut builder, layer, at)?;
    }
    at = builder.add("pool", Op::GlobalAvgPool(GlobalAvgPool), &[at])?;
    at = builder.add("flatten", Op::Flatten(Flatten), &[at])?;
    at = builder.add("dense", Op::Dense(Dense { out_features: 4, bias: true }), &[at])?;
    builder.finish(&[at])
}

fn layer_of(builder: &mut GraphBuilder, layer: usize, at: NodeId) -> Result<NodeId, GraphError> {
    let window = Window::new(2, 3, 1, AutoPad::Same);
    let conv = Conv { out_channels: CHANNELS, window, groups: 1, bias: true };
    let at = builder.add(format!("conv_{layer}"), Op::Conv(conv), &[at])?;
    builder.add(format!("relu_{layer}"), Op::Activation(Activation::Relu), &[at])
}

/// A simple pattern: what a weight is does not matter for its time, as long as nothing becomes denormal.
fn weights(graph: &Graph) -> Weights {
    let mut weights = Weights::new();
    for (id, spec) in graph.params() {
        let scale = if id.role == Role::Weight { 0.05 } else { 0.5 };
        let data = (0..spec.shape.elements()).map(|at| ((at % 7) as f32 - 2.0) * scale).collect();
        weights.insert(id, Tensor { shape: spec.shape, data });
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_that_stays_is_no_flag_and_one_that_moves_is() {
        let canary = |medians_ms: &[f64]| Canary { medians_ms: medians_ms.to_vec() };
        assert_eq!(canary(&[1.0]).flag(), None);
        assert_eq!(canary(&[1.0, 1.04, 0.96]).flag(), None);
        assert!(matches!(canary(&[1.0, 1.01, 0.9, 1.02]).flag(), Some(Flag::CanaryDrifting { ratio }) if ratio == 0.9));
    }

    #[test]
    fn it_is_the_same_model_every_time() {
        assert_eq!(model(), model());
        assert!(edgefit_onnx::import(&model()).is_ok());
    }
}
