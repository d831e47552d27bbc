//! The mean over axes, as far as it is a global average pooling.

use std::collections::BTreeSet;

use edgefit_graph::Shape;
use edgefit_graph::op::{Flatten, GlobalAvgPool, Op, Reshape, Transpose};

use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::Value;

/// Over all positions of a channel, or over the tokens of a sequence. Axes are an input since opset 18.
pub(super) fn mean(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["noop_with_empty_axes"]);
    let x = site.feature(0)?;
    let keeps = site.int("keepdims")?.unwrap_or(1) != 0;
    let given = site.ints("axes")?.or(site.optional_ints(1)?);
    let axes = given.unwrap_or_default().into_iter().map(|axis| site.sample_axis(axis, x));
    let axes: Vec<usize> = axes.collect::<Result<BTreeSet<usize>, ImportError>>()?.into_iter().collect();
    let rank = site.shape(x).rank();
    let spatial: Vec<usize> = (1..rank).collect();
    match axes.as_slice() {
        axes if axes == spatial && !axes.is_empty() => spatial_mean(site, x, keeps),
        [0] if rank == 2 => token_mean(site, x, keeps),
        _ => Err(site.unsupported("only the mean over all positions of a channel, or over tokens, is supported")),
    }
}

fn spatial_mean(site: &mut Site<'_>, x: usize, keeps: bool) -> Result<Value, ImportError> {
    if keeps {
        return site.op(Op::GlobalAvgPool(GlobalAvgPool), &[x], Vec::new());
    }
    let pooled = site.part("pool", Op::GlobalAvgPool(GlobalAvgPool), x)?;
    site.op(Op::Flatten(Flatten), &[pooled], Vec::new())
}

fn token_mean(site: &mut Site<'_>, x: usize, keeps: bool) -> Result<Value, ImportError> {
    let features = site.shape(x).last();
    let swapped = site.part("transpose", Op::Transpose(Transpose { permutation: vec![1, 0] }), x)?;
    let pooled = site.part("pool", Op::GlobalAvgPool(GlobalAvgPool), swapped)?;
    let shape = if keeps { Shape::new([1, features]) } else { Shape::new([features]) };
    site.op(Op::Reshape(Reshape { shape }), &[pooled], Vec::new())
}
