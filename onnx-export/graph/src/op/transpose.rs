//! Another order of the dimensions.

use serde::{Deserialize, Serialize};

use super::{Operator, by_x};
use crate::shape::Shape;

/// Dimension `i` of the output is dimension `permutation[i]` of the input; the batch stays in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transpose {
    /// A permutation of `0..rank`.
    pub permutation: Vec<usize>,
}

impl Operator for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if sorted != (0..inputs[0].rank()).collect::<Vec<_>>() {
            return Err(format!("{:?} is not a permutation of the dimensions of {}", self.permutation, inputs[0]));
        }
        let dims: Vec<usize> = self.permutation.iter().map(|&i| inputs[0].dims()[i]).collect();
        Ok(Shape::new(dims))
    }

    fn attributes(&self) -> String {
        format!("permutation={}", by_x(&self.permutation))
    }
}
