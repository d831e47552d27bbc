//! Other aims than accuracy: how a trained classifier treats its worst class, how sure it is, and what disturbed and attacked samples
//! do to it.

use burn::tensor::{Device, Tensor};
use edgefit_graph::{Graph, Weights};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::batch::{Batcher, normal};
use crate::data::{Groups, Normalization, Numbers, Samples};
use crate::error::TrainError;
use crate::evaluate::{evaluate_network, predictions};
use crate::loss;
use crate::metrics::Metrics;
use crate::network::{Mode, Network, Operations};
use crate::train::on_one_thread;

/// Most samples that are attacked or disturbed; they are spread evenly.
pub const MOST_SAMPLES: usize = 256;

/// Samples that are run at a time.
const BATCH: usize = 64;

/// Largest change of a pixel by an attack, as a share of its largest value.
const PIXEL_BUDGET: f32 = 8.0 / 255.0;

/// Largest change of another number by an attack, in standard deviations of its channel.
const OTHER_BUDGET: f32 = 0.1;

/// Steps of the iterated attack, and the share of the budget that each may use.
const PGD_STEPS: usize = 10;
const PGD_STEP: f32 = 0.25;

/// Disturbances, in standard deviations of each channel.
const NOISE: f32 = 0.3;
const BRIGHTNESS: f32 = 0.5;
const CONTRAST: f32 = 0.5;

/// An aim; each is a share, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Accuracy of the class with the lowest.
    WorstClassAccuracy,
    /// Accuracy of the group with the lowest; where none are stated, all samples are one.
    WorstGroupAccuracy,
    /// Mean of the classes' accuracies.
    BalancedAccuracy,
    /// Mean of the classes' F1.
    MacroF1,
    /// Expected calibration error, 15 bins. Lower is better.
    CalibrationError,
    /// Mean accuracy under noise, blur, brightness and contrast, each alone.
    CorruptedAccuracy,
    /// Accuracy under one step along the sign of the gradient (Goodfellow et al. 2015): by 8/255 of the largest pixel, or a tenth of
    /// the standard deviation where samples are no pixels.
    FgsmAccuracy,
    /// Accuracy under ten projected steps within the same bound, from a random beginning (Madry et al. 2018).
    PgdAccuracy,
}

/// The aims of a trained network on samples, of which `groups` says the group of each, in the order in which they were asked for.
///
/// # Errors
/// If the weights do not fit the graph or the graph is not a classifier.
pub fn assess(
    graph: &Graph,
    weights: &Weights,
    samples: &Samples,
    groups: Option<&Groups>,
    normalization: &Normalization,
    aims: &[Aim],
) -> Result<Vec<f64>, TrainError> {
    on_one_thread(|| {
        let network = Network::classifier(graph, weights, Operations::Kernels, &Device::flex())?;
        let evaluation = evaluate_network(&network, &network.parameters, samples, normalization);
        let metrics = Metrics::of(&evaluation, &samples.labels, network.classes());
        let step = samples.len().div_ceil(MOST_SAMPLES).max(1);
        let chosen = (0..samples.len()).step_by(step).collect();
        let trial = Trial { network: &network, samples, normalization, chosen };
        let value = |aim: &Aim| {
            Ok(match aim {
                Aim::WorstClassAccuracy => metrics.worst_class_accuracy,
                Aim::WorstGroupAccuracy => {
                    let worst = groups.and_then(|groups| groups.worst(&evaluation.right(&samples.labels)));
                    worst.map_or(metrics.accuracy, |(_, accuracy)| accuracy)
                }
                Aim::BalancedAccuracy => metrics.balanced_accuracy,
                Aim::MacroF1 => metrics.macro_f1,
                Aim::CalibrationError => metrics.calibration_error,
                Aim::CorruptedAccuracy => trial.corrupted(),
                Aim::FgsmAccuracy => trial.attacked(&Attacker::new(graph, weights)?, 1),
                Aim::PgdAccuracy => trial.attacked(&Attacker::new(graph, weights)?, PGD_STEPS),
            })
        };
        aims.iter().map(value).collect()
    })
}

/// A network before samples that are changed.
struct Trial<'a> {
    network: &'a Network,
    samples: &'a Samples,
    normalization: &'a Normalization,
    chosen: Vec<usize>,
}

