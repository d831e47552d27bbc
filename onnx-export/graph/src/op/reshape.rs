//! Another shape for the same elements.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// The same elements in the same row-major order under another per-sample shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reshape {
    /// Shape of the output.
    pub shape: Shape,
}

impl Operator for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let product = |s: &Shape| s.dims().iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if product(inputs[0]) != product(&self.shape) {
            return Err(format!("{} does not have as many elements as {}", inputs[0], self.shape));
        }
        Ok(self.shape.clone())
    }

    fn attributes(&self) -> String {
        format!("shape={}", self.shape)
    }
}
