//! The other plain baseline: latency is linear in multiply-accumulates, whatever performs them.

use nalgebra::{DMatrix, DVector};

use super::{LEAST_NS, Model, Predictor};
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;

/// MACs alone: intercept and slope, relative errors, both non-negative.
#[derive(Debug, Clone, Copy)]
pub struct Macs;

#[derive(Debug)]
struct Line {
    fit: Fit,
}

fn row(network: &KernelSet) -> [f64; 2] {
    [1.0, network.kernels().iter().map(|kernel| kernel.features.macs).sum()]
}

impl Predictor for Macs {
    fn name(&self) -> &'static str {
        "macs"
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let rows: Vec<[f64; 2]> = samples.iter().map(|sample| row(&sample.kernels)).collect();
        let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
        let problem = Problem::relative(DMatrix::from_fn(samples.len(), 2, |i, j| rows[i][j]), targets, 0.0);
        Box::new(Line { fit: problem.solve() })
    }
}

impl Model for Line {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        self.fit.predict(&row(network)).max(LEAST_NS)
    }

    fn doubt(&self, _network: &KernelSet) -> f64 {
        1.0
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let names = ["intercept_ns", "ns_per_mac"].map(str::to_owned);
        names.into_iter().zip(self.fit.coefficients().iter().copied()).collect()
    }
}
