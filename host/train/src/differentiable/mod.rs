//! Differentiable architecture search: a network that holds every candidate operation learns by gradients which of them it needs.
//!
//! The weights minimize the loss on one half of the training samples, and in turn with them the parameters of the architecture
//! (alphas) that on the other half. In DARTS (Liu et al. 2019) all operations count by their probability; in GDAS (Dong and
//! Yang 2019) one of each, drawn at random, counts and is computed. The batch norm right before a gate has no scale and shift of its
//! own, which would weigh what the probabilities are to weigh. This module derives no network from the probabilities.

mod alphas;
mod cost;
#[cfg(test)]
mod tests;
mod unrolled;

use std::sync::Arc;

use burn::tensor::Tensor;
use edgefit_graph::{Graph, NodeId};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::batch::Batcher;
use crate::data::Dataset;
use crate::error::TrainError;
use crate::loss;
use crate::network::{Gating, Network, initial_weights, numbers};
use crate::optimizer::Optimization;
use crate::paused::Paused;
use crate::recipe::Recipe;
use crate::train::{EpochReport, Event, Observer, fits, on_one_thread};
use alphas::{Alphas, Weights};
pub use cost::{Cost, Pull};
use unrolled::{Gradients, unrolled};

/// Streams of random numbers: the weights have 0; the epochs have those behind these.
const FIRST_ALPHAS: u64 = 1;
const HALVES: u64 = 2;

/// Temperatures of the first and of the last epoch (Dong and Yang 2019).
const TEMPERATURES: (f64, f64) = (10.0, 0.1);

/// An identity of the network whose input counts by the probability of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// The identity.
    pub node: NodeId,
    /// Number of the mixed operation.
    pub mix: usize,
    /// Number of its operation.
    pub option: usize,
}

/// A network with every candidate operation.
#[derive(Debug, Clone, Copy)]
pub struct Relaxed<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Its gates. An operation without one gives zeros.
    pub gates: &'a [Gate],
    /// How many operations each mixed operation has.
    pub options: &'a [usize],
}

/// How the architecture learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// All operations count; the gradient is that at the weights as they are.
    Darts,
    /// All operations count; the gradient is that at the weights that a step of training would give.
    UnrolledDarts,
    /// One operation of each counts, drawn at random.
    Gdas,
}

/// How weights and architecture are trained. The seed decides what is drawn at random.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// The samples; of those to train, one half trains the weights and the other the architecture.
    pub data: &'a Dataset,
    /// Epochs, batch, optimizer, rates, decay, clipping, class weights and augmentation but mixup; patience and average are not used.
    pub recipe: &'a Recipe,
    /// How the architecture learns.
    pub method: Method,
    /// What the operations cost, where that is to matter: on each of several devices, for one.
    pub costs: &'a [Cost],
    /// Decides everything that is drawn by chance.
    pub seed: u64,
}

/// Weights and architecture under way.
pub struct Supernet {
    network: Network,
    optimization: Optimization,
    alphas: Alphas,
    /// For each node the position of its operation among all, if it is a gate.
    gates: Vec<Option<usize>>,
    /// For each block, zeros where numbers do not learn.
    masks: Vec<Option<Tensor<1>>>,
    epochs: Vec<EpochReport>,
    /// The alphas after each epoch.
    course: Vec<Vec<f32>>,
}

/// One batch.
struct Batch {
    floats: Vec<f32>,
    labels: Arc<[u32]>,
}

/// What autodiff looks at.
#[derive(Clone, Copy)]
struct Tracked {
    weights: bool,
    gates: bool,
}

