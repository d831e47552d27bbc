//! A network input: where a sample enters the graph.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// A network input of a given per-sample shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// Shape of one sample.
    pub shape: Shape,
}

impl Operator for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        0..=0
    }

    fn output_shape(&self, _inputs: &[&Shape]) -> Result<Shape, String> {
        Ok(self.shape.clone())
    }

    fn attributes(&self) -> String {
        format!("shape={}", self.shape)
    }
}
