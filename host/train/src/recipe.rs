//! How a network is trained: optimizer, schedule, augmentation, when to stop.

use serde::{Deserialize, Serialize};

use crate::compute::Compute;
use crate::error::TrainError;

/// How weights follow gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Stochastic gradient descent with Nesterov's momentum 0.9; weight decay is part of the gradient.
    Sgd,
    /// Adam with decoupled weight decay, betas 0.9 and 0.999.
    Adamw,
}

/// How the learning rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Up along a line during the warm-up, then down to 0 along a cosine (Loshchilov and Hutter 2017).
    Cosine,
    /// Up from a twenty-fifth of it along a cosine for three tenths of the steps, then down to almost 0 along another (Smith and Topin
    /// 2018). The warm-up is not used.
    OneCycle,
}

/// Settings of a training. Weight decay never acts on norms and biases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Most passes over the training samples, at least 1.
    pub epochs: usize,
    /// Samples a step, at least 1. What is left at the end of an epoch is not used in it.
    pub batch: usize,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// Highest learning rate, above 0.
    pub learning_rate: f64,
    /// How it rises and falls.
    pub schedule: Schedule,
    /// Weight decay, at least 0.
    pub weight_decay: f64,
    /// Share of all steps in which the learning rate rises, at least 0 and less than 1.
    pub warmup: f64,
    /// Share of the target that is spread over all classes, at least 0 and less than 1.
    pub label_smoothing: f64,
    /// Most pixels by which images are moved at random, in each direction; black comes in.
    pub shift: usize,
    /// Most degrees by which images are turned, and slanted, at random; at least 0, at most 45.
    pub rotate: f64,
    /// Largest share by which their height and their width are stretched or shrunk at random, at least 0 and at most 1.
    pub zoom: f64,
    /// Whether images are mirrored left to right at random.
    pub flip: bool,
    /// Most positions by which samples are moved at random along their last axis, time; what is at the edge goes on.
    pub time_shift: usize,
    /// Standard deviation of the noise added to each number, in standard deviations of its channel; at least 0.
    pub noise: f64,
    /// Side of a square (or length of a stretch) set to the mean at random, in positions; 0 for none.
    pub cutout: usize,
    /// Most by which a channel is scaled and moved at random, in its standard deviations; at least 0 and less than 1.
    pub color: f64,
    /// Parameter of the beta distribution by which samples are mixed in pairs, at least 0; 0 for none (Zhang et al. 2018). The
    /// share is drawn once for a batch.
    pub mixup: f64,
    /// Whether each class weighs as much as any other in the loss, however many samples it has.
    pub class_weights: bool,
    /// Largest norm of the gradient of all parameters, above 0; longer ones are shortened to it.
    pub clip_norm: Option<f64>,
    /// What it computes on.
    pub compute: Compute,
    /// End after so many epochs without a better validation result, at least 1.
    pub patience: Option<usize>,
    /// Validate and return a moving average of the weights that keeps this share of itself a step, at least 0 and less than 1.
    pub average: Option<f64>,
}

/// Where the one cycle has its peak, and the peak over its beginning and its end.
const ONE_CYCLE_PEAK: f64 = 0.3;
const ONE_CYCLE_RISE: f64 = 25.0;
const ONE_CYCLE_FALL: f64 = 1e4;

