//! Other shapes for the same elements, as long as the batch stays what it is.

use std::collections::BTreeSet;
use std::rc::Rc;

use edgefit_graph::Shape;
use edgefit_graph::op::{Flatten, Op, Reshape};

use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::{Dim, Dims, Value};

type Read = Result<Value, ImportError>;

pub(super) fn reshape(site: &mut Site<'_>) -> Read {
    let target = site.dims(1)?;
    let keeps_zeros = site.int("allowzero")?.unwrap_or(0) != 0;
    if let Value::Constant(constant) = site.value(0)? {
        let dims = constant_target(site, &constant.dims.clone(), &target, keeps_zeros)?;
        return reshaped_constant(site, dims);
    }
    let x = site.feature(0)?;
    let shape = sample_target(site, x, &target.dims, keeps_zeros)?;
    site.op(Op::Reshape(Reshape { shape }), &[x], Vec::new())
}

fn reshaped_constant(site: &Site<'_>, dims: Vec<usize>) -> Read {
    let Value::Constant(constant) = site.value(0)? else {
        return Err(site.unsupported("input 0 is not a constant"));
    };
    let reshaped = constant.reshaped(dims);
    reshaped.map(|c| Value::Constant(Rc::new(c))).ok_or_else(|| site.bad_shape("the number of elements changes"))
}

fn constant_target(site: &Site<'_>, from: &[usize], to: &Dims, keeps_zeros: bool) -> Result<Vec<usize>, ImportError> {
    let known = to.known().ok_or_else(|| site.unsupported("depends on the batch"))?;
    let elements = from.iter().product();
    resolve(&known, from, elements, keeps_zeros).ok_or_else(|| site.bad_shape(format!("{from:?} to {known:?}")))
}

/// Per-sample shape of the result. The first dimension must be the batch, said in any way.
fn sample_target(site: &Site<'_>, x: usize, target: &[Dim], keeps_zeros: bool) -> Result<Shape, ImportError> {
    let shape = site.shape(x);
    let bad = || site.bad_shape(format!("a sample of {shape} to {}", in_words(target)));
    let (Some(first), rest) = (target.first(), target.get(1..).unwrap_or_default()) else { return Err(bad()) };
    let rest = Dims::list(rest.to_vec()).known().ok_or_else(|| site.unsupported("moves the batch"))?;
    let keeps_batch = match *first {
        Dim::Batch => true,
        Dim::Known(0) => !keeps_zeros,
        Dim::Known(-1) => !rest.contains(&-1),
        Dim::Known(n) => site.reading.batch == Some(n),
    };
    if !keeps_batch {
        return Err(site.unsupported(format!("to {} changes the batch", in_words(target))));
    }
    let dims = resolve(&rest, shape.dims(), shape.elements() as usize, keeps_zeros).filter(|dims| !dims.is_empty());
    dims.map(Shape::new).ok_or_else(bad)
}

fn in_words(target: &[Dim]) -> String {
    let word = |dim: &Dim| match dim {
        Dim::Batch => "batch".to_owned(),
        Dim::Known(n) => n.to_string(),
    };
    format!("[{}]", target.iter().map(word).collect::<Vec<String>>().join(", "))
}

/// Dimensions with 0 taken from `from` and -1 from the number of elements, or `None` when they do not fit.
fn resolve(target: &[i64], from: &[usize], elements: usize, keeps_zeros: bool) -> Option<Vec<usize>> {
    let mut dims = Vec::with_capacity(target.len());
    let mut unknown = None;
    for (position, &dim) in target.iter().enumerate() {
        match dim {
            -1 if unknown.replace(position).is_some() => return None,
            -1 => dims.push(1),
            0 if !keeps_zeros => dims.push(*from.get(position)?),
            n => dims.push(usize::try_from(n).ok()?),
        }
    }
    let known = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    if let Some(position) = unknown {
        dims[position] = elements.checked_div(known)?;
    }
    let product = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    (product == elements).then_some(dims)
}

