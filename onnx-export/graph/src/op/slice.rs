//! A run of elements along one axis.

use serde::{Deserialize, Serialize};

use super::{Operator, check_axis};
use crate::shape::Shape;

/// Takes the elements from `start` on along `axis`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slice {
    /// Dimension along which they are taken; 0 is the channel.
    pub axis: usize,
    /// The first of them.
    pub start: usize,
    /// How many.
    pub length: usize,
}

impl Slice {
    /// The position behind the last one.
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.length)
    }
}

impl Operator for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        check_axis(self.axis, inputs[0])?;
        let mut dims = inputs[0].dims().to_vec();
        if self.end() > dims[self.axis] {
            let (axis, length) = (self.axis, dims[self.axis]);
            return Err(format!("{} to {} are not all among the {length} of axis {axis}", self.start, self.end()));
        }
        dims[self.axis] = self.length;
        Ok(Shape::new(dims))
    }

    fn attributes(&self) -> String {
        format!("axis={} start={} length={}", self.axis, self.start, self.length)
    }
}
