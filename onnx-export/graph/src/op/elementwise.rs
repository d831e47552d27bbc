//! Sum and product of tensors, element by element; a dimension of 1 is repeated to fit.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Operator;
use crate::shape::Shape;

/// Elementwise sum of two tensors of equal rank.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Add;

/// Elementwise product of two tensors of equal rank.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mul;

fn broadcast(a: &Shape, b: &Shape) -> Result<Shape, String> {
    let fits = |(&x, &y): (&usize, &usize)| x == y || x == 1 || y == 1;
    if a.rank() != b.rank() || !a.dims().iter().zip(b.dims()).all(fits) {
        return Err(format!("shapes {a} and {b} do not match; each dimension must be equal or 1"));
    }
    let dims: Vec<usize> = a.dims().iter().zip(b.dims()).map(|(&x, &y)| x.max(y)).collect();
    Ok(Shape::new(dims))
}

impl Operator for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        broadcast(inputs[0], inputs[1])
    }

    fn is_commutative(&self) -> bool {
        true
    }
}

impl Operator for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        broadcast(inputs[0], inputs[1])
    }

    fn is_commutative(&self) -> bool {
        true
    }
}
