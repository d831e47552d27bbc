//! A sum with constants behind a dense layer or a convolution is its bias.

use edgefit_graph::op::Op;
use edgefit_graph::{Role, Shape, Tensor};

use crate::import::draft::{Draft, Kind};

/// Makes the shift at `position` the layer before it, with a bias.
pub(super) fn fuse(drafts: &mut [Draft], position: usize, uses: &[usize]) {
    let Some(source) = drafts[position].inputs.first().copied().filter(|&s| uses[s] == 1) else { return };
    let Kind::Shift(along) = &drafts[position].kind else { return };
    let layer = &drafts[source];
    let Some((op, axis)) = with_bias(layer) else { return };
    let Some(values) = along.along(axis, layer.shape.dims()[axis]) else { return };
    let bias = Tensor { shape: Shape::new([values.len()]), data: values };
    let (inputs, mut params) = (layer.inputs.clone(), layer.params.clone());
    params.push((Role::Bias, bias));
    drafts[position] = Draft { kind: Kind::Op(op), inputs, params, ..drafts[position].clone() };
}

/// The layer with a bias, and the axis that the bias runs along; `None` when it has one or cannot have one.
fn with_bias(layer: &Draft) -> Option<(Op, usize)> {
    let Kind::Op(op) = &layer.kind else { return None };
    match op {
        Op::Conv(conv) if !conv.bias => Some((Op::Conv(edgefit_graph::op::Conv { bias: true, ..conv.clone() }), 0)),
        Op::Dense(dense) if !dense.bias => {
            let op = Op::Dense(edgefit_graph::op::Dense { bias: true, ..dense.clone() });
            Some((op, layer.shape.rank() - 1))
        }
        _ => None,
    }
}
