//! Matrix products: with constants they are dense layers, of computed tensors they stay products.

use edgefit_graph::op::{Dense, MatMul, Op};
use edgefit_graph::{Role, Shape, Tensor};

use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::Value;

pub(super) fn matmul(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    if let Value::Feature(other) = *site.value(1)? {
        return site.op(Op::MatMul(MatMul), &[x, other], Vec::new());
    }
    let weight = site.tensor(1)?;
    dense(site, x, weight, None)
}

pub(super) fn gemm(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    if site.int("transA")?.unwrap_or(0) != 0 || site.shape(x).rank() != 1 {
        return Err(site.unsupported("the first matrix must be one row a sample"));
    }
    let is_transposed = site.int("transB")?.unwrap_or(0) != 0;
    let (alpha, beta) = (site.float("alpha")?.unwrap_or(1.0), site.float("beta")?.unwrap_or(1.0));
    let constant = site.floats(1)?;
    let weight = if is_transposed { constant.transposed(&[1, 0]).and_then(|c| c.tensor()) } else { constant.tensor() };
    let weight = weight.ok_or_else(|| site.bad_shape("its second matrix has not two dimensions"))?;
    let bias = site.optional_tensor(2)?;
    dense(site, x, scaled(weight, alpha), bias.map(|bias| scaled(bias, beta)))
}

fn scaled(mut tensor: Tensor, by: f32) -> Tensor {
    if by != 1.0 {
        tensor.data.iter_mut().for_each(|x| *x *= by);
    }
    tensor
}

fn dense(site: &mut Site<'_>, x: usize, weight: Tensor, bias: Option<Tensor>) -> Result<Value, ImportError> {
    let [_, out_features] = *weight.shape.dims() else {
        return Err(
            site.unsupported(format!("a constant of {} as second matrix; two dimensions are supported", weight.shape))
        );
    };
    let bias = bias.map(|bias| full_bias(site, bias, out_features)).transpose()?;
    let op = Dense { out_features, bias: bias.is_some() };
    let params = std::iter::once((Role::Weight, weight)).chain(bias.map(|bias| (Role::Bias, bias)));
    site.op(Op::Dense(op), &[x], params.collect())
}

/// One number an output from any form that repeats to it.
fn full_bias(site: &Site<'_>, bias: Tensor, out_features: usize) -> Result<Tensor, ImportError> {
    let shape = Shape::new([out_features]);
    match (bias.data.as_slice(), bias.shape.dims()) {
        ([one], _) => Ok(Tensor { data: vec![*one; out_features], shape }),
        (_, [n] | [1, n]) if *n == out_features => Ok(Tensor { data: bias.data, shape }),
        _ => Err(site.bad_shape(format!("a bias of {} for {out_features} outputs", bias.shape))),
    }
}