impl Recipe {
    /// What is wrong with it, if anything is.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let share = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let rules = [
            (self.epochs >= 1, "epochs must be at least 1"),
            (self.batch >= 1, "batch must be at least 1"),
            (positive(self.learning_rate), "learning_rate must be above 0"),
            (self.weight_decay.is_finite() && self.weight_decay >= 0.0, "weight_decay must be at least 0"),
            (share(self.warmup), "warmup must be at least 0 and less than 1"),
            (share(self.label_smoothing), "label_smoothing must be at least 0 and less than 1"),
            ((0.0..=45.0).contains(&self.rotate), "rotate must be at least 0 and at most 45"),
            ((0.0..=1.0).contains(&self.zoom), "zoom must be at least 0 and at most 1"),
            (self.noise.is_finite() && self.noise >= 0.0, "noise must be at least 0"),
            (share(self.color), "color must be at least 0 and less than 1"),
            (self.mixup.is_finite() && self.mixup >= 0.0, "mixup must be at least 0"),
            (self.clip_norm.is_none_or(positive), "clip_norm must be above 0"),
            (self.patience != Some(0), "patience must be at least 1"),
            (self.average.is_none_or(share), "average must be at least 0 and less than 1"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(TrainError::Recipe(rule.into())),
            None => Ok(()),
        }
    }

    /// Learning rate of a step, from 0, of so many.
    pub(crate) fn rate(&self, step: usize, steps: usize) -> f64 {
        match self.schedule {
            Schedule::Cosine => self.cosine(step, steps),
            Schedule::OneCycle => self.one_cycle(step, steps),
        }
    }

    fn one_cycle(&self, step: usize, steps: usize) -> f64 {
        let (from, to) = (self.learning_rate / ONE_CYCLE_RISE, self.learning_rate / ONE_CYCLE_FALL);
        let along =
            |from: f64, to: f64, share: f64| to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
        let (peak, at) = (ONE_CYCLE_PEAK * steps as f64, step as f64);
        if at < peak {
            along(from, self.learning_rate, at / peak)
        } else {
            along(self.learning_rate, to, (at - peak) / (steps as f64 - peak))
        }
    }

    fn cosine(&self, step: usize, steps: usize) -> f64 {
        let rising = (self.warmup * steps as f64).round();
        let at = step as f64;
        if at < rising {
            return self.learning_rate * (at + 1.0) / (rising + 1.0);
        }
        let falling = (at - rising) / (steps as f64 - rising);
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * falling).cos())
    }
}

impl Default for Recipe {
    /// For small images and networks of a few thousand to a million parameters.
    fn default() -> Self {
        Self {
            epochs: 30,
            batch: 32,
            optimizer: Optimizer::Adamw,
            learning_rate: 0.02,
            schedule: Schedule::Cosine,
            weight_decay: 0.02,
            warmup: 0.1,
            label_smoothing: 0.05,
            shift: 1,
            rotate: 8.0,
            zoom: 0.1,
            flip: false,
            time_shift: 0,
            noise: 0.0,
            cutout: 0,
            color: 0.0,
            mixup: 0.0,
            class_weights: false,
            clip_norm: None,
            compute: Compute::Cpu,
            patience: None,
            average: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls_to_almost_nothing() {
        let recipe = Recipe { learning_rate: 1.0, warmup: 0.1, ..Recipe::default() };
        let rates: Vec<f64> = (0..100).map(|step| recipe.rate(step, 100)).collect();
        assert!(rates[..=10].is_sorted(), "{rates:?}");
        assert!(rates[10..].is_sorted_by(|a, b| a >= b), "{rates:?}");
        assert_eq!(rates[10], 1.0);
        assert!(rates[99] < 1e-3);
    }

    #[test]
    fn one_cycle_has_its_peak_inside_and_ends_at_almost_nothing() {
        let recipe = Recipe { learning_rate: 1.0, schedule: Schedule::OneCycle, ..Recipe::default() };
        let rates: Vec<f64> = (0..100).map(|step| recipe.rate(step, 100)).collect();
        assert!(rates[..=30].is_sorted() && rates[30..].is_sorted_by(|a, b| a >= b), "{rates:?}");
        assert!((rates[0] - 1.0 / 25.0).abs() < 1e-9 && (rates[30] - 1.0).abs() < 1e-9, "{rates:?}");
        assert!(rates[99] < 2e-3);
    }

    #[test]
    fn impossible_settings_are_named() {
        let check = |recipe: Recipe, word: &str| {
            let message = recipe.check().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        let good = Recipe::default();
        assert_eq!(good.check(), Ok(()));
        check(Recipe { epochs: 0, ..good.clone() }, "epochs");
        check(Recipe { batch: 0, ..good.clone() }, "batch");
        check(Recipe { learning_rate: f64::NAN, ..good.clone() }, "learning_rate");
        check(Recipe { weight_decay: -1.0, ..good.clone() }, "weight_decay");
        check(Recipe { warmup: 1.0, ..good.clone() }, "warmup");
        check(Recipe { label_smoothing: 1.0, ..good.clone() }, "label_smoothing");
        check(Recipe { rotate: 90.0, ..good.clone() }, "rotate");
        check(Recipe { zoom: -0.1, ..good.clone() }, "zoom");
        check(Recipe { clip_norm: Some(0.0), ..good.clone() }, "clip_norm");
        check(Recipe { noise: -0.1, ..good.clone() }, "noise");
        check(Recipe { color: 1.0, ..good.clone() }, "color");
        check(Recipe { mixup: f64::INFINITY, ..good.clone() }, "mixup");
        check(Recipe { patience: Some(0), ..good.clone() }, "patience");
        check(Recipe { average: Some(1.0), ..good }, "average");
    }
}
