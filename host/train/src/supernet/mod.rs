//! A supernet: the networks of a space train one set of weights, and each of them inherits its own from there.
//!
//! A weight belongs to a place in the network and to a kind of operation: the name of the node, and whether it is a pointwise, a
//! spatial or a depthwise convolution. Networks that differ in width, expansion or kernel take the leading channels and the
//! middle taps of the largest one's weights (elastic width, expansion and kernel, Cai et al. 2020); networks that differ in
//! depth or operations take what they have. So any space whose names say the place can be trained this way. Each step trains one
//! network drawn at random (Guo et al. 2020), or by the sandwich rule the largest, the smallest and some at random, with the
//! largest one's answer as the target of the others (Yu et al. 2020).

mod shared;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use edgefit_graph::{Graph, Weights};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::batch::Batcher;
use crate::compute::Compute;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::loss;
use crate::network::{Mode, Network};
use crate::paused::Paused;
use crate::recipe::Recipe;
use crate::train::{EpochReport, Event, Observer, fits, on_one_thread};
use shared::Shared;

/// Batches whose statistics replace those of batch norm in a network that inherits.
const CALIBRATION_BATCHES: usize = 8;

/// Samples of each of them.
const CALIBRATION_SAMPLES: usize = 64;

/// The networks that share weights.
#[derive(Clone, Copy)]
pub struct Family<'a> {
    /// The most costly one.
    pub largest: &'a Graph,
    /// The least costly one.
    pub smallest: &'a Graph,
    /// Draws one.
    pub draw: &'a (dyn Fn(&mut ChaCha8Rng) -> Graph + Sync),
}

/// Which networks a step trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// One, drawn at random.
    Uniform,
    /// The largest, the smallest and so many drawn at random, which learn from the largest.
    Sandwich(usize),
}

/// How a supernet is trained: which networks on which samples by which recipe. The seed decides what is drawn at random.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// The networks.
    pub family: Family<'a>,
    /// Which of them a step trains.
    pub sampling: Sampling,
    /// The samples.
    pub data: &'a Dataset,
    /// Epochs, batch, optimizer, rates, decay, clipping, class weights and augmentation but mixup; patience and average are not used.
    pub recipe: &'a Recipe,
    /// Decides everything that is drawn by chance.
    pub seed: u64,
}

/// Weights that networks share.
pub struct Supernet {
    shared: Shared,
    compute: Compute,
    /// Every epoch that was trained.
    epochs: Vec<EpochReport>,
}

/// What a network of the supernet learns from.
enum Target<'a> {
    Labels(Arc<[u32]>),
    Scores(&'a TensorData),
}

/// A batch of one step.
struct Batch<'a> {
    floats: &'a [f32],
    labels: &'a Arc<[u32]>,
    class_weights: Option<&'a [f32]>,
    smoothing: f64,
}

impl Supernet {
    /// Weights drawn by the seed for every network whose parameters are part of those of `cover`.
    pub fn new(cover: &[Graph], compute: Compute, seed: u64) -> Self {
        Self { shared: Shared::covering(cover, seed), compute, epochs: Vec::new() }
    }

    /// Number of shared weights.
    pub fn parameters(&self) -> usize {
        self.shared.parameters()
    }

    /// How many epochs it was trained.
    pub fn epochs(&self) -> usize {
        self.epochs.len()
    }

    /// Whether it has the weights of a network.
    ///
    /// # Errors
    /// Names the first node whose weights it has not.
    pub fn holds(&self, graph: &Graph) -> Result<(), TrainError> {
        self.shared.gather(graph).map(|_| ())
    }

    /// Everything that going on after the last epoch needs, to go on as if nothing had happened.
    pub fn to_bytes(&self) -> Vec<u8> {
        let paused = Paused {
            steps_done: 0,
            optimizer_steps: self.shared.steps(),
            random_words: 0,
            epochs: self.epochs.clone(),
            best: self.epochs.len() as u64,
            blocks: self.shared.blocks(),
        };
        paused.to_bytes()
    }

