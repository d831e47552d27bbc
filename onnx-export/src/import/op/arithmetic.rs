//! Sums and products: of two computed tensors, of one and a constant, or of dimensions.

use edgefit_graph::op::{Add, Mul, Op};

use crate::import::ImportError;
use crate::import::draft::{Along, Kind};
use crate::import::site::Site;
use crate::import::value::{Dim, Dims, Value};

type Read = Result<Value, ImportError>;

/// The two sides of an elementwise operator.
enum Sides {
    Features(usize, usize),
    /// A computed tensor and a constant, and whether the constant comes first.
    Constant(usize, Along, bool),
    Dims(Dims, Dims),
}

pub(super) fn add(site: &mut Site<'_>) -> Read {
    match sides(site)? {
        Sides::Features(a, b) => site.op(Op::Add(Add), &[a, b], Vec::new()),
        Sides::Constant(x, along, _) => Ok(site.piece(Kind::Shift(along), x)),
        Sides::Dims(a, b) => dims(site, &a, &b, i64::checked_add),
    }
}

pub(super) fn mul(site: &mut Site<'_>) -> Read {
    match sides(site)? {
        Sides::Features(a, b) => site.op(Op::Mul(Mul), &[a, b], Vec::new()),
        Sides::Constant(x, along, _) => Ok(site.piece(Kind::Scale(along), x)),
        Sides::Dims(a, b) => dims(site, &a, &b, i64::checked_mul),
    }
}

pub(super) fn sub(site: &mut Site<'_>) -> Read {
    match sides(site)? {
        Sides::Constant(x, along, false) => Ok(site.piece(Kind::Shift(along.map(|c| -c)), x)),
        Sides::Dims(a, b) => dims(site, &a, &b, i64::checked_sub),
        _ => Err(site.unsupported("only a constant can be subtracted")),
    }
}

pub(super) fn div(site: &mut Site<'_>) -> Read {
    match sides(site)? {
        Sides::Constant(_, along, false) if along.values.contains(&0.0) => Err(site.unsupported("divides by zero")),
        Sides::Constant(x, along, false) => Ok(site.piece(Kind::Scale(along.map(|c| 1.0 / c)), x)),
        Sides::Dims(a, b) => dims(site, &a, &b, i64::checked_div),
        _ => Err(site.unsupported("only a constant can divide")),
    }
}

/// One or two computed tensors; more are rare.
pub(super) fn sum(site: &mut Site<'_>) -> Read {
    match site.input_count() {
        1 => Ok(Value::Feature(site.feature(0)?)),
        2 => add(site),
        more => Err(site.unsupported(format!("sums {more} tensors; one or two are supported"))),
    }
}

fn sides(site: &Site<'_>) -> Result<Sides, ImportError> {
    match (site.value(0)?, site.value(1)?) {
        (Value::Feature(a), Value::Feature(b)) => Ok(Sides::Features(*a, *b)),
        (Value::Feature(x), Value::Constant(_)) => Ok(Sides::Constant(*x, along(site, *x, 1)?, false)),
        (Value::Constant(_), Value::Feature(x)) => Ok(Sides::Constant(*x, along(site, *x, 0)?, true)),
        _ => Ok(Sides::Dims(site.dims(0)?, site.dims(1)?)),
    }
}

/// How a constant lies along one sample of a computed tensor.
fn along(site: &Site<'_>, x: usize, position: usize) -> Result<Along, ImportError> {
    let constant = site.floats(position)?;
    let shape = site.shape(x).dims();
    let refuse = || {
        let (mine, theirs) = (&constant.dims, site.shape(x));
        site.unsupported(format!(
            "a constant of {mine:?} with a sample of {theirs}; one number or one an axis is supported"
        ))
    };
    let Some(ahead) = (shape.len() + 1).checked_sub(constant.dims.len()) else { return Err(refuse()) };
    let mut long = constant.dims.iter().enumerate().filter(|&(_, &dim)| dim != 1);
    let values = constant.floats().unwrap_or_default().to_vec();
    match (long.next(), long.next()) {
        (None, _) => Ok(Along { axis: None, values }),
        (Some((at, &dim)), None) => {
            let axis = (ahead + at).checked_sub(1).filter(|&axis| shape[axis] == dim);
            axis.map(|axis| Along { axis: Some(axis), values }).ok_or_else(refuse)
        }
        _ => Err(refuse()),
    }
}

fn dims(site: &Site<'_>, a: &Dims, b: &Dims, combine: fn(i64, i64) -> Option<i64>) -> Read {
    let (Some(left), Some(right)) = (a.known(), b.known()) else {
        return Err(site.unsupported("calculates with the batch"));
    };
    let pairs: Vec<(i64, i64)> = match (left.as_slice(), right.as_slice()) {
        (left, [one]) => left.iter().map(|&l| (l, *one)).collect(),
        ([one], right) => right.iter().map(|&r| (*one, r)).collect(),
        (left, right) if left.len() == right.len() => left.iter().copied().zip(right.iter().copied()).collect(),
        _ => return Err(site.bad_shape("lists of different length")),
    };
    let combined: Option<Vec<Dim>> = pairs.into_iter().map(|(l, r)| combine(l, r).map(Dim::Known)).collect();
    let dims = combined.ok_or_else(|| site.bad_shape("its result is no 64-bit integer"))?;
    Ok(Value::Dims(Dims { dims, is_scalar: a.is_scalar && b.is_scalar }))
}
