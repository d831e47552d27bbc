//! The loss of a batch, as one operation on Flex and composed elsewhere.

use std::sync::Arc;

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Int, Tensor, TensorData};

use crate::backend;
use crate::network::Operations;

/// Mean cross entropy of scores (`[batch, classes]`) with labels smoothed by `smoothing`; one number. With weights, one for each
/// class, the mean is a weighted one.
pub(crate) fn cross_entropy(
    scores: Tensor<2>,
    labels: Arc<[u32]>,
    smoothing: f64,
    weights: Option<&[f32]>,
    operations: Operations,
) -> Tensor<1> {
    match (operations, weights) {
        (Operations::Kernels, None) => backend::cross_entropy(scores, labels, smoothing as f32),
        _ => composed(scores, &labels, smoothing, weights),
    }
}

/// Weights by which each class counts as much as any other, with a mean of 1 over the samples; a class without samples has 0.
pub(crate) fn class_weights(labels: &[u32], classes: usize) -> Vec<f32> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let present = counts.iter().filter(|&&count| count > 0).count();
    let share = labels.len() as f32 / present.max(1) as f32;
    counts.iter().map(|&count| if count == 0 { 0.0 } else { share / count as f32 }).collect()
}

/// Mean cross entropy of scores with the classes as another network sees them, given its scores; both `[batch, classes]`.
pub(crate) fn distillation(scores: Tensor<2>, teacher: TensorData) -> Tensor<1> {
    let teacher = Tensor::<2>::from_data(teacher, &scores.device());
    (softmax(teacher, 1) * log_softmax(scores, 1)).sum_dim(1).mean().neg()
}

fn composed(scores: Tensor<2>, labels: &[u32], smoothing: f64, weights: Option<&[f32]>) -> Tensor<1> {
    let (batch, device) = (labels.len(), scores.device());
    let each_weight = weights.map(|weights| labels.iter().map(|&l| weights[l as usize]).collect::<Vec<f32>>());
    let labels: Vec<i64> = labels.iter().map(|&l| i64::from(l)).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch]), &device);
    let logs = log_softmax(scores, 1);
    let at_label = logs.clone().gather(1, labels.reshape([batch, 1]));
    let even = logs.mean_dim(1);
    let each = at_label * (1.0 - smoothing) + even * smoothing;
    let Some(weights) = each_weight else { return each.mean().neg() };
    let total: f32 = weights.iter().sum();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [batch, 1]), &device);
    (each * weights).sum().neg() / total.max(f32::MIN_POSITIVE)
}
