//! Nonlinearities; those that the opset lacks are composed in the form that runtimes fuse.

use std::f32::consts::SQRT_2;

use edgefit_graph::op::Activation;

use super::Emit;
use crate::export::proto::float;
use crate::export::writer::Site;

impl Emit for Activation {
    fn emit(&self, site: &mut Site<'_>) {
        let x = site.input();
        match self {
            Self::Relu => site.last("Relu", vec![x], Vec::new()),
            Self::Relu6 => relu6(site, x),
            Self::HardSwish => site.last("HardSwish", vec![x], Vec::new()),
            Self::HardSigmoid => hard_sigmoid(site, x),
            Self::Sigmoid => site.last("Sigmoid", vec![x], Vec::new()),
            Self::Silu => silu(site, x),
            Self::Gelu => gelu(site, x),
        }
    }
}

fn relu6(site: &mut Site<'_>, x: String) {
    let inputs = vec![x, site.scalar("zero", 0.0), site.scalar("six", 6.0)];
    site.last("Clip", inputs, Vec::new());
}

/// ONNX's own default slope is 0.2.
fn hard_sigmoid(site: &mut Site<'_>, x: String) {
    site.last("HardSigmoid", vec![x], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]);
}

fn silu(site: &mut Site<'_>, x: String) {
    let gate = site.part("sigmoid", "Sigmoid", vec![x.clone()]);
    site.last("Mul", vec![x, gate], Vec::new());
}

/// `x (1 + erf(x / sqrt 2)) / 2`, in PyTorch's order.
fn gelu(site: &mut Site<'_>, x: String) {
    let (root, one, half) = (site.scalar("sqrt_two", SQRT_2), site.scalar("one", 1.0), site.scalar("half", 0.5));
    let scaled = site.part("div", "Div", vec![x.clone(), root]);
    let erf = site.part("erf", "Erf", vec![scaled]);
    let shifted = site.part("add", "Add", vec![erf, one]);
    let product = site.part("mul", "Mul", vec![x, shifted]);
    site.last("Mul", vec![product, half], Vec::new());
}
