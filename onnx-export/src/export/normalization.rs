//! The normalization of raw input values, carried inside the exported network so that who runs it feeds raw values.

use serde::{Deserialize, Serialize};

/// `(x / divisor - mean[c]) / std[c]` for each channel `c` of the network's first input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputNormalization {
    /// What raw values are divided by first, 255 for bytes. Not zero.
    pub divisor: f32,
    /// Mean of each channel after the division.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel after the division. Not zero.
    pub std: Vec<f32>,
}

impl InputNormalization {
    /// The same normalization as `x * scale[c] + shift[c]`.
    pub(crate) fn affine(&self) -> Affine {
        let divisor = f64::from(self.divisor);
        let scale = self.std.iter().map(|&std| 1.0 / (divisor * f64::from(std))).collect();
        let shift = self.mean.iter().zip(&self.std).map(|(&mean, &std)| -f64::from(mean) / f64::from(std)).collect();
        Affine { scale, shift }
    }

    /// Why this is no normalization of `channels` channels, or `None` when it is.
    pub(crate) fn defect(&self, channels: usize) -> Option<String> {
        let (means, stds) = (self.mean.len(), self.std.len());
        if means != channels || stds != channels {
            return Some(format!("{means} means and {stds} standard deviations for an input of {channels} channels"));
        }
        let divides = |x: f32| x.is_finite() && x != 0.0;
        let usable = divides(self.divisor) && self.std.iter().all(|&s| divides(s));
        let finite = self.mean.iter().all(|m| m.is_finite());
        (!usable || !finite).then(|| "means must be finite, the divisor and the deviations finite and not zero".into())
    }
}

/// `x * scale[c] + shift[c]` for each channel `c`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Affine {
    pub(crate) scale: Vec<f64>,
    pub(crate) shift: Vec<f64>,
}

impl Affine {
    /// Whether nothing is added.
    pub(crate) fn is_shiftless(&self) -> bool {
        self.shift.iter().all(|&b| b == 0.0)
    }

    /// What has to be added before the scaling instead of behind it.
    pub(crate) fn shift_before_scale(&self) -> Vec<f64> {
        self.shift.iter().zip(&self.scale).map(|(b, a)| b / a).collect()
    }
}
