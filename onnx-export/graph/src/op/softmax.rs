//! Softmax along one axis.

use serde::{Deserialize, Serialize};

use super::{Operator, check_axis};
use crate::shape::Shape;

/// `exp(x_i) / sum_j exp(x_j)` along `axis`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Softmax {
    /// Dimension that sums to one.
    pub axis: usize,
}

impl Operator for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        check_axis(self.axis, inputs[0])?;
        Ok(inputs[0].clone())
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }
}
