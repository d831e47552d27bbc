//! The plain baseline: latency is linear in how many kernels of each kind a network has.
//!
//! An intercept and one coefficient a kind, by ordinary least squares on whole networks. It is known to be hard to beat within
//! one space, so it stands beside every other figure.

use nalgebra::{DMatrix, DVector};

use super::{LEAST_NS, Model, Predictor};
use crate::kernel::KernelKind;
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem, Sign};
use crate::sample::NetworkSample;

/// Operator counts, ordinary least squares.
#[derive(Debug, Clone, Copy)]
pub struct OperatorCount;

#[derive(Debug)]
struct Counts {
    fit: Fit,
}

/// A count of 1 for the intercept, then one a kind.
fn row(network: &KernelSet) -> [f64; KernelKind::ALL.len() + 1] {
    let mut row = [0.0; KernelKind::ALL.len() + 1];
    row[0] = 1.0;
    network.kernels().iter().for_each(|kernel| row[kernel.kind.index() + 1] += 1.0);
    row
}

impl Predictor for OperatorCount {
    fn name(&self) -> &'static str {
        "operator-count"
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        let rows: Vec<_> = samples.iter().map(|sample| row(&sample.kernels)).collect();
        let rows = DMatrix::from_fn(samples.len(), KernelKind::ALL.len() + 1, |i, j| rows[i][j]);
        let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
        let problem = Problem {
            scales: DVector::from_element(samples.len(), targets.mean()),
            signs: vec![Sign::Free; rows.ncols()],
            huber_bound: None,
            ..Problem::relative(rows, targets, 0.0)
        };
        Box::new(Counts { fit: problem.solve() })
    }
}

impl Model for Counts {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        self.fit.predict(&row(network)).max(LEAST_NS)
    }

    fn doubt(&self, _network: &KernelSet) -> f64 {
        1.0
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let names = std::iter::once("intercept".to_owned()).chain(KernelKind::ALL.map(|kind| kind.name().to_owned()));
        names.zip(self.fit.coefficients().iter().copied()).filter(|(_, value)| *value != 0.0).collect()
    }
}
