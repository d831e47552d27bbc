//! Proxy `jacov`: how differently the network answers to different images (Mellor et al. 2020, version 1): the likelihood of the
//! correlations between the Jacobians of the images, by their eigenvalues.

use burn::tensor::Tensor;
use edgefit_graph::Graph;
use nalgebra::{DMatrix, SymmetricEigen};

use super::{Probe, Proxy};
use crate::error::TrainError;
use crate::network::Mode;

/// Keeps the logarithm and the quotient of an eigenvalue in range, as in the authors' program.
const EPSILON: f64 = 1e-5;

/// See the module.
pub(super) struct Jacov;

impl Proxy for Jacov {
    fn name(&self) -> &'static str {
        "jacov"
    }

    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
        let network = probe.classifier(graph)?;
        let input = network.input_tensor(probe.floats()).autodiff().require_grad();
        let value = network.input_value(input.clone());
        // The parameters are tracked too, so that all of the network is on record.
        let scores = network.scores(value, &super::probe::tracked(&network.parameters), Mode::Train(&mut Vec::new()));
        let gradient = input.grad_remove(&mut scores.sum().backward());
        Ok(gradient.and_then(|jacobians| likelihood(jacobians, probe.images())))
    }
}

/// `-sum(log(v + e) + 1 / (v + e))` over the eigenvalues of the correlations; `None` if an image has no gradient.
fn likelihood(jacobians: Tensor<6>, images: usize) -> Option<f64> {
    let floats = jacobians.into_data().try_to_vec::<f32>().ok()?;
    let mut rows: Vec<Vec<f64>> =
        floats.chunks_exact(floats.len() / images).map(|row| row.iter().map(|x| f64::from(*x)).collect()).collect();
    for row in &mut rows {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        row.iter_mut().for_each(|x| *x -= mean);
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm <= 0.0 || !norm.is_finite() {
            return None;
        }
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let correlation = |i: usize, j: usize| rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum::<f64>();
    let eigen = SymmetricEigen::new(DMatrix::from_fn(images, images, correlation));
    Some(-eigen.eigenvalues.iter().map(|v| v.max(0.0) + EPSILON).map(|v| v.ln() + 1.0 / v).sum::<f64>())
}
