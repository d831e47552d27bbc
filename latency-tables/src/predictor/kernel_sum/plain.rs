//! The plain sum of kernels, as a lookup table has it: each kernel's time in its profiles, added up, and nothing else.
//!
//! A kernel that was not profiled takes what the cost model says. There is no overhead, no level and no correction, which is what
//! block lookup tables do (ProxylessNAS, FBNet); it stands beside ours in evaluations and is never chosen.

use super::super::{LEAST_NS, Model, Predictor};
use super::cost_model::CostModel;
use super::interpolation::Interpolation;
use super::profile::Profiles;
use crate::kernel_set::KernelSet;
use crate::sample::NetworkSample;

/// Profiled times added up.
#[derive(Debug, Clone, Copy)]
pub struct PlainSum;

#[derive(Debug)]
struct Lookup {
    times: Interpolation,
}

impl Predictor for PlainSum {
    fn name(&self) -> &'static str {
        "plain-sum"
    }

    fn learns_from_alone(&self) -> bool {
        true
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let profiles = Profiles::as_profiled(samples);
        Box::new(Lookup { times: Interpolation::fit(CostModel::of(&profiles, samples), &profiles) })
    }
}

impl Model for Lookup {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        network.kernels().iter().map(|kernel| self.times.time_ns(kernel)).sum::<f64>().max(LEAST_NS)
    }

    fn doubt(&self, _network: &KernelSet) -> f64 {
        1.0
    }

    fn kernel_ns(&self, network: &KernelSet) -> Option<Vec<f64>> {
        Some(network.kernels().iter().map(|kernel| self.times.time_ns(kernel)).collect())
    }

    fn terms(&self) -> Vec<(String, f64)> {
        self.times.costs().terms()
    }
}
