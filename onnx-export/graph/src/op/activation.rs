//! The nonlinearities, each applied to every element.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// A nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x * hard_sigmoid(x)` (Howard et al. 2019).
    HardSwish,
    /// `min(max(x / 6 + 0.5, 0), 1)` (Howard et al. 2019).
    HardSigmoid,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)` (Elfwing et al. 2018), also called swish.
    Silu,
    /// `x * normal_cdf(x)` by the error function, not its tanh approximation (Hendrycks and Gimpel 2016).
    Gelu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Relu, Self::Relu6, Self::HardSwish, Self::HardSigmoid, Self::Sigmoid, Self::Silu, Self::Gelu];
}

impl Operator for Activation {
    fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::HardSwish => "hard_swish",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
        }
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(inputs[0].clone())
    }
}
