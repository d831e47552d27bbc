//! Batch norm that could not be folded, and layer norm.

use edgefit_graph::op::{BatchNorm, LayerNorm};
use edgefit_graph::{Role, Shape, Tensor};

use super::Emit;
use crate::export::proto::{float, int};
use crate::export::recipe::BatchNormAffine;
use crate::export::writer::Site;

impl Emit for BatchNorm {
    /// Without epsilon it is a scale and a shift, not a statistic, and written as such.
    fn emit(&self, site: &mut Site<'_>) {
        if self.epsilon_millionths == 0 {
            return affine(self, site);
        }
        let roles = [Role::Scale, Role::Shift, Role::RunningMean, Role::RunningVariance];
        let mut inputs = vec![site.input()];
        inputs.extend(roles.map(|role| site.param(role)));
        site.last("BatchNormalization", inputs, vec![float("epsilon", self.epsilon())]);
    }
}

fn affine(op: &BatchNorm, site: &mut Site<'_>) {
    let affine = BatchNormAffine::of(site.id, op, site.weights).0;
    let (scales, shifts) = (affine.scale.iter().any(|&a| a != 1.0), !affine.is_shiftless());
    let x = site.input();
    if !shifts {
        let scale = channel_constant(site, "scale", &affine.scale);
        return site.last("Mul", vec![x, scale], Vec::new());
    }
    let scaled = if scales { scaled(site, x, &affine.scale) } else { x };
    let shift = channel_constant(site, "shift", &affine.shift);
    site.last("Add", vec![scaled, shift], Vec::new());
}

fn scaled(site: &mut Site<'_>, x: String, scale: &[f64]) -> String {
    let scale = channel_constant(site, "scale", scale);
    site.part("mul", "Mul", vec![x, scale])
}

/// One number a channel, as `[1, channels, 1...]`.
fn channel_constant(site: &mut Site<'_>, suffix: &str, values: &[f64]) -> String {
    let mut dims = vec![1; site.input_shape().rank() + 1];
    dims[1] = values.len();
    let data = values.iter().map(|&x| x as f32).collect();
    site.constant(suffix, &Tensor { shape: Shape::new(dims), data })
}

impl Emit for LayerNorm {
    fn emit(&self, site: &mut Site<'_>) {
        let inputs = vec![site.input(), site.param(Role::Scale), site.param(Role::Shift)];
        site.last("LayerNormalization", inputs, vec![int("axis", -1), float("epsilon", self.epsilon())]);
    }
}
