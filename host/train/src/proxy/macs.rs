//! Proxy `macs`: multiply-accumulates of one inference.

use edgefit_graph::Graph;

use super::{Probe, Proxy};
use crate::error::TrainError;

/// See the module.
pub(super) struct Macs;

impl Proxy for Macs {
    fn name(&self) -> &'static str {
        "macs"
    }

    fn measure(&self, graph: &Graph, _: &Probe) -> Result<Option<f64>, TrainError> {
        Ok(Some(graph.cost().macs as f64))
    }
}
