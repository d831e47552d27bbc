//! Joining tensors along one axis.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Operator, check_axis};
use crate::shape::Shape;

/// Most tensors that one node joins.
const MAX_INPUTS: usize = 256;

/// Joins tensors that are equal in every dimension but `axis`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Concat {
    /// Dimension along which they are joined; 0 is the channel.
    pub axis: usize,
}

impl Concat {
    fn joins(&self, a: &Shape, b: &Shape) -> bool {
        let others =
            |s: &Shape| s.dims().iter().copied().enumerate().filter(|&(i, _)| i != self.axis).collect::<Vec<_>>();
        a.rank() == b.rank() && others(a) == others(b)
    }
}

impl Operator for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        1..=MAX_INPUTS
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let first = inputs[0];
        check_axis(self.axis, first)?;
        if let Some(odd) = inputs.iter().find(|shape| !self.joins(first, shape)) {
            return Err(format!("shapes {first} and {odd} differ outside axis {}", self.axis));
        }
        let mut dims = first.dims().to_vec();
        dims[self.axis] = inputs.iter().fold(0usize, |n, s| n.saturating_add(s.dims()[self.axis]));
        Ok(Shape::new(dims))
    }

    fn attributes(&self) -> String {
        format!("axis={}", self.axis)
    }
}
