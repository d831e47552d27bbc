//! The training loop.

use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::Tensor;
use edgefit_graph::{Graph, Weights};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::batch::Batcher;
use crate::data::{Dataset, Samples};
use crate::error::TrainError;
use crate::evaluate::{Evaluation, evaluate_network};
use crate::kernel::team::Busy;
use crate::loss;
use crate::mixup::Mixed;
use crate::network::{Mode, Network, Operations, initial_weights, numbers};
use crate::optimizer::{Optimization, blend};
use crate::paused::Paused;
use crate::recipe::Recipe;

/// What a training says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step is done.
    Step {
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
        /// Mean loss of the batch, before the step.
        loss: f64,
    },
    /// An epoch is done and validated.
    Epoch(EpochReport),
}

/// The figures of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch's steps, with smoothed labels and augmentation.
    pub train_loss: f64,
    /// Mean cross entropy on the validation samples, without smoothing; `None` without such samples.
    pub validation_loss: Option<f64>,
    /// Share of validation samples classified right; `None` without such samples.
    pub validation_accuracy: Option<f64>,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOutcome {
    /// Weights of the best epoch: the highest validation accuracy, among equals the lowest validation loss. Without validation
    /// images, those of the last epoch.
    pub weights: Weights,
    /// That epoch, from 1.
    pub best_epoch: usize,
    /// Its accuracy on the validation samples, if there are any.
    pub validation_accuracy: Option<f64>,
    /// Its loss on the validation samples, if there are any.
    pub validation_loss: Option<f64>,
    /// Every epoch that was run, in order.
    pub epochs: Vec<EpochReport>,
}

/// Who is told how a training goes, after every step and every epoch, and may end it.
pub type Observer<'a> = &'a mut (dyn FnMut(&Event) -> ControlFlow<()> + Send);

/// Trains a classifier from weights drawn by the seed, on a thread of its own and on processors that no other training keeps busy.
///
/// The same arguments give the same result, bit for bit, on the same processor, however many threads take part; on a GPU only nearly.
///
/// # Errors
/// If the graph cannot be trained on these samples, the recipe makes no sense, the training diverges, or the observer ends it.
pub fn train(
    graph: &Graph,
    data: &Dataset,
    recipe: &Recipe,
    seed: u64,
    observer: Observer<'_>,
) -> Result<TrainOutcome, TrainError> {
    train_with(graph, data, recipe, seed, recipe.compute.operations(), observer)
}

/// As [`train`], with a choice of operations.
///
/// # Errors
/// As [`train`].
pub fn train_with(
    graph: &Graph,
    data: &Dataset,
    recipe: &Recipe,
    seed: u64,
    operations: Operations,
    observer: Observer<'_>,
) -> Result<TrainOutcome, TrainError> {
    recipe.check()?;
    on_one_thread(|| {
        let mut training = Training::of(graph, None, data, recipe, seed, operations)?;
        training.run(recipe.epochs, None, observer)?;
        Ok(training.outcome())
    })
}

/// Whether a training is to end, from the epochs so far.
pub type Ends<'a> = &'a (dyn Fn(&[EpochReport]) -> bool + Sync);

/// A part of a training.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    /// The weights that the whole begins with; `None` for weights drawn by the seed.
    pub weights: Option<&'a Weights>,
    /// Where the part before it paused; `None` for the first.
    pub from: Option<&'a [u8]>,
    /// The epoch after which it pauses, at most that of the recipe.
    pub until: usize,
    /// Asked after every epoch; `None` to go on in any case.
    pub ends: Option<Ends<'a>>,
}

/// A part of the training that [`train`] is, or of one from other weights: what it came to, and where it paused. The parts together
/// give what the whole gives, bit for bit.
///
/// # Errors
/// As [`train`], and when it cannot go on from there.
pub fn train_stretch(
    graph: &Graph,
    data: &Dataset,
    recipe: &Recipe,
    seed: u64,
    stretch: Stretch<'_>,
    observer: Observer<'_>,
) -> Result<(TrainOutcome, Vec<u8>), TrainError> {
    recipe.check()?;
    on_one_thread(|| {
        let mut training = Training::of(graph, stretch.weights, data, recipe, seed, recipe.compute.operations())?;
        if let Some(from) = stretch.from {
            training.restore(Paused::from_bytes(from)?)?;
        }
        training.run(stretch.until.clamp(1, recipe.epochs), stretch.ends, observer)?;
        let paused = training.pause().to_bytes();
        Ok((training.outcome(), paused))
    })
}

