//! Layer normalization (Ba et al. 2016) over the innermost dimension.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;
use crate::weights::{ParamSpec, Role};

/// `scale * (x - mean) / sqrt(variance + epsilon) + shift` over the innermost dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerNorm {
    /// Added to the variance, in millionths, so that operators stay comparable exactly.
    pub epsilon_millionths: u32,
}

impl Default for LayerNorm {
    /// Epsilon 1e-5, ONNX's default.
    fn default() -> Self {
        Self { epsilon_millionths: 10 }
    }
}

impl LayerNorm {
    /// Epsilon as a number.
    pub fn epsilon(&self) -> f32 {
        self.epsilon_millionths as f32 * 1e-6
    }
}

impl Operator for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(inputs[0].clone())
    }

    fn params(&self, inputs: &[&Shape]) -> Vec<ParamSpec> {
        [Role::Scale, Role::Shift].into_iter().map(|role| ParamSpec::new(role, [inputs[0].last()])).collect()
    }

    fn attributes(&self) -> String {
        format!("epsilon_millionths={}", self.epsilon_millionths)
    }
}