pub(super) fn flatten(site: &mut Site<'_>) -> Read {
    let x = site.feature(0)?;
    let axis = site.axis(site.int("axis")?.unwrap_or(1), site.shape(x).rank() + 2)?;
    if axis != 1 {
        return Err(site.unsupported(format!("axis {axis} mixes the batch with other dimensions")));
    }
    site.op(Op::Flatten(Flatten), &[x], Vec::new())
}

pub(super) fn squeeze(site: &mut Site<'_>) -> Read {
    let axes = site.ints("axes")?.or(site.optional_ints(1)?);
    match site.value(0)?.clone() {
        Value::Feature(x) => squeeze_sample(site, x, axes),
        Value::Constant(constant) if constant.floats().is_some() => {
            let dims = without_ones(site, &constant.dims, axes)?;
            reshaped_constant(site, dims)
        }
        _ => Ok(Value::Dims(Dims { is_scalar: true, ..one_dim(site)? })),
    }
}

fn squeeze_sample(site: &mut Site<'_>, x: usize, axes: Option<Vec<i64>>) -> Read {
    let mut dims = vec![site.reading.batch.map_or(usize::MAX, |n| n as usize)];
    dims.extend(site.shape(x).dims());
    let left = without_ones(site, &dims, axes)?;
    if left.len() < 2 || left[0] != dims[0] {
        return Err(site.unsupported("removes the batch, or all but the batch"));
    }
    site.op(Op::Reshape(Reshape { shape: Shape::new(&left[1..]) }), &[x], Vec::new())
}

/// Dimensions without those at `axes`, or without all that are 1.
fn without_ones(site: &Site<'_>, dims: &[usize], axes: Option<Vec<i64>>) -> Result<Vec<usize>, ImportError> {
    let removed = match axes {
        None => (0..dims.len()).filter(|&axis| dims[axis] == 1).collect(),
        Some(axes) => axes.iter().map(|&axis| site.axis(axis, dims.len())).collect::<Result<BTreeSet<usize>, _>>()?,
    };
    if removed.iter().any(|&axis| dims[axis] != 1) {
        return Err(site.bad_shape("removes a dimension that is not 1"));
    }
    Ok((0..dims.len()).filter(|axis| !removed.contains(axis)).map(|axis| dims[axis]).collect())
}

/// One dimension, as a number or a list of one.
fn one_dim(site: &Site<'_>) -> Result<Dims, ImportError> {
    let dims = site.dims(0)?;
    if dims.dims.len() != 1 {
        return Err(site.unsupported("a list of dimensions of another rank"));
    }
    Ok(dims)
}

pub(super) fn unsqueeze(site: &mut Site<'_>) -> Read {
    let axes = site.ints("axes")?.or(site.optional_ints(1)?).ok_or_else(|| site.bad_shape("axes are missing"))?;
    match site.value(0)?.clone() {
        Value::Feature(x) => {
            let mut dims = vec![0];
            dims.extend(site.shape(x).dims());
            let more = with_ones(site, &dims, &axes)?;
            if more[0] != 0 {
                return Err(site.unsupported("puts a dimension before the batch"));
            }
            site.op(Op::Reshape(Reshape { shape: Shape::new(&more[1..]) }), &[x], Vec::new())
        }
        Value::Constant(constant) if constant.floats().is_some() => {
            let dims = with_ones(site, &constant.dims, &axes)?;
            reshaped_constant(site, dims)
        }
        _ => Ok(Value::Dims(Dims { is_scalar: false, ..one_dim(site)? })),
    }
}

/// Dimensions with a 1 at each of `axes` of the result.
fn with_ones(site: &Site<'_>, dims: &[usize], axes: &[i64]) -> Result<Vec<usize>, ImportError> {
    let rank = dims.len() + axes.len();
    let added = axes.iter().map(|&axis| site.axis(axis, rank)).collect::<Result<BTreeSet<usize>, ImportError>>()?;
    if added.len() != axes.len() {
        return Err(site.bad_shape("axes repeat"));
    }
    let mut old = dims.iter().copied();
    Ok((0..rank).map(|axis| if added.contains(&axis) { 1 } else { old.next().unwrap_or(1) }).collect())
}