/// Runs a function where burn finds one thread, so that trainings side by side do not fight for them; the kernels of this crate take
/// those that are idle.
pub(crate) fn on_one_thread<T: Send>(f: impl FnOnce() -> Result<T, TrainError> + Send) -> Result<T, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| TrainError::Thread(e.to_string()))?;
    let _busy = Busy::new();
    pool.install(f)
}

/// Whether the network takes these samples and has a score for each class.
pub(crate) fn fits(network: &Network, data: &Dataset) -> Result<(), TrainError> {
    let shape = data.shape();
    let input = network.input_shape();
    if input.dims() != shape.dims() {
        return Err(TrainError::Network(format!("takes {input} but the samples are {shape}")));
    }
    if network.classes() != data.classes.len() {
        let (scores, classes) = (network.classes(), data.classes.len());
        return Err(TrainError::Network(format!("gives {scores} scores but there are {classes} classes")));
    }
    Ok(())
}

/// Least share of the batch's statistics in the running ones; the first batches have more, as in a plain mean.
const STATISTICS_SHARE: f64 = 0.1;

/// The numbers of a network at one moment.
#[derive(Clone)]
struct Snapshot {
    parameters: Vec<Tensor<1>>,
    statistics: Vec<Tensor<1>>,
}

struct Best {
    snapshot: Snapshot,
    report: EpochReport,
}

struct Training<'a> {
    network: Network,
    best: Option<Best>,
    epochs: Vec<EpochReport>,
    data: &'a Dataset,
    recipe: &'a Recipe,
    rng: ChaCha8Rng,
    optimization: Optimization,
    average: Option<Vec<Tensor<1>>>,
    /// Weights of the classes in the loss, where they are not all 1.
    class_weights: Option<Vec<f32>>,
    steps_done: usize,
}

impl<'a> Training<'a> {
    fn of(
        graph: &Graph,
        weights: Option<&Weights>,
        data: &'a Dataset,
        recipe: &'a Recipe,
        seed: u64,
        operations: Operations,
    ) -> Result<Self, TrainError> {
        let drawn = weights.is_none().then(|| initial_weights(graph, seed));
        let weights = weights.or(drawn.as_ref()).expect("weights are drawn where none are given");
        let network = Network::classifier(graph, weights, operations, &recipe.compute.device()?)?;
        fits(&network, data)?;
        Ok(Self::new(network, data, recipe, seed))
    }

    fn new(network: Network, data: &'a Dataset, recipe: &'a Recipe, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The weights were drawn from stream 0.
        rng.set_stream(1);
        let optimization = Optimization::new(recipe, &network.parameters, network.operations());
        let average = recipe.average.map(|_| network.parameters.clone());
        let weights = || loss::class_weights(&data.train.labels, data.classes.len());
        let class_weights = recipe.class_weights.then(weights);
        let (best, epochs) = (None, Vec::new());
        Self { network, best, epochs, data, recipe, rng, optimization, average, class_weights, steps_done: 0 }
    }

    /// Steps of an epoch; an incomplete batch at its end is left out unless it is the only one.
    fn steps(&self) -> usize {
        (self.data.train.len() / self.recipe.batch).max(1)
    }

    /// Runs the epochs up to this one, unless patience or who asked for it ends it first.
    fn run(&mut self, until: usize, ends: Option<Ends<'_>>, observer: Observer<'_>) -> Result<(), TrainError> {
        for epoch in self.epochs.len() + 1..=until {
            if self.is_out_of_patience() || ends.is_some_and(|ends| ends(&self.epochs)) {
                break;
            }
            let train_loss = self.epoch(epoch, observer)?;
            let report = self.validate(epoch, train_loss)?;
            self.epochs.push(report.clone());
            if self.best.as_ref().is_none_or(|best| is_better(&report, &best.report)) {
                self.best = Some(Best { snapshot: self.snapshot(), report: report.clone() });
            }
            tell(observer, &Event::Epoch(report), epoch)?;
        }
        Ok(())
    }

