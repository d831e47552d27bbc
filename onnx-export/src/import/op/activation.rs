//! Nonlinearities. Those that exporters compose are put together later from these.

use edgefit_graph::op::{Activation, Op};

use crate::import::ImportError;
use crate::import::draft::Kind;
use crate::import::site::Site;
use crate::import::value::Value;

fn activation(site: &mut Site<'_>, activation: Activation) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    site.op(Op::Activation(activation), &[x], Vec::new())
}

pub(super) fn relu(site: &mut Site<'_>) -> Result<Value, ImportError> {
    activation(site, Activation::Relu)
}

pub(super) fn sigmoid(site: &mut Site<'_>) -> Result<Value, ImportError> {
    activation(site, Activation::Sigmoid)
}

pub(super) fn hard_swish(site: &mut Site<'_>) -> Result<Value, ImportError> {
    activation(site, Activation::HardSwish)
}

pub(super) fn erf(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    Ok(site.piece(Kind::Erf, x))
}

pub(super) fn gelu(site: &mut Site<'_>) -> Result<Value, ImportError> {
    if site.text("approximate")?.is_some_and(|form| form != "none") {
        return Err(site.unsupported("gelu is supported by the error function only, not approximated"));
    }
    activation(site, Activation::Gelu)
}

/// The default of ONNX is a slope of 0.2; the graph's is 1/6.
pub(super) fn hard_sigmoid(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let (alpha, beta) = (site.float("alpha")?.unwrap_or(0.2), site.float("beta")?.unwrap_or(0.5));
    if (alpha - 1.0 / 6.0).abs() > 1e-5 || beta != 0.5 {
        return Err(site.unsupported(format!("slope {alpha} and offset {beta}; only 1/6 and 0.5 are supported")));
    }
    activation(site, Activation::HardSigmoid)
}

/// Bounds were attributes until opset 11.
pub(super) fn clip(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let least = bound(site, "min", 1)?.unwrap_or(f32::MIN);
    let most = bound(site, "max", 2)?.unwrap_or(f32::MAX);
    match (least, most) {
        (0.0, 6.0) => activation(site, Activation::Relu6),
        (0.0, f32::MAX..) => activation(site, Activation::Relu),
        _ => Err(site.unsupported(format!("clips to {least}..{most}; only 0..6 and 0.. are supported"))),
    }
}

fn bound(site: &Site<'_>, name: &'static str, position: usize) -> Result<Option<f32>, ImportError> {
    Ok(site.float(name)?.or(site.optional_float(position)?))
}
