//! Proxy `params`: the number of learned numbers. What other proxies have to beat.

use edgefit_graph::Graph;

use super::{Probe, Proxy};
use crate::error::TrainError;

/// See the module.
pub(super) struct Params;

impl Proxy for Params {
    fn name(&self) -> &'static str {
        "params"
    }

    fn measure(&self, graph: &Graph, _: &Probe) -> Result<Option<f64>, TrainError> {
        Ok(Some(graph.cost().params as f64))
    }
}