    fn is_out_of_patience(&self) -> bool {
        let waited = self.epochs.len() - self.best.as_ref().map_or(0, |best| best.report.epoch);
        self.recipe.patience.is_some_and(|patience| waited >= patience)
    }

    /// What it came to, once an epoch was run.
    fn outcome(&self) -> TrainOutcome {
        let Best { snapshot, report } = self.best.as_ref().expect("at least one epoch was run");
        TrainOutcome {
            weights: self.network.weights(&snapshot.parameters, &snapshot.statistics),
            best_epoch: report.epoch,
            validation_accuracy: report.validation_accuracy,
            validation_loss: report.validation_loss,
            epochs: self.epochs.clone(),
        }
    }

    /// Its state between two epochs.
    fn pause(&self) -> Paused {
        let best = self.best.as_ref().expect("at least one epoch was run");
        let (optimizer_steps, memories) = self.optimization.state();
        let own = self.network.parameters.iter().chain(&self.network.statistics).chain(&memories);
        let kept = self.average.iter().flatten().chain(&best.snapshot.parameters).chain(&best.snapshot.statistics);
        Paused {
            steps_done: self.steps_done as u64,
            optimizer_steps,
            random_words: self.rng.get_word_pos(),
            epochs: self.epochs.clone(),
            best: best.report.epoch as u64,
            blocks: own.chain(kept).map(numbers).collect(),
        }
    }

    /// Goes on from a state of the same training.
    fn restore(&mut self, paused: Paused) -> Result<(), TrainError> {
        let best = &paused.epochs[paused.best as usize - 1];
        self.best = Some(Best { snapshot: self.snapshot(), report: best.clone() });
        self.epochs.clone_from(&paused.epochs);
        let is_alike = |(own, block): (&Vec<f32>, &Vec<f32>)| own.len() == block.len();
        let own = self.pause().blocks;
        if own.len() != paused.blocks.len() || !own.iter().zip(&paused.blocks).all(is_alike) {
            return Err(TrainError::Paused("it is of another network or recipe"));
        }
        let network = &self.network;
        let blocks: Vec<Tensor<1>> = paused.blocks.into_iter().map(|block| network.on_device(block)).collect();
        let mut blocks = blocks.into_iter();
        fill(&mut self.network.parameters, &mut blocks);
        fill(&mut self.network.statistics, &mut blocks);
        self.optimization.restore(paused.optimizer_steps, &mut blocks);
        fill(self.average.as_deref_mut().unwrap_or_default(), &mut blocks);
        if let Some(best) = &mut self.best {
            fill(&mut best.snapshot.parameters, &mut blocks);
            fill(&mut best.snapshot.statistics, &mut blocks);
        }
        self.steps_done = paused.steps_done as usize;
        self.rng.set_word_pos(paused.random_words);
        Ok(())
    }

