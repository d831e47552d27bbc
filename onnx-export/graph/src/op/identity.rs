//! The operator that changes nothing: a skip connection in a cell.

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// Its input, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity;

impl Operator for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(inputs[0].clone())
    }
}
