//! A sum of kernels that starts from another table instead of from nothing.
//!
//! The source is any table: of another device, runtime, version or thread count. Its kernels' times, adapted by few
//! measurements here (`adaptation`), take the place of the cost model; profiles and whole networks correct them as they
//! do those of [`super::KernelSum`].

use std::sync::Arc;

use super::super::{Model, Predictor};
use super::adaptation::Adaptation;
use super::cost_model::CostModel;
use super::profile::Profiles;
use super::{KernelSum, Sum};
use crate::sample::NetworkSample;

/// The name of the predictor that starts from another table.
pub const TRANSFERRED: &str = "transferred";

/// Kernel times of a source table, to be adapted.
#[derive(Debug, Clone)]
pub struct Transferred {
    source: Arc<Sum>,
}

impl Transferred {
    /// From the samples of a source, of which there are at least [`super::super::MIN_NETWORKS`].
    pub(crate) fn of(samples: &[&NetworkSample]) -> Self {
        let kind = if KernelSum::PROFILED.applies(samples) { KernelSum::PROFILED } else { KernelSum::UNPROFILED };
        Self { source: Arc::new(kind.sum(samples)) }
    }
}

impl Predictor for Transferred {
    fn name(&self) -> &'static str {
        TRANSFERRED
    }

    fn learns_from_alone(&self) -> bool {
        true
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let profiles = Profiles::of(samples);
        let adaptation = Adaptation::fit(Arc::clone(&self.source), &profiles, samples);
        Box::new(Sum::fit(CostModel::adapted(adaptation), &profiles, samples))
    }
}
