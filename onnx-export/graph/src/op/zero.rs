//! The operator that gives nothing: an absent connection in a cell.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// Zeros of its input's shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Zero;

impl Operator for Zero {
    fn name(&self) -> &'static str {
        "zero"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(inputs[0].clone())
    }
}
