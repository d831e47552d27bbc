//! What is left of sums and products with constants: a scale and a shift of each channel.

use edgefit_graph::op::{Op, Zero};

use crate::import::ImportError;
use crate::import::draft::{Along, Draft, Kind, affine_batch_norm, needed};

/// Makes a sum or product with constants a scale and a shift of each channel, if it is one.
pub(super) fn start(drafts: &mut [Draft], position: usize, _uses: &[usize]) {
    let channels = drafts[position].shape.channels();
    let wide = |along: &Along| Some(along.along(0, channels)?.into_iter().map(f64::from).collect::<Vec<f64>>());
    let kind = match &drafts[position].kind {
        Kind::Scale(along) if along.scalar() == Some(0.0) => Some(Kind::Op(Op::Zero(Zero))),
        Kind::Scale(along) => wide(along).map(|scale| Kind::Affine(scale, vec![0.0; channels])),
        Kind::Shift(along) => wide(along).map(|shift| Kind::Affine(vec![1.0; channels], shift)),
        _ => None,
    };
    if let Some(kind) = kind {
        drafts[position].kind = kind;
    }
}

/// Joins a scale and shift with the one before it.
pub(super) fn merge(drafts: &mut [Draft], position: usize, uses: &[usize]) {
    let Some(source) = drafts[position].inputs.first().copied().filter(|&s| uses[s] == 1) else { return };
    let (Kind::Affine(a, b), Kind::Affine(outer_a, outer_b)) = (&drafts[source].kind, &drafts[position].kind) else {
        return;
    };
    let scale = a.iter().zip(outer_a).map(|(a, outer)| a * outer).collect();
    let shift =
        b.iter().zip(outer_a.iter().zip(outer_b)).map(|(b, (outer_a, outer_b))| b * outer_a + outer_b).collect();
    let inputs = drafts[source].inputs.clone();
    drafts[position].kind = Kind::Affine(scale, shift);
    drafts[position].inputs = inputs;
}

/// Makes every scale and shift in use a batch norm. A piece that is left belongs to no operator of the graph.
pub(super) fn finish(drafts: &mut [Draft], outputs: &[usize]) -> Result<(), ImportError> {
    let needed = needed(drafts, outputs);
    for (draft, _) in drafts.iter_mut().zip(needed).filter(|(_, needed)| *needed) {
        match &draft.kind {
            Kind::Op(_) => {}
            Kind::Affine(scale, shift) => {
                let (op, params) = affine_batch_norm(scale, shift);
                (draft.kind, draft.params) = (Kind::Op(op), params);
            }
            Kind::Erf => return Err(left(draft, "the error function is supported inside of gelu only")),
            Kind::Scale(_) | Kind::Shift(_) => {
                return Err(left(draft, "constants along an axis that is not the channel are not supported"));
            }
        }
    }
    Ok(())
}

fn left(draft: &Draft, reason: &str) -> ImportError {
    ImportError::Unsupported { node: draft.name.clone(), op_type: draft.op_type.clone(), reason: reason.to_owned() }
}
