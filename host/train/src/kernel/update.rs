//! The steps of the optimizers and of moving averages, in place.

/// Settings of one step of stochastic gradient descent with Nesterov's momentum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SgdStep {
    /// Learning rate.
    pub(crate) rate: f32,
    /// Share of the velocity kept.
    pub(crate) momentum: f32,
    /// Weight decay, added to the gradient.
    pub(crate) decay: f32,
    /// The gradient is multiplied by this first (clipping).
    pub(crate) clip: f32,
}

/// `g' = clip * g + decay * w; v = momentum * v + g'; w -= rate * (g' + momentum * v)`, the form of Sutskever et al. 2013 in common
/// use.
pub(crate) fn sgd(step: SgdStep, w: &mut [f32], g: &[f32], v: &mut [f32]) {
    for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
        let g = step.clip * g + step.decay * *w;
        *v = step.momentum * *v + g;
        *w -= step.rate * (g + step.momentum * *v);
    }
}

/// Settings of one step of AdamW.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamStep {
    /// Learning rate.
    pub(crate) rate: f32,
    /// Decay rates of the two moments.
    pub(crate) betas: [f32; 2],
    /// `1 / (1 - beta^t)` for each moment at step `t`.
    pub(crate) corrections: [f32; 2],
    /// Weight decay, apart from the gradient.
    pub(crate) decay: f32,
    /// The gradient is multiplied by this first (clipping).
    pub(crate) clip: f32,
}

/// Added to the root of the second moment.
const ADAM_EPSILON: f32 = 1e-8;

/// Loshchilov and Hutter 2019, algorithm 2, with the decay scaled by the learning rate.
pub(crate) fn adam(step: AdamStep, w: &mut [f32], g: &[f32], first: &mut [f32], second: &mut [f32]) {
    let [beta1, beta2] = step.betas;
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(first).zip(second) {
        let g = step.clip * g;
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        let root = (*v * step.corrections[1]).sqrt() + ADAM_EPSILON;
        *w -= step.rate * (*m * step.corrections[0] / root + step.decay * *w);
    }
}

/// `average += share * (value - average)`.
pub(crate) fn blend(average: &mut [f32], value: &[f32], share: f32) {
    average.iter_mut().zip(value).for_each(|(a, v)| *a += share * (v - *a));
}
