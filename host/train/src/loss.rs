//! The loss of a batch, as one operation on Flex and composed elsewhere.

use std::sync::Arc;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

use crate::backend;
use crate::network::Operations;

/// Mean cross entropy of scores (`[batch, classes]`) with labels smoothed by `smoothing`; one number.
pub(crate) fn cross_entropy(
    scores: Tensor<2>,
    labels: Arc<[u32]>,
    smoothing: f64,
    operations: Operations,
) -> Tensor<1> {
    match operations {
        Operations::Kernels => backend::cross_entropy(scores, labels, smoothing as f32),
        Operations::Burn => composed(scores, &labels, smoothing),
    }
}

fn composed(scores: Tensor<2>, labels: &[u32], smoothing: f64) -> Tensor<1> {
    let (batch, device) = (labels.len(), scores.device());
    let labels: Vec<i64> = labels.iter().map(|&l| i64::from(l)).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device);
    let logs = log_softmax(scores, 1);
    let at_label = logs.clone().gather(1, labels.reshape([batch, 1]));
    let even = logs.mean_dim(1);
    let each = at_label * (1.0 - smoothing) + even * smoothing;
    each.mean().neg()
}