    /// Runs one epoch and returns its mean loss.
    fn epoch(&mut self, epoch: usize, observer: Observer<'_>) -> Result<f64, TrainError> {
        let mut order: Vec<usize> = (0..self.data.train.len()).collect();
        order.shuffle(&mut self.rng);
        let batcher = Batcher::new(&self.data.train, &self.data.normalization);
        let steps = self.steps();
        let mut total = 0.0;
        for (at, indices) in order.chunks(self.recipe.batch).take(steps).enumerate() {
            let mut floats = batcher.augmented(indices, self.recipe, &mut self.rng);
            let labels: Arc<[u32]> = batcher.labels(indices).into();
            let mixed = (self.recipe.mixup > 0.0).then(|| Mixed::of(&mut floats, &labels, self.recipe, &mut self.rng));
            let loss = self.step(floats, labels, mixed);
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch, step: at + 1, what: "the loss" });
            }
            total += loss;
            tell(observer, &Event::Step { epoch, step: at + 1, steps, loss }, epoch)?;
        }
        Ok(total / steps as f64)
    }

    /// One step; returns the loss before it.
    fn step(&mut self, floats: Vec<f32>, labels: Arc<[u32]>, mixed: Option<Mixed>) -> f64 {
        let network = &self.network;
        let tracked: Vec<Tensor<1>> = network.parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect();
        let mut seen = Vec::new();
        let scores = network.scores(network.input(floats), &tracked, Mode::Train(&mut seen));
        let loss_for = |scores, labels| {
            let weights = self.class_weights.as_deref();
            loss::cross_entropy(scores, labels, self.recipe.label_smoothing, weights, network.operations())
        };
        let loss = match mixed {
            None => loss_for(scores, labels),
            Some(Mixed { share, others }) => {
                loss_for(scores.clone(), labels) * share + loss_for(scores, others) * (1.0 - share)
            }
        };
        let value = f64::from(loss.clone().into_scalar::<f32>());
        let mut gradients = loss.backward();
        let gradients = tracked.iter().map(|p| p.grad_remove(&mut gradients)).collect();
        drop(tracked);
        self.update(gradients, seen);
        value
    }

    fn update(&mut self, gradients: Vec<Option<Tensor<1>>>, seen: Vec<Option<Tensor<1>>>) {
        let total = self.steps() * self.recipe.epochs;
        let rate = self.recipe.rate(self.steps_done, total);
        self.steps_done += 1;
        let mut moved = std::mem::take(&mut self.network.parameters);
        self.optimization.step(rate, self.network.blocks(), &mut moved, gradients);
        self.network.parameters = moved;
        let operations = self.network.operations();
        let share = STATISTICS_SHARE.max(1.0 / self.steps_done as f64);
        for (running, seen) in self.network.statistics.iter_mut().zip(seen) {
            if let Some(seen) = seen {
                blend(running, &seen.inner(), share, operations);
            }
        }
        if let (Some(average), Some(kept)) = (&mut self.average, self.recipe.average) {
            // Early on, a plain mean: the average would otherwise remember the weights drawn at random.
            let kept = kept.min(self.steps_done as f64 / (self.steps_done as f64 + 9.0));
            for (average, value) in average.iter_mut().zip(&self.network.parameters) {
                blend(average, value, 1.0 - kept, operations);
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            parameters: self.average.clone().unwrap_or_else(|| self.network.parameters.clone()),
            statistics: self.network.statistics.clone(),
        }
    }

    fn validate(&self, epoch: usize, train_loss: f64) -> Result<EpochReport, TrainError> {
        if self.data.validation.is_empty() {
            return Ok(EpochReport { epoch, train_loss, validation_loss: None, validation_accuracy: None });
        }
        let parameters = self.average.as_ref().unwrap_or(&self.network.parameters);
        let evaluation = self.evaluate(&self.data.validation, parameters);
        if !evaluation.loss.is_finite() {
            return Err(TrainError::Diverged { epoch, step: self.steps(), what: "the validation loss" });
        }
        let (validation_loss, validation_accuracy) = (Some(evaluation.loss), Some(evaluation.accuracy));
        Ok(EpochReport { epoch, train_loss, validation_loss, validation_accuracy })
    }

    fn evaluate(&self, samples: &Samples, parameters: &[Tensor<1>]) -> Evaluation {
        evaluate_network(&self.network, parameters, samples, &self.data.normalization)
    }
}

/// Replaces tensors by those at the front of the blocks.
fn fill(tensors: &mut [Tensor<1>], blocks: &mut impl Iterator<Item = Tensor<1>>) {
    tensors.iter_mut().zip(blocks).for_each(|(tensor, block)| *tensor = block);
}

/// Whether a later epoch is to be kept instead of an earlier one; where nothing was validated, it is.
fn is_better(later: &EpochReport, earlier: &EpochReport) -> bool {
    let validated = |report: &EpochReport| report.validation_accuracy.zip(report.validation_loss.map(|loss| -loss));
    validated(earlier).is_none_or(|earlier| validated(later).is_some_and(|later| later > earlier))
}

fn tell(observer: Observer<'_>, event: &Event, epoch: usize) -> Result<(), TrainError> {
    match observer(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(TrainError::Cancelled { epoch }),
    }
}
