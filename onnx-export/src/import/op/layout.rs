//! Operators along or across axes: transpose, concat, slice, split, softmax.

use std::rc::Rc;

use edgefit_graph::op::{Concat, Op, Slice, Softmax, Transpose};

use super::dims;
use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::{Dims, Value};
use crate::limits::MAX_DIMS;

pub(super) fn transpose(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let permutation = site.sizes("perm")?;
    if let Value::Constant(constant) = site.value(0)? {
        let permutation = permutation.unwrap_or_else(|| (0..constant.dims.len()).rev().collect());
        let transposed = constant.transposed(&permutation);
        let transposed = transposed.ok_or_else(|| site.bad_shape("perm is not a permutation"))?;
        return Ok(Value::Constant(Rc::new(transposed)));
    }
    let x = site.feature(0)?;
    let Some([0, permutation @ ..]) = permutation.as_deref() else {
        return Err(site.unsupported("moves the batch"));
    };
    let permutation: Option<Vec<usize>> = permutation.iter().map(|p| p.checked_sub(1)).collect();
    let permutation = permutation.ok_or_else(|| site.bad_shape("perm is not a permutation"))?;
    site.op(Op::Transpose(Transpose { permutation }), &[x], Vec::new())
}

pub(super) fn concat(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let axis = site.int("axis")?.ok_or_else(|| site.bad_shape("axis is missing"))?;
    let Value::Feature(first) = *site.value(0)? else {
        return concat_dims(site);
    };
    let axis = site.sample_axis(axis, first)?;
    let inputs = (0..site.input_count()).map(|i| site.feature(i)).collect::<Result<Vec<usize>, ImportError>>()?;
    if inputs.len() > *Op::Concat(Concat { axis }).arity().end() {
        return Err(site.unsupported(format!("joins {} tensors", inputs.len())));
    }
    site.op(Op::Concat(Concat { axis }), &inputs, Vec::new())
}

fn concat_dims(site: &Site<'_>) -> Result<Value, ImportError> {
    let mut dims = Vec::new();
    for position in 0..site.input_count() {
        dims.extend(site.dims(position)?.dims);
        if dims.len() > MAX_DIMS {
            return Err(site.unsupported(format!("lists more than {MAX_DIMS} dimensions")));
        }
    }
    Ok(Value::Dims(Dims::list(dims)))
}

/// A run along one axis. Positions are inputs since opset 10.
pub(super) fn slice(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let one = |ints: Option<Vec<i64>>| ints.filter(|ints| ints.len() == 1).map(|ints| ints[0]);
    let start = one(site.ints("starts")?.or(site.optional_ints(1)?));
    let end = one(site.ints("ends")?.or(site.optional_ints(2)?));
    let axes = site.ints("axes")?.or(site.optional_ints(3)?);
    let axis = if axes.is_none() { Some(0) } else { one(axes) };
    let is_whole = site.optional_ints(4)?.is_none_or(|steps| steps == [1]);
    let (Some(start), Some(end), Some(axis), true) = (start, end, axis, is_whole) else {
        return Err(site.unsupported("only a run along one axis can be sliced"));
    };
    if let Value::Feature(x) = *site.value(0)? {
        let axis = site.sample_axis(axis, x)?;
        let run = dims::positions(site.shape(x).dims()[axis], start, end);
        return site.op(Op::Slice(Slice { axis, start: run.start, length: run.len() }), &[x], Vec::new());
    }
    let list = site.dims(0)?;
    if axis != 0 || list.is_scalar {
        return Err(site.bad_shape("dimensions have one axis"));
    }
    Ok(dims::slice(&list, start, end))
}

/// Several runs that follow each other along one axis, one an output. Their lengths are an input since opset 13; without them
/// they are equal, but for a shorter last one.
pub(super) fn split(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    let axis = site.sample_axis(site.int("axis")?.unwrap_or(0), x)?;
    let (whole, count) = (site.shape(x).dims()[axis], site.output_count());
    site.ignore(&["num_outputs"]);
    let lengths = match site.sizes("split")?.or(site.optional_sizes(1)?) {
        Some(lengths) => lengths,
        None => equal_parts(whole, count),
    };
    if lengths.len() != count || lengths.iter().try_fold(0usize, |sum, n| sum.checked_add(*n)) != Some(whole) {
        return Err(site.bad_shape(format!("{count} parts of {lengths:?} are not the {whole} of axis {axis}")));
    }
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, length) in lengths.into_iter().enumerate() {
        parts.push(site.numbered(at, Op::Slice(Slice { axis, start, length }), x)?);
        start += length;
    }
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or_else(|| site.bad_shape("it has no output"))?;
    site.leave(parts.collect());
    Ok(first)
}

fn equal_parts(whole: usize, count: usize) -> Vec<usize> {
    let each = whole.div_ceil(count.max(1));
    (0..count).map(|at| each.min(whole.saturating_sub(at * each))).collect()
}

/// Until opset 13, everything from `axis` on was one dimension.
pub(super) fn softmax(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    let is_old = site.opset() < 13;
    let axis = site.sample_axis(site.int("axis")?.unwrap_or(if is_old { 1 } else { -1 }), x)?;
    if is_old && site.shape(x).dims()[axis + 1..].iter().any(|&dim| dim != 1) {
        return Err(site.unsupported("softmax over several dimensions (opset before 13)"));
    }
    site.op(Op::Softmax(Softmax { axis }), &[x], Vec::new())
}
