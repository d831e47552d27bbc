//! How well a network with given weights classifies samples.

use burn::tensor::{Device, Tensor};
use edgefit_graph::{Graph, Weights};

use crate::batch::Batcher;
use crate::data::{Normalization, Samples};
use crate::error::TrainError;
use crate::network::{Mode, Network, Operations};
use crate::train::on_one_thread;

/// Samples that are run at a time.
const BATCH: usize = 64;

/// The result of an evaluation. Computed in 32-bit floats with the trainer's own operations, not with a runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Share of the samples classified right.
    pub accuracy: f64,
    /// Mean cross entropy, without smoothing.
    pub loss: f64,
    /// The class with the highest score for each sample, the first among equals.
    pub predictions: Vec<u32>,
    /// Probability that the network gives to its prediction of each sample.
    pub confidences: Vec<f64>,
    /// Place of each sample's label by score, from 0.
    pub places: Vec<u32>,
}

impl Evaluation {
    /// Whether each sample is classified right, of samples with these labels.
    pub fn right(&self, labels: &[u32]) -> Vec<bool> {
        self.predictions.iter().zip(labels).map(|(prediction, label)| prediction == label).collect()
    }
}

/// Classifies samples, on one thread of its own.
///
/// # Errors
/// If the weights do not fit the graph or the graph is not a classifier.
pub fn evaluate(
    graph: &Graph,
    weights: &Weights,
    samples: &Samples,
    normalization: &Normalization,
) -> Result<Evaluation, TrainError> {
    on_one_thread(|| {
        let network = Network::classifier(graph, weights, Operations::Kernels, &Device::flex())?;
        Ok(evaluate_network(&network, &network.parameters, samples, normalization))
    })
}

/// Classifies samples with these parameters in place of the network's own.
pub(crate) fn evaluate_network(
    network: &Network,
    parameters: &[Tensor<1>],
    samples: &Samples,
    normalization: &Normalization,
) -> Evaluation {
    let batcher = Batcher::new(samples, normalization);
    let indices: Vec<usize> = (0..samples.len()).collect();
    let mut predictions = Vec::with_capacity(samples.len());
    let (mut confidences, mut places) = (Vec::with_capacity(samples.len()), Vec::with_capacity(samples.len()));
    let (mut loss, mut right) = (0.0, 0usize);
    for indices in indices.chunks(BATCH) {
        let scores = network.scores(network.input(batcher.plain(indices)), parameters, Mode::Infer);
        let scores = scores.into_data().try_to_vec::<f32>().expect("scores are 32-bit floats");
        for (scores, label) in scores.chunks_exact(network.classes()).zip(batcher.labels(indices)) {
            loss += surprise(scores, label);
            let prediction = largest(scores);
            right += usize::from(prediction == label);
            predictions.push(prediction);
            confidences.push((-surprise(scores, prediction)).exp());
            places.push(scores.iter().filter(|&&score| score > scores[label as usize]).count() as u32);
        }
    }
    let count = samples.len().max(1) as f64;
    Evaluation { accuracy: right as f64 / count, loss: loss / count, predictions, confidences, places }
}

/// The class with the highest score for each sample of a batch of normalized floats, channels last.
pub(crate) fn predictions(network: &Network, floats: Vec<f32>) -> Vec<u32> {
    let scores = network.scores(network.input(floats), &network.parameters, Mode::Infer);
    let scores = scores.into_data().try_to_vec::<f32>().expect("scores are 32-bit floats");
    scores.chunks_exact(network.classes()).map(largest).collect()
}

/// `-log softmax(scores)[label]`.
fn surprise(scores: &[f32], label: u32) -> f64 {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|s| f64::from(s - largest).exp()).sum();
    sum.ln() - f64::from(scores[label as usize] - largest)
}

fn largest(scores: &[f32]) -> u32 {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = i;
        }
    }
    best as u32
}
