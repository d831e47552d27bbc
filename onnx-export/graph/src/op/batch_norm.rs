//! Batch normalization (Ioffe and Szegedy 2015) over the leading, channel dimension.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;
use crate::weights::{ParamSpec, Role};

/// `scale * (x - mean) / sqrt(variance + epsilon) + shift` per channel; the statistics are the batch's in training and the
/// running ones in inference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Added to the variance, in millionths, so that operators stay comparable exactly.
    pub epsilon_millionths: u32,
}

impl Default for BatchNorm {
    /// Epsilon 1e-5, ONNX's default.
    fn default() -> Self {
        Self { epsilon_millionths: 10 }
    }
}

impl BatchNorm {
    /// Epsilon as a number.
    pub fn epsilon(&self) -> f32 {
        self.epsilon_millionths as f32 * 1e-6
    }
}

impl Operator for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        match inputs[0].rank() {
            1..=3 => Ok(inputs[0].clone()),
            _ => Err(format!("needs channels and at most two spatial axes, not {}", inputs[0])),
        }
    }

    fn params(&self, inputs: &[&Shape]) -> Vec<ParamSpec> {
        let roles = [Role::Scale, Role::Shift, Role::RunningMean, Role::RunningVariance];
        roles.into_iter().map(|role| ParamSpec::new(role, [inputs[0].channels()])).collect()
    }

    fn attributes(&self) -> String {
        format!("epsilon_millionths={}", self.epsilon_millionths)
    }
}
