//! What proxies look at a network with: a few images, and the seed of the weights.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use edgefit_graph::{Graph, Role};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::batch::Batcher;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::loss;
use crate::network::{Block, Mode, Network, Operations, initial_weights};

/// Images, their labels, and the seed of the weights.
pub struct Probe {
    classes: usize,
    floats: Vec<f32>,
    labels: Arc<[u32]>,
    seed: u64,
}

impl Probe {
    /// Takes so many training images, drawn by the seed; all of them if there are fewer.
    pub fn new(data: &Dataset, images: usize, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..data.train.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        order.truncate(images);
        let batcher = Batcher::new(&data.train, &data.normalization);
        let (floats, labels) = (batcher.plain(&order), batcher.labels(&order).into());
        Self { classes: data.classes.len(), floats, labels, seed }
    }

    /// Number of images.
    pub(super) fn images(&self) -> usize {
        self.labels.len()
    }

    /// Pixels of all images, normalized, channels last.
    pub(super) fn floats(&self) -> Vec<f32> {
        self.floats.clone()
    }

    /// Whether the network takes these images and has a score for each class.
    pub(super) fn check(&self, graph: &Graph) -> Result<(), TrainError> {
        let input = graph.inputs().next().map_or(0, |id| graph.node(id).shape.elements() as usize);
        let scores = graph.outputs().first().map_or(0, |id| graph.node(*id).shape.last());
        match input * self.images() == self.floats.len() && scores == self.classes {
            true => Ok(()),
            false => Err(TrainError::Network("is for other images or classes than those of the probe".into())),
        }
    }

    /// The network with weights drawn by the seed.
    pub(super) fn classifier(&self, graph: &Graph) -> Result<Network, TrainError> {
        self.check(graph)?;
        let weights = initial_weights(graph, self.seed);
        Network::classifier(graph, &weights, Operations::Kernels, &Device::flex())
    }

    /// As [`Probe::classifier`], with all of the graph's outputs, which need not be scores.
    pub(super) fn network(&self, graph: &Graph) -> Result<Network, TrainError> {
        Network::new(graph, &initial_weights(graph, self.seed), Operations::Kernels, &Device::flex())
    }

    /// The weights of each kernel and the gradient of the loss for them.
    pub(super) fn kernels(&self, graph: &Graph) -> Result<Vec<Kernel>, TrainError> {
        let network = self.classifier(graph)?;
        let tracked = tracked(&network.parameters);
        let scores = network.scores(network.input(self.floats()), &tracked, Mode::Train(&mut Vec::new()));
        let loss = loss::cross_entropy(scores, self.labels.clone(), 0.0, None, network.operations());
        Ok(kernels(network.blocks(), &tracked, &loss))
    }
}

/// The numbers of a convolution's or dense layer's kernel.
pub(super) struct Kernel {
    pub(super) weights: Vec<f32>,
    pub(super) gradient: Vec<f32>,
}

/// Copies that autodiff tracks.
pub(super) fn tracked(parameters: &[Tensor<1>]) -> Vec<Tensor<1>> {
    parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect()
}

/// The kernels of these blocks and the gradient of `of` for them; kernels that it does not depend on are left out.
pub(super) fn kernels(blocks: &[Block], tracked: &[Tensor<1>], of: &Tensor<1>) -> Vec<Kernel> {
    let numbers = |t: Tensor<1>| t.into_data().try_to_vec::<f32>().expect("parameters are 32-bit floats");
    let mut gradients = of.backward();
    let mut kernels = Vec::new();
    for (block, parameters) in blocks.iter().zip(tracked) {
        let Some(gradient) = parameters.grad_remove(&mut gradients) else { continue };
        let (weights, gradient) = (numbers(parameters.clone().inner()), numbers(gradient));
        for part in block.parts.iter().filter(|part| part.id.role == Role::Weight) {
            let of_part = |all: &[f32]| all[part.range.clone()].to_vec();
            kernels.push(Kernel { weights: of_part(&weights), gradient: of_part(&gradient) });
        }
    }
    kernels
}

impl Kernel {
    /// Sum of `|w * dL/dw|`.
    pub(super) fn saliency(&self) -> f64 {
        self.weights.iter().zip(&self.gradient).map(|(w, g)| f64::from(w * g).abs()).sum()
    }
}
