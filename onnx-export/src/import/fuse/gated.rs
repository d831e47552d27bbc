//! Nonlinearities that are a product of their input and a gate: silu, hard-swish, gelu; and hard-sigmoid, a scaled gate alone.

use std::f32::consts::FRAC_1_SQRT_2;

use edgefit_graph::op::{Activation, Op};

use super::product::product;
use crate::import::draft::{Draft, Kind};

/// Makes the product at `position` a nonlinearity of one input, if it is one.
pub(super) fn fuse(drafts: &mut [Draft], position: usize, uses: &[usize]) {
    if !matches!(drafts[position].kind, Kind::Op(Op::Mul(_)) | Kind::Scale(_)) {
        return;
    }
    let product = product(drafts, position, uses);
    let found = match product.factors.as_slice() {
        [a, b] => gated(drafts, uses, *a, *b, product.number).or_else(|| gated(drafts, uses, *b, *a, product.number)),
        [gate] => shifted_relu6(drafts, uses, *gate)
            .filter(|_| is_about(product.number, 1.0 / 6.0))
            .map(|x| (x, Activation::HardSigmoid)),
        _ => None,
    };
    if let Some((x, activation)) = found {
        let draft = &mut drafts[position];
        draft.kind = Kind::Op(Op::Activation(activation));
        draft.inputs = vec![x];
    }
}

/// `number * x * gate(x)`: the input and the nonlinearity that it is.
fn gated(drafts: &[Draft], uses: &[usize], x: usize, gate: usize, number: f32) -> Option<(usize, Activation)> {
    let patterns = [
        (1.0, activated(drafts, uses, gate, Activation::Sigmoid), Activation::Silu),
        (1.0, activated(drafts, uses, gate, Activation::HardSigmoid), Activation::HardSwish),
        (1.0 / 6.0, shifted_relu6(drafts, uses, gate), Activation::HardSwish),
        (0.5, shifted_erf(drafts, uses, gate), Activation::Gelu),
    ];
    let fits = |(wanted, source, _): &(f32, Option<usize>, Activation)| is_about(number, *wanted) && *source == Some(x);
    patterns.into_iter().find(fits).map(|(_, _, activation)| (x, activation))
}

/// The `x` of a nonlinearity that is used once.
fn activated(drafts: &[Draft], uses: &[usize], at: usize, activation: Activation) -> Option<usize> {
    let is_it = matches!(drafts[at].kind, Kind::Op(Op::Activation(found)) if found == activation);
    inner(drafts, uses, at).filter(|_| is_it)
}

/// The `x` of `relu6(x + 3)`.
fn shifted_relu6(drafts: &[Draft], uses: &[usize], at: usize) -> Option<usize> {
    let is_relu6 = matches!(drafts[at].kind, Kind::Op(Op::Activation(Activation::Relu6)));
    let sum = inner(drafts, uses, at).filter(|_| is_relu6)?;
    let is_sum = matches!(&drafts[sum].kind, Kind::Shift(along) if along.is_about(3.0));
    inner(drafts, uses, sum).filter(|_| is_sum)
}

/// The `x` of `1 + erf(x / sqrt 2)`.
fn shifted_erf(drafts: &[Draft], uses: &[usize], at: usize) -> Option<usize> {
    let is_sum = matches!(&drafts[at].kind, Kind::Shift(along) if along.is_about(1.0));
    let erf = inner(drafts, uses, at).filter(|_| is_sum)?;
    let is_erf = matches!(drafts[erf].kind, Kind::Erf);
    let scaled = inner(drafts, uses, erf).filter(|_| is_erf)?;
    let is_scaled = matches!(&drafts[scaled].kind, Kind::Scale(along) if along.is_about(FRAC_1_SQRT_2));
    inner(drafts, uses, scaled).filter(|_| is_scaled)
}

/// The only input of a draft that is used once.
fn inner(drafts: &[Draft], uses: &[usize], at: usize) -> Option<usize> {
    drafts[at].inputs.first().copied().filter(|_| uses[at] == 1)
}

fn is_about(number: f32, expected: f32) -> bool {
    (number - expected).abs() <= 1e-5
}