    /// Goes on from what a supernet of the same networks gave.
    ///
    /// # Errors
    /// When the bytes are damaged, or of other networks.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), TrainError> {
        let paused = Paused::from_bytes(bytes)?;
        self.shared.restore(paused.optimizer_steps, paused.blocks)?;
        self.epochs = paused.epochs;
        Ok(())
    }

    /// Trains for one more epoch, on one thread of its own; its mean loss, of the first network of each step. The observer is told
    /// every step and may end it; what an epoch that did not end changed is of no use then.
    ///
    /// # Errors
    /// If a network is not covered or does not fit the samples, the recipe makes no sense, a number is none any more, or the
    /// observer ends it.
    pub fn train_epoch(&mut self, lesson: &Lesson<'_>, observer: Observer<'_>) -> Result<f64, TrainError> {
        lesson.recipe.check()?;
        fits(&self.network(lesson.family.smallest)?, lesson.data)?;
        on_one_thread(|| {
            let loss = self.epoch(lesson, observer)?;
            let epoch = self.epochs.len() + 1;
            self.epochs.push(EpochReport { epoch, train_loss: loss, validation_loss: None, validation_accuracy: None });
            Ok(loss)
        })
    }

    fn epoch(&mut self, lesson: &Lesson<'_>, observer: Observer<'_>) -> Result<f64, TrainError> {
        let Lesson { data, recipe, .. } = *lesson;
        let epoch = self.epochs.len() + 1;
        let mut rng = ChaCha8Rng::seed_from_u64(lesson.seed);
        // The weights were drawn from stream 0.
        rng.set_stream(epoch as u64);
        let steps = (data.train.len() / recipe.batch).max(1);
        let batcher = Batcher::new(&data.train, &data.normalization);
        let class_weights = recipe.class_weights.then(|| loss::class_weights(&data.train.labels, data.classes.len()));
        let mut order: Vec<usize> = (0..data.train.len()).collect();
        order.shuffle(&mut rng);
        let mut total = 0.0;
        for (at, indices) in order.chunks(recipe.batch).take(steps).enumerate() {
            let floats = batcher.augmented(indices, recipe, &mut rng);
            let batch = Batch {
                floats: &floats,
                labels: &batcher.labels(indices).into(),
                class_weights: class_weights.as_deref(),
                smoothing: recipe.label_smoothing,
            };
            let loss = self.gradients(lesson, &batch, &mut rng)?;
            let diverged = |what| TrainError::Diverged { epoch, step: at + 1, what };
            if !loss.is_finite() {
                return Err(diverged("the loss of the supernet"));
            }
            total += loss;
            let rate = recipe.rate((epoch - 1) * steps + at, steps * recipe.epochs);
            if !self.shared.step(recipe, rate) {
                return Err(diverged("a gradient of the supernet"));
            }
            if observer(&Event::Step { epoch, step: at + 1, steps, loss }).is_break() {
                return Err(TrainError::Cancelled { epoch });
            }
        }
        Ok(total / steps as f64)
    }

    /// The weights of one network, with the statistics of its batch norms taken anew from training samples; on one thread of its own.
    ///
    /// # Errors
    /// If the network is not covered or does not fit the samples.
    pub fn inherit(&self, graph: &Graph, data: &Dataset) -> Result<Weights, TrainError> {
        on_one_thread(|| {
            let mut network = self.network(graph)?;
            fits(&network, data)?;
            let batcher = Batcher::new(&data.train, &data.normalization);
            let count = data.train.len().min(CALIBRATION_BATCHES * CALIBRATION_SAMPLES);
            let indices: Vec<usize> = (0..count).collect();
            for (at, indices) in indices.chunks(CALIBRATION_SAMPLES).enumerate() {
                let mut seen = Vec::new();
                let input = network.input(batcher.plain(indices));
                network.scores(input, &network.parameters, Mode::Train(&mut seen));
                let share = 1.0 / (at + 1) as f32;
                for (mean, seen) in network.statistics.iter_mut().zip(seen) {
                    if let Some(seen) = seen {
                        *mean = mean.clone() * (1.0 - share) + seen * share;
                    }
                }
            }
            Ok(network.weights(&network.parameters, &network.statistics))
        })
    }

    fn network(&self, graph: &Graph) -> Result<Network, TrainError> {
        Network::classifier(graph, &self.shared.gather(graph)?, self.compute.operations(), &self.compute.device()?)
    }

    /// Adds the gradients of one step; the loss of the first network.
    fn gradients(&mut self, lesson: &Lesson<'_>, batch: &Batch<'_>, rng: &mut ChaCha8Rng) -> Result<f64, TrainError> {
        let Family { largest, smallest, draw } = lesson.family;
        let labels = Target::Labels(batch.labels.clone());
        match lesson.sampling {
            Sampling::Uniform => Ok(self.backward(&draw(rng), batch, labels)?.0),
            Sampling::Sandwich(random) => {
                let (loss, answer) = self.backward(largest, batch, labels)?;
                self.backward(smallest, batch, Target::Scores(&answer))?;
                for _ in 0..random {
                    self.backward(&draw(rng), batch, Target::Scores(&answer))?;
                }
                Ok(loss)
            }
        }
    }

    /// Adds the gradient of one network's loss to the shared ones; the loss and the scores.
    fn backward(
        &mut self,
        graph: &Graph,
        batch: &Batch<'_>,
        target: Target<'_>,
    ) -> Result<(f64, TensorData), TrainError> {
        let network = self.network(graph)?;
        let tracked: Vec<Tensor<1>> = network.parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect();
        let scores = network.scores(network.input(batch.floats.to_vec()), &tracked, Mode::Train(&mut Vec::new()));
        let answer = scores.clone().inner().into_data();
        let loss = match target {
            Target::Labels(labels) => {
                loss::cross_entropy(scores, labels, batch.smoothing, batch.class_weights, network.operations())
            }
            Target::Scores(teacher) => loss::distillation(scores, teacher.clone()),
        };
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let mut gradients = loss.backward();
        let mut found = Weights::new();
        for (block, parameters) in network.blocks().iter().zip(&tracked) {
            if let Some(gradient) = parameters.grad_remove(&mut gradients) {
                let numbers = crate::network::numbers(&gradient);
                block.unpack(graph, &numbers, &vec![0.0; block.statistics], &mut found);
            }
        }
        self.shared.scatter(graph, &found);
        Ok((value, answer))
    }
}
