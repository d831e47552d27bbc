//! The product of two computed matrices, as in attention.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// `[..., m, k] x [..., k, n] -> [..., m, n]`; the leading dimensions are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MatMul;

impl Operator for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let (a, b) = (inputs[0].dims(), inputs[1].dims());
        let lead = a.len().saturating_sub(2);
        let fits = a.len() >= 2 && a.len() == b.len() && a[..lead] == b[..lead] && a[lead + 1] == b[lead];
        if !fits {
            return Err(format!("{} x {} is not a product of matrices", inputs[0], inputs[1]));
        }
        let mut dims = a.to_vec();
        dims[lead + 1] = b[lead + 1];
        Ok(Shape::new(dims))
    }

    fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        output.elements().saturating_mul(inputs[0].last() as u64)
    }
}
