//! Arithmetic on dimensions that exporters leave in front of a reshape: taking a shape apart.

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
fn part<T>(list: &[T], start: i64, end: i64) -> &[T] {
    let length = list.len() as i64;
    let inside = |at: i64| (if at < 0 { at.saturating_add(length) } else { at }).clamp(0, length) as usize;
    let (start, end) = (inside(start), inside(end));
    list.get(start..end).unwrap_or(&[])
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

/// Positions are inputs since opset 10.
pub(super) fn slice(site: &mut Site<'_>) -> Result<Value, ImportError> {
    if matches!(site.value(0)?, Value::Feature(_)) {
        return Err(site.unsupported("slices a computed tensor"));
    }
    let list = site.dims(0)?;
    let one = |ints: Option<Vec<i64>>| ints.filter(|ints| ints.len() == 1).map(|ints| ints[0]);
    let start = one(site.ints("starts")?.or(site.optional_ints(1)?));
    let end = one(site.ints("ends")?.or(site.optional_ints(2)?));
    let axes = site.ints("axes")?.or(site.optional_ints(3)?);
    let steps = site.optional_ints(4)?;
    let is_plain = axes.is_none_or(|a| a == [0]) && steps.is_none_or(|s| s == [1]) && !list.is_scalar;
    match (start, end) {
        (Some(start), Some(end)) if is_plain => Ok(Value::Dims(Dims::list(part(&list.dims, start, end).to_vec()))),
        _ => Err(site.unsupported("only a run of dimensions can be sliced")),
    }
}