impl Trial<'_> {
    /// Accuracy on the samples after a change of each batch, given with its labels.
    fn accuracy(&self, mut change: impl FnMut(Vec<f32>, &[u32]) -> Vec<f32>) -> f64 {
        let batcher = Batcher::new(self.samples, self.normalization);
        let mut right = 0;
        for indices in self.chosen.chunks(BATCH) {
            let labels = batcher.labels(indices);
            let changed = change(batcher.plain(indices), &labels);
            let found = predictions(self.network, changed);
            right += found.iter().zip(&labels).filter(|(found, label)| found == label).count();
        }
        right as f64 / self.chosen.len().max(1) as f64
    }

    fn corrupted(&self) -> f64 {
        let size = self.samples.values.shape.size();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let noisy = self.accuracy(|x, _| x.into_iter().map(|x| x + NOISE * normal(&mut rng)).collect());
        let bright = self.accuracy(|x, _| x.into_iter().map(|x| x + BRIGHTNESS).collect());
        let flat = self.accuracy(|x, _| x.into_iter().map(|x| x * CONTRAST).collect());
        let blurred = self.accuracy(|x, _| x.chunks_exact(size).flat_map(|sample| self.blurred(sample)).collect());
        (noisy + bright + flat + blurred) / 4.0
    }

    /// The mean over three positions along each axis, those outside left out.
    fn blurred(&self, sample: &[f32]) -> Vec<f32> {
        let shape = self.samples.values.shape;
        let ([height, width], channels) = (shape.rows_columns(), shape.channels());
        let near = |at: usize, len: usize| at.saturating_sub(1)..=(at + 1).min(len - 1);
        let mean = |y: usize, x: usize, c: usize| {
            let around = near(y, height).flat_map(|y| near(x, width).map(move |x| (y * width + x) * channels + c));
            let (sum, count) = around.fold((0.0, 0.0), |(sum, count), at| (sum + sample[at], count + 1.0));
            sum / count
        };
        let positions = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        positions.flat_map(|(y, x)| (0..channels).map(move |c| (y, x, c))).map(|(y, x, c)| mean(y, x, c)).collect()
    }

    fn attacked(&self, attacker: &Attacker, steps: usize) -> f64 {
        let bounds = self.bounds();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        self.accuracy(|plain, labels| {
            let bound = |at: usize| &bounds[at % bounds.len()];
            let mut x = plain.clone();
            if steps > 1 {
                let start =
                    |(at, x): (usize, &f32)| bound(at).within(*x, x + bound(at).budget * rng.random_range(-1.0..=1.0));
                x = plain.iter().enumerate().map(start).collect();
            }
            let share = if steps > 1 { PGD_STEP } else { 1.0 };
            for _ in 0..steps {
                let gradient = attacker.gradient(x.clone(), labels);
                for (at, (x, slope)) in x.iter_mut().zip(gradient).enumerate() {
                    let direction = if slope == 0.0 { 0.0 } else { slope.signum() };
                    *x = bound(at).within(plain[at], *x + share * bound(at).budget * direction);
                }
            }
            x
        })
    }

    /// What an attack may do to each channel, in normalized numbers.
    fn bounds(&self) -> Vec<Bounds> {
        let is_pixels = matches!(self.samples.values.numbers, Numbers::Bytes(_));
        let channels = self.normalization.mean.iter().zip(&self.normalization.deviation);
        let bounds = |(mean, deviation): (&f32, &f32)| match is_pixels {
            true => Bounds { budget: PIXEL_BUDGET / deviation, range: [-mean / deviation, (1.0 - mean) / deviation] },
            false => Bounds { budget: OTHER_BUDGET, range: [f32::NEG_INFINITY, f32::INFINITY] },
        };
        channels.map(bounds).collect()
    }
}

/// How far a number may move, and where it may be.
struct Bounds {
    budget: f32,
    range: [f32; 2],
}

impl Bounds {
    fn within(&self, plain: f32, moved: f32) -> f32 {
        let [low, high] = self.range;
        moved.clamp(plain - self.budget, plain + self.budget).clamp(low, high)
    }
}

/// The network as an attacker sees it: with gradients of its input, through burn's own operations.
struct Attacker {
    network: Network,
    parameters: Vec<Tensor<1>>,
}

impl Attacker {
    fn new(graph: &Graph, weights: &Weights) -> Result<Self, TrainError> {
        let mut network = Network::classifier(graph, weights, Operations::Burn, &Device::flex())?;
        let tracked = |tensors: &[Tensor<1>]| tensors.iter().map(|t| t.clone().autodiff()).collect();
        let parameters = tracked(&network.parameters);
        network.statistics = tracked(&network.statistics);
        Ok(Self { network, parameters })
    }

    /// The gradient of the loss by the input.
    fn gradient(&self, floats: Vec<f32>, labels: &[u32]) -> Vec<f32> {
        let len = floats.len();
        let input = self.network.input_tensor(floats).autodiff().require_grad();
        let scores = self.network.scores(self.network.input_value(input.clone()), &self.parameters, Mode::Infer);
        let gradients = loss::cross_entropy(scores, labels.into(), 0.0, None, Operations::Burn).backward();
        let gradient = input.grad(&gradients).map(|gradient| gradient.into_data().try_to_vec::<f32>());
        // A network that ignores its input cannot be attacked.
        gradient.map_or_else(|| vec![0.0; len], |values| values.expect("gradients are 32-bit floats"))
    }
}
