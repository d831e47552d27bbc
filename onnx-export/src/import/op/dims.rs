//! Arithmetic on dimensions that exporters leave in front of a reshape: taking a shape apart.

use std::ops::Range;

use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::{Dim, Dims, Value};

pub(super) fn shape(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    let sample = site.shape(x).dims().iter().map(|&d| Dim::Known(d as i64));
    let dims: Vec<Dim> = std::iter::once(Dim::Batch).chain(sample).collect();
    let (start, end) = (site.int("start")?.unwrap_or(0), site.int("end")?.unwrap_or(i64::MAX));
    Ok(Value::Dims(Dims::list(part(&dims, start, end).to_vec())))
}

/// From `start` to before `end`, each counted from the end when negative and moved inside.
pub(super) fn positions(length: usize, start: i64, end: i64) -> Range<usize> {
    let length = length as i64;
    let inside = |at: i64| (if at < 0 { at.saturating_add(length) } else { at }).clamp(0, length) as usize;
    inside(start)..inside(end)
}

fn part<T>(list: &[T], start: i64, end: i64) -> &[T] {
    list.get(positions(list.len(), start, end)).unwrap_or(&[])
}

pub(super) fn gather(site: &mut Site<'_>) -> Result<Value, ImportError> {
    if matches!(site.value(0)?, Value::Feature(_)) {
        return Err(site.unsupported("gathers elements of a computed tensor"));
    }
    let (list, positions) = (site.dims(0)?, site.dims(1)?);
    if site.int("axis")?.unwrap_or(0) != 0 || list.is_scalar {
        return Err(site.bad_shape("dimensions have one axis"));
    }
    let known = positions.known().ok_or_else(|| site.unsupported("gathers at the batch"))?;
    let pick = |&at: &i64| Ok(list.dims[site.axis(at, list.dims.len())?]);
    let dims = known.iter().map(pick).collect::<Result<Vec<Dim>, ImportError>>()?;
    Ok(Value::Dims(Dims { dims, is_scalar: positions.is_scalar }))
}

/// A run of dimensions.
pub(super) fn slice(list: &Dims, start: i64, end: i64) -> Value {
    Value::Dims(Dims::list(part(&list.dims, start, end).to_vec()))
}
