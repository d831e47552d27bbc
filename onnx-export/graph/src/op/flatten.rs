//! All dimensions of a sample joined into one.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// `[a, b, ...] -> [a * b * ...]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flatten;

impl Operator for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(Shape::new([inputs[0].elements() as usize]))
    }
}
