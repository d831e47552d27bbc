//! The window attributes that convolution and pooling share.

use edgefit_graph::{MAX_EXTENT, Window};

use crate::import::ImportError;
use crate::import::site::Site;

/// Reads strides, dilations and pads (also by `auto_pad`) around a kernel, over the sample of draft `x`.
pub(super) fn window(site: &Site<'_>, x: usize, kernel: Vec<usize>) -> Result<Window, ImportError> {
    let axes = kernel.len();
    let one_an_axis = |name, values: Option<Vec<usize>>| match values {
        Some(values) if values.len() != axes => Err(site.bad_shape(format!("{name} needs {axes} entries"))),
        Some(values) => Ok(values),
        None => Ok(vec![1; axes]),
    };
    let stride = one_an_axis("strides", site.sizes("strides")?)?;
    let dilation = one_an_axis("dilations", site.sizes("dilations")?)?;
    let mut window = Window { kernel, stride, dilation, padding_begin: vec![0; axes], padding_end: vec![0; axes] };
    check_extents(site, x, &window)?;
    let pads = site.sizes("pads")?;
    match site.text("auto_pad")?.unwrap_or("NOTSET") {
        "NOTSET" | "" => explicit(site, &mut window, pads)?,
        "VALID" => {}
        "SAME_UPPER" => same(&mut window, site.shape(x).spatial(), true),
        "SAME_LOWER" => same(&mut window, site.shape(x).spatial(), false),
        other => return Err(site.unsupported(format!("auto_pad {other} is not known"))),
    }
    Ok(window)
}

/// What the arithmetic of padding needs; the graph's own rule checks the rest.
fn check_extents(site: &Site<'_>, x: usize, window: &Window) -> Result<(), ImportError> {
    let shape = site.shape(x);
    if shape.spatial().len() != window.axes() {
        return Err(site.bad_shape(format!("a window over {} axes on a sample of {shape}", window.axes())));
    }
    let extents = window.kernel.iter().chain(&window.stride).chain(&window.dilation);
    if extents.into_iter().any(|&e| e == 0 || e > MAX_EXTENT) {
        return Err(site.bad_shape(format!("kernel, strides and dilations must be 1 to {MAX_EXTENT}")));
    }
    Ok(())
}

fn explicit(site: &Site<'_>, window: &mut Window, pads: Option<Vec<usize>>) -> Result<(), ImportError> {
    let axes = window.axes();
    let Some(pads) = pads else { return Ok(()) };
    if pads.len() != 2 * axes {
        return Err(site.bad_shape(format!("pads needs {} entries", 2 * axes)));
    }
    window.padding_begin = pads[..axes].to_vec();
    window.padding_end = pads[axes..].to_vec();
    Ok(())
}

/// As much padding as gives `ceil(input / stride)` positions; an odd one goes to the end (upper) or the beginning.
fn same(window: &mut Window, input: &[usize], is_upper: bool) {
    for (axis, &extent) in input.iter().enumerate() {
        let stride = window.stride[axis];
        let span = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
        let total = ((extent.div_ceil(stride) - 1) * stride + span).saturating_sub(extent);
        let (less, more) = (total / 2, total - total / 2);
        (window.padding_begin[axis], window.padding_end[axis]) = if is_upper { (less, more) } else { (more, less) };
    }
}