impl Supernet {
    /// Weights and almost equal probabilities drawn by the seed.
    ///
    /// # Errors
    /// If the network is no classifier or the recipe makes no sense.
    pub fn new(relaxed: &Relaxed<'_>, recipe: &Recipe, seed: u64) -> Result<Self, TrainError> {
        recipe.check()?;
        let weights = initial_weights(relaxed.graph, seed);
        let network =
            Network::classifier(relaxed.graph, &weights, recipe.compute.operations(), &recipe.compute.device()?)?;
        let alphas = Alphas::new(relaxed.options, seed);
        let mut gates = vec![None; relaxed.graph.nodes().len()];
        for gate in relaxed.gates {
            let operation = alphas.position(gate.mix, gate.option);
            let operation = operation.ok_or_else(|| {
                TrainError::node(relaxed.graph, gate.node, "is a gate of an operation that is not there")
            })?;
            gates[gate.node.index()] = Some(operation);
        }
        let masks = masks(&network, &gates);
        let optimization = Optimization::new(recipe, &network.parameters, network.operations());
        Ok(Self { network, optimization, alphas, gates, masks, epochs: Vec::new(), course: Vec::new() })
    }

    /// The probability of each operation of each mixed operation.
    pub fn probabilities(&self) -> Vec<Vec<f64>> {
        self.alphas.probabilities(&self.alphas.values)
    }

    /// The same after each epoch.
    pub fn course(&self) -> Vec<Vec<Vec<f64>>> {
        self.course.iter().map(|values| self.alphas.probabilities(values)).collect()
    }

    /// Every epoch that was trained: the loss on the half that trains the weights, and as that of the validation the loss on the half
    /// that trains the architecture.
    pub fn epochs(&self) -> &[EpochReport] {
        &self.epochs
    }

