//! Pooling. `ceil_mode` becomes padding at the end, which yields the same where padding does not count.

use edgefit_graph::Window;
use edgefit_graph::op::{AvgPool, GlobalAvgPool, MaxPool, Op};

use super::window::window;
use crate::import::ImportError;
use crate::import::site::Site;
use crate::import::value::Value;

pub(super) fn max(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["storage_order"]);
    let x = site.feature(0)?;
    let (window, _) = pool_window(site, x)?;
    site.op(Op::MaxPool(MaxPool { window }), &[x], Vec::new())
}

pub(super) fn average(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    let (window, is_extended) = pool_window(site, x)?;
    let count_include_pad = site.int("count_include_pad")?.unwrap_or(0) != 0;
    if is_extended && count_include_pad {
        return Err(site.unsupported("ceil_mode with count_include_pad"));
    }
    site.op(Op::AvgPool(AvgPool { window, count_include_pad }), &[x], Vec::new())
}

pub(super) fn global_average(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let x = site.feature(0)?;
    site.op(Op::GlobalAvgPool(GlobalAvgPool), &[x], Vec::new())
}

/// The window, and whether `ceil_mode` made it longer.
fn pool_window(site: &Site<'_>, x: usize) -> Result<(Window, bool), ImportError> {
    let kernel = site.sizes("kernel_shape")?.ok_or_else(|| site.bad_shape("kernel_shape is missing"))?;
    let mut window = window(site, x, kernel)?;
    let is_extended = site.int("ceil_mode")?.unwrap_or(0) != 0 && extend(&mut window, site.shape(x).spatial());
    Ok((window, is_extended))
}

/// Pads the end of each axis for one more position where the last would be cut, as long as it begins inside.
fn extend(window: &mut Window, input: &[usize]) -> bool {
    let mut is_extended = false;
    for (axis, &extent) in input.iter().enumerate() {
        let (stride, begin) = (window.stride[axis], window.padding_begin[axis]);
        let span = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
        let padded = extent + begin + window.padding_end[axis];
        let Some(moves) = padded.checked_sub(span) else { continue };
        let more = (moves.div_ceil(stride) * stride + span).saturating_sub(padded);
        if more > 0 && moves.div_ceil(stride) * stride < extent + begin {
            window.padding_end[axis] += more;
            is_extended = true;
        }
    }
    is_extended
}
