//! From the search file to the trainer's recipe: short for candidates, to the end for finalists.

use edgefit_search::Trial;
use edgefit_train::Recipe;

use crate::config::{EstimateConfig, FinalConfig, SearchConfig};

/// How a candidate is trained to be judged. Images are not moved: a short training does not overfit, and moving them makes it
/// slower to learn.
pub(super) fn estimate(config: &SearchConfig) -> Recipe {
    let EstimateConfig { epochs, batch, optimizer, learning_rate, schedule, weight_decay, warmup, .. } =
        config.estimate;
    let EstimateConfig { label_smoothing, clip_norm, average, class_weights, compute, .. } = config.estimate;
    Recipe {
        epochs,
        batch,
        optimizer,
        learning_rate,
        schedule,
        weight_decay,
        warmup,
        label_smoothing,
        clip_norm,
        average,
        class_weights,
        compute,
        shift: 0,
        rotate: 0.0,
        zoom: 0.0,
        flip: config.data.flip,
        ..Recipe::default()
    }
}

/// How the weights are trained that candidates share.
pub(super) fn supernet(config: &SearchConfig, epochs: usize) -> Recipe {
    Recipe { epochs, ..estimate(config) }
}

/// How a supernet is trained that learns operations: long enough to need moved images.
pub(super) fn relaxed(config: &SearchConfig, epochs: usize) -> Recipe {
    let (shift, rotate, zoom) = (config.data.shift, config.data.rotate, config.data.zoom);
    Recipe { epochs, shift, rotate, zoom, average: None, ..estimate(config) }
}

/// How a finalist is trained to the end, with what was tuned for it.
pub fn finals(config: &SearchConfig, trial: &Trial) -> Recipe {
    let FinalConfig { epochs, patience, time_shift, noise, cutout, color, mixup, .. } = config.finals;
    let mut recipe = Recipe {
        epochs,
        patience: Some(patience),
        shift: config.data.shift,
        rotate: config.data.rotate,
        zoom: config.data.zoom,
        time_shift,
        noise,
        cutout,
        color,
        mixup,
        ..estimate(config)
    };
    config.tune.apply(&trial.genotype, &mut recipe);
    recipe
}