    /// Everything that going on after the last epoch needs, to go on as if nothing had happened.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (optimizer_steps, memories) = self.optimization.state();
        let tensors = self.network.parameters.iter().chain(&memories).map(numbers);
        let paused = Paused {
            steps_done: 0,
            optimizer_steps,
            random_words: 0,
            epochs: self.epochs.clone(),
            best: self.epochs.len() as u64,
            blocks: tensors.chain(self.alphas.blocks()).chain(self.course.iter().cloned()).collect(),
        };
        paused.to_bytes()
    }

    /// Goes on from what a supernet of the same network gave.
    ///
    /// # Errors
    /// When the bytes are damaged, or of another network.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), TrainError> {
        let Paused { optimizer_steps, epochs, mut blocks, .. } = Paused::from_bytes(bytes)?;
        let (_, memories) = self.optimization.state();
        let own = self.network.parameters.iter().chain(&memories).map(|tensor| tensor.dims()[0]);
        let alphas = std::iter::repeat_n(self.alphas.values.len(), 3 + epochs.len());
        if !own.chain(alphas).eq(blocks.iter().map(Vec::len)) {
            return Err(TrainError::Paused("it is of another supernet"));
        }
        self.course = blocks.split_off(blocks.len() - epochs.len());
        if let Some((rest, alphas)) = blocks.split_last_chunk() {
            // Both step once for each pair of batches.
            self.alphas.restore(optimizer_steps, alphas.clone());
            let mut tensors =
                rest.iter().map(|block| self.network.on_device(block.clone())).collect::<Vec<_>>().into_iter();
            self.network.parameters.iter_mut().zip(tensors.by_ref()).for_each(|(own, block)| *own = block);
            self.optimization.restore(optimizer_steps, &mut tensors);
        }
        self.epochs = epochs;
        Ok(())
    }

    /// Trains for one more epoch, on one thread of its own. The observer is told every step and may end it; what an epoch that did not
    /// end changed is of no use then.
    ///
    /// # Errors
    /// If the network does not fit the samples, a number is none any more, or the observer ends it.
    pub fn train_epoch(&mut self, lesson: &Lesson<'_>, observer: Observer<'_>) -> Result<(), TrainError> {
        fits(&self.network, lesson.data)?;
        on_one_thread(|| {
            let report = self.epoch(lesson, observer)?;
            self.epochs.push(report);
            self.course.push(self.alphas.values.clone());
            Ok(())
        })
    }

    fn epoch(&mut self, lesson: &Lesson<'_>, observer: Observer<'_>) -> Result<EpochReport, TrainError> {
        let (epoch, recipe) = (self.epochs.len() + 1, lesson.recipe);
        let mut rng = stream(lesson.seed, HALVES + epoch as u64);
        let batcher = Batcher::new(&lesson.data.train, &lesson.data.normalization);
        let mut halves = halves(lesson.data.train.len(), lesson.seed);
        halves.iter_mut().for_each(|half| half.shuffle(&mut rng));
        let [for_weights, for_alphas] = &halves;
        let steps = steps(for_alphas.len(), recipe);
        let (mut of_weights, mut of_alphas) = (0.0, 0.0);
        for at in 0..steps {
            let mut batch = |half: &[usize]| {
                let indices = half.chunks(recipe.batch).nth(at).unwrap_or(half);
                let floats = batcher.augmented(indices, recipe, &mut rng);
                Batch { floats, labels: batcher.labels(indices).into() }
            };
            let (training, validation) = (batch(for_weights), batch(for_alphas));
            let diverged = |what| TrainError::Diverged { epoch, step: at + 1, what };
            let step = Step { lesson, done: (epoch - 1) * steps + at, total: steps * recipe.epochs };
            let loss = self.alpha_step(&step, &training, &validation, &mut rng);
            of_alphas += loss.ok_or_else(|| diverged("the loss of the architecture"))?;
            let loss = self.weight_step(&step, &training, &mut rng);
            if !loss.is_finite() {
                return Err(diverged("the loss of the supernet"));
            }
            of_weights += loss;
            if observer(&Event::Step { epoch, step: at + 1, steps, loss }).is_break() {
                return Err(TrainError::Cancelled { epoch });
            }
        }
        let (train_loss, loss) = (of_weights / steps as f64, of_alphas / steps as f64);
        Ok(EpochReport { epoch, train_loss, validation_loss: Some(loss), validation_accuracy: None })
    }

    /// One step of the architecture; its loss, without what it costs, if all went well.
    fn alpha_step(
        &mut self,
        step: &Step<'_>,
        training: &Batch,
        validation: &Batch,
        rng: &mut ChaCha8Rng,
    ) -> Option<f64> {
        let Lesson { method, costs, recipe, .. } = *step.lesson;
        let weights = self.operations(step, rng);
        let only_gates = Tracked { weights: false, gates: true };
        let (loss, of_gates) = match method {
            Method::Darts | Method::Gdas => {
                let found = self.gradients(&self.network.parameters, &weights, validation, step.lesson, only_gates);
                (found.loss, found.gates)
            }
            Method::UnrolledDarts => {
                let both = Tracked { weights: true, gates: true };
                let at =
                    |parameters: &[Tensor<1>], batch| self.gradients(parameters, &weights, batch, step.lesson, both);
                let (training, validation) = (|w: &[Tensor<1>]| at(w, training), |w: &[Tensor<1>]| at(w, validation));
                unrolled(&self.network.parameters, recipe.rate(step.done, step.total), &training, &validation)
            }
        };
        let mut gradient = self.alphas.gradient(&weights, &of_gates);
        for cost in costs {
            let of_cost = self.alphas.gradient(&self.alphas.all(), &cost.gradient(&self.probabilities()));
            gradient.iter_mut().zip(of_cost).for_each(|(gradient, of_cost)| *gradient += of_cost);
        }
        let is_well = self.alphas.step(gradient, step.total) && loss.is_finite();
        is_well.then_some(loss)
    }

    /// One step of the weights; the loss before it.
    fn weight_step(&mut self, step: &Step<'_>, batch: &Batch, rng: &mut ChaCha8Rng) -> f64 {
        let operations = self.operations(step, rng);
        let tracked = Tracked { weights: true, gates: false };
        let found = self.gradients(&self.network.parameters, &operations, batch, step.lesson, tracked);
        let mut moved = std::mem::take(&mut self.network.parameters);
        let rate = step.lesson.recipe.rate(step.done, step.total);
        self.optimization.step(rate, self.network.blocks(), &mut moved, found.weights);
        self.network.parameters = moved;
        found.loss
    }

    /// What the operations count in the next pass.
    fn operations(&self, step: &Step<'_>, rng: &mut ChaCha8Rng) -> Weights {
        match step.lesson.method {
            Method::Darts | Method::UnrolledDarts => self.alphas.all(),
            Method::Gdas => {
                let (first, last) = TEMPERATURES;
                let share = self.epochs.len() as f64 / step.lesson.recipe.epochs.saturating_sub(1).max(1) as f64;
                self.alphas.drawn((first + (last - first) * share.min(1.0)) as f32, rng)
            }
        }
    }

    /// The loss of a batch and its gradients, of those that are asked for.
    fn gradients(
        &self,
        parameters: &[Tensor<1>],
        operations: &Weights,
        batch: &Batch,
        lesson: &Lesson<'_>,
        wanted: Tracked,
    ) -> Gradients {
        let network = &self.network;
        let track = |tensor: Tensor<1>, wanted: bool| {
            let tensor = tensor.autodiff();
            if wanted { tensor.require_grad() } else { tensor }
        };
        let tracked: Vec<Tensor<1>> = parameters.iter().map(|p| track(p.clone(), wanted.weights)).collect();
        let weights = track(network.on_device(operations.values.clone()), wanted.gates);
        let gating = Gating { gates: &self.gates, weights: weights.clone(), closed: &operations.closed };
        let scores = network.mixed_scores(network.input(batch.floats.clone()), &tracked, &gating);
        let recipe = lesson.recipe;
        let data = lesson.data;
        let class_weights = recipe.class_weights.then(|| loss::class_weights(&data.train.labels, data.classes.len()));
        let (labels, smoothing) = (batch.labels.clone(), recipe.label_smoothing);
        let loss = loss::cross_entropy(scores, labels, smoothing, class_weights.as_deref(), network.operations());
        // Where no gate is open, the loss does not depend on them.
        let loss = if wanted.gates { loss + weights.clone().sum() * 0.0 } else { loss };
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let mut gradients = loss.backward();
        let masked = |(tensor, mask): (&Tensor<1>, &Option<Tensor<1>>)| {
            let gradient = tensor.grad_remove(&mut gradients)?;
            Some(mask.as_ref().map_or(gradient.clone(), |mask| gradient * mask.clone()))
        };
        let of_weights = match wanted.weights {
            true => tracked.iter().zip(&self.masks).map(masked).collect(),
            false => vec![None; tracked.len()],
        };
        let of_gates = wanted.gates.then(|| weights.grad_remove(&mut gradients)).flatten();
        let of_gates = of_gates.map_or_else(|| vec![0.0; operations.values.len()], |gradient| numbers(&gradient));
        Gradients { loss: value, weights: of_weights, gates: of_gates }
    }
}

/// Where a step is in the whole.
struct Step<'a> {
    lesson: &'a Lesson<'a>,
    done: usize,
    total: usize,
}

/// Steps of an epoch: full batches of one half, at least one.
fn steps(half: usize, recipe: &Recipe) -> usize {
    (half / recipe.batch).max(1)
}

/// The training samples in two halves; the first has one more if they are odd.
fn halves(samples: usize, seed: u64) -> [Vec<usize>; 2] {
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut stream(seed, HALVES));
    let second = order.split_off(samples.div_ceil(2));
    [order, second]
}

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// Zeros for the scales right before gates, ones elsewhere; `None` for blocks that have none.
fn masks(network: &Network, gates: &[Option<usize>]) -> Vec<Option<Tensor<1>>> {
    let mask = |(ranges, parameters): (Vec<std::ops::Range<usize>>, &Tensor<1>)| {
        if ranges.is_empty() {
            return None;
        }
        let mut mask = vec![1.0; parameters.dims()[0]];
        ranges.into_iter().for_each(|range| mask[range].fill(0.0));
        Some(network.on_device(mask))
    };
    network.scales_before(gates).into_iter().zip(&network.parameters).map(mask).collect()
}
