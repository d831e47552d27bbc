//! Operators along or across axes: transpose, concat, softmax.

use std::rc::Rc;

use edgefit_graph::op::{Concat, Op, Softmax, Transpose};

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
