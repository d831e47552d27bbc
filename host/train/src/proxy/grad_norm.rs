//! Proxy `grad_norm`: the sum over kernels of the Euclidean norm of the loss's gradient (Abdelfattah et al. 2021).

use edgefit_graph::Graph;

use super::{Probe, Proxy};
use crate::error::TrainError;

/// See the module.
pub(super) struct GradNorm;

impl Proxy for GradNorm {
    fn name(&self) -> &'static str {
        "grad_norm"
    }

    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
        let norm = |gradient: &[f32]| gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        let sum: f64 = probe.kernels(graph)?.iter().map(|kernel| norm(&kernel.gradient)).sum();
        Ok((sum > 0.0).then_some(sum))
    }
}
