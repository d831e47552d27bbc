//! The fully connected layer, applied to the innermost dimension: to a vector, or to each token alike.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;
use crate::weights::{ParamSpec, Role};

/// `x W + b` over the innermost dimension, `[..., in] -> [..., out_features]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dense {
    /// Size of the innermost dimension of the output.
    pub out_features: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Operator for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let mut dims = inputs[0].dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = self.out_features;
        }
        Ok(Shape::new(dims))
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        output.elements().saturating_mul(inputs[0].last() as u64)
    }

    fn params(&self, inputs: &[&Shape]) -> Vec<ParamSpec> {
        let weight = ParamSpec::new(Role::Weight, [inputs[0].last(), self.out_features]);
        let bias = self.bias.then(|| ParamSpec::new(Role::Bias, [self.out_features]));
        std::iter::once(weight).chain(bias).collect()
    }

    fn attributes(&self) -> String {
        format!("out={} bias={}", self.out_features, self.bias)
    }
}
