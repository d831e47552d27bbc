//! Proxy `snip`: by how much the loss would change if weights were left out, to first order: the sum of `|w * dL/dw|` over all
//! kernels (Lee et al. 2019, as a proxy by Abdelfattah et al. 2021).

use edgefit_graph::Graph;

use super::{Probe, Proxy};
use crate::error::TrainError;

/// See the module.
pub(super) struct Snip;

impl Proxy for Snip {
    fn name(&self) -> &'static str {
        "snip"
    }

    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
        let sum: f64 = probe.kernels(graph)?.iter().map(|kernel| kernel.saliency()).sum();
        Ok((sum > 0.0).then_some(sum))
    }
}
