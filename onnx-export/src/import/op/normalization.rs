//! Batch norm and layer norm.

use edgefit_graph::op::{BatchNorm, LayerNorm, Op};
use edgefit_graph::{Role, Tensor};

use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::Value;

/// ONNX's default epsilon of both.
const DEFAULT_EPSILON: f32 = 1e-5;

pub(super) fn batch_norm(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["momentum", "is_test"]);
    if site.int("training_mode")?.unwrap_or(0) != 0 || site.int("spatial")?.unwrap_or(1) != 1 {
        return Err(site.unsupported("only inference with statistics of each channel is supported"));
    }
    let x = site.feature(0)?;
    let epsilon = site.float("epsilon")?.unwrap_or(DEFAULT_EPSILON);
    let roles = [Role::Scale, Role::Shift, Role::RunningMean, Role::RunningVariance];
    let mut params = Vec::with_capacity(roles.len());
    for (position, role) in roles.into_iter().enumerate() {
        params.push((role, site.tensor(position + 1)?));
    }
    let epsilon_millionths = absorbed_epsilon(site, epsilon, &mut params[3].1)?;
    site.op(Op::BatchNorm(BatchNorm { epsilon_millionths }), &[x], params)
}

/// Epsilon in whole millionths; what is left of it goes into the variance, which it is added to.
fn absorbed_epsilon(site: &Site<'_>, epsilon: f32, variance: &mut Tensor) -> Result<u32, ImportError> {
    if let Some(exact) = millionths(epsilon) {
        return Ok(exact);
    }
    if !(0.0..1e3).contains(&epsilon) {
        return Err(site.unsupported(format!("epsilon {epsilon}")));
    }
    let whole = (f64::from(epsilon) * 1e6).floor();
    let rest = (f64::from(epsilon) - whole * 1e-6) as f32;
    variance.data.iter_mut().for_each(|v| *v += rest);
    Ok(whole as u32)
}

/// Epsilon in millionths, when it is a whole number of them.
fn millionths(epsilon: f32) -> Option<u32> {
    let millionths = f64::from(epsilon) * 1e6;
    let whole = millionths.round();
    let is_whole = (millionths - whole).abs() < 1e-3 && (0.0..1e9).contains(&whole);
    (is_whole && (whole > 0.0 || epsilon == 0.0)).then_some(whole as u32)
}

pub(super) fn layer_norm(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["stash_type"]);
    let x = site.feature(0)?;
    let rank = site.shape(x).rank();
    if site.sample_axis(site.int("axis")?.unwrap_or(-1), x)? + 1 != rank {
        return Err(site.unsupported("only the innermost dimension can be normalized"));
    }
    let epsilon = site.float("epsilon")?.unwrap_or(DEFAULT_EPSILON);
    let whole = millionths(epsilon).filter(|&whole| whole > 0);
    let epsilon_millionths =
        whole.ok_or_else(|| site.unsupported(format!("epsilon {epsilon} is not a whole number of millionths")))?;
    let scale = site.tensor(1)?;
    let shift = site.optional_tensor(2)?.unwrap_or_else(|| Tensor::filled(scale.shape.clone(), 0.0));
    let params = vec![(Role::Scale, scale), (Role::Shift, shift)];
    site.op(Op::LayerNorm(LayerNorm { epsilon_millionths }), &[x], params)
}
