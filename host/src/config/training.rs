//! `[estimate]` and `[final]`: how a candidate is trained to be judged, and how the front is trained to the end.

use std::ops::Bound;

use serde::Serialize;

use super::section::Section;

/// Most passes over the data that a training makes.
const MOST_EPOCHS: usize = 10_000;

/// How weights follow gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
    /// Adam with decoupled weight decay.
    Adamw,
}

impl Optimizer {
    /// Every optimizer with its name in a search file.
    pub const NAMES: [(&'static str, Self); 2] = [("sgd", Self::Sgd), ("adamw", Self::Adamw)];

    fn learning_rate(self) -> f64 {
        match self {
            Self::Sgd => 0.1,
            Self::Adamw => 0.004,
        }
    }

    fn weight_decay(self) -> f64 {
        match self {
            Self::Sgd => 5e-4,
            Self::Adamw => 0.01,
        }
    }
}

/// How a candidate's accuracy is estimated: by a short training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateConfig {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// Highest learning rate; it rises to there during the warm-up and falls to 0 along a cosine.
    pub learning_rate: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Share of the steps during which the learning rate rises; at least 0, less than 1.
    pub warmup: f64,
    /// Share of the target that is spread over all classes; at least 0, less than 1.
    pub label_smoothing: f64,
    /// Trainings side by side, each on one thread. It is part of what makes a run reproducible: as many candidates
    /// are proposed together.
    pub jobs: usize,
}

impl EstimateConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let optimizer = section.choice("optimizer", Optimizer::Adamw, &Optimizer::NAMES, &[]);
        Self {
            epochs: section.count("epochs", 3, 1..=MOST_EPOCHS),
            batch: section.count("batch", 32, 1..=65_536),
            optimizer,
            learning_rate: section.number("learning_rate", optimizer.learning_rate(), POSITIVE_RATE),
            weight_decay: section.number("weight_decay", optimizer.weight_decay(), 0.0..=1.0),
            warmup: section.number("warmup", 0.1, 0.0..1.0),
            label_smoothing: section.number("label_smoothing", 0.05, 0.0..1.0),
            jobs: section.count("jobs", 2, 1..=256),
        }
    }
}

/// Learning rates that can be meant.
const POSITIVE_RATE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Included(10.0));

/// How the front is trained to the end; what is not here is as in [`EstimateConfig`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FinalConfig {
    /// Candidates of the front that are trained to the end, best first.
    pub finalists: usize,
    /// Most passes over the training images.
    pub epochs: usize,
    /// Passes without a better validation accuracy after which a training ends.
    pub patience: usize,
}

impl FinalConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let epochs = section.count("epochs", 30, 1..=MOST_EPOCHS);
        Self {
            finalists: section.count("finalists", 3, 1..=1_000),
            epochs,
            patience: section.count("patience", epochs, 1..=MOST_EPOCHS),
        }
    }
}
