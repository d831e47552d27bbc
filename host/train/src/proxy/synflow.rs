//! Proxy `synflow`: how much flows from input to output through all kernels (Tanaka et al. 2020, as a proxy by Abdelfattah et al.
//! 2021): the logarithm of the sum of `w * dR/dw`, where `R` is the sum of the scores for an input of ones, with weights by
//! magnitude and without batch norm. It needs no images.

use edgefit_graph::Graph;

use super::probe::{kernels, tracked};
use super::{Probe, Proxy};
use crate::error::TrainError;
use crate::network::Mode;
use crate::rewrite;

/// See the module.
pub(super) struct Synflow;

impl Proxy for Synflow {
    fn name(&self) -> &'static str {
        "synflow"
    }

    fn measure(&self, graph: &Graph, probe: &Probe) -> Result<Option<f64>, TrainError> {
        let network = probe.classifier(&rewrite::without_norms(graph)?)?;
        let magnitudes: Vec<_> = network.parameters.iter().map(|p| p.clone().abs()).collect();
        let tracked = tracked(&magnitudes);
        let ones = vec![1.0; network.input_shape().elements() as usize];
        let mut logarithm = 0.0;
        let scores = network.scores(network.input(ones), &tracked, Mode::Flow(&mut logarithm));
        let kernels = kernels(network.blocks(), &tracked, &scores.sum());
        let flow: f64 = kernels.iter().map(|kernel| kernel.saliency()).sum();
        Ok((flow > 0.0).then(|| flow.ln() + logarithm))
    }
}
