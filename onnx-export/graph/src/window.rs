//! The sliding window that convolutions and poolings share: kernel, stride, padding and dilation along each spatial axis.

use serde::{Deserialize, Serialize};

use crate::shape::Shape;

/// Padding chosen by rule rather than by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoPad {
    /// The output has `ceil(input / stride)` positions, for odd kernels; padding is the same on both sides.
    Same,
    /// No padding.
    Valid,
}

/// One window over one (series) or two (image) spatial axes. All vectors have one entry an axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// Extent along each axis, at least 1.
    pub kernel: Vec<usize>,
    /// Step along each axis, at least 1.
    pub stride: Vec<usize>,
    /// Zeros added before the first position of each axis.
    pub padding_begin: Vec<usize>,
    /// Zeros added behind the last position of each axis.
    pub padding_end: Vec<usize>,
    /// Distance between the taps along each axis, at least 1.
    pub dilation: Vec<usize>,
}

impl Window {
    /// A window of equal extent, stride and dilation 1 along `axes` axes.
    pub fn new(axes: usize, kernel: usize, stride: usize, pad: AutoPad) -> Self {
        Self::dilated(axes, kernel, stride, 1, pad)
    }

    /// A window with a dilation. [`AutoPad::Same`] pads `dilation * (kernel - 1) / 2` on each side.
    pub fn dilated(axes: usize, kernel: usize, stride: usize, dilation: usize, pad: AutoPad) -> Self {
        let padding = match pad {
            AutoPad::Same => dilation * kernel.saturating_sub(1) / 2,
            AutoPad::Valid => 0,
        };
        Self {
            kernel: vec![kernel; axes],
            stride: vec![stride; axes],
            padding_begin: vec![padding; axes],
            padding_end: vec![padding; axes],
            dilation: vec![dilation; axes],
        }
    }

    /// Number of spatial axes.
    pub fn axes(&self) -> usize {
        self.kernel.len()
    }

    /// Number of taps.
    pub fn taps(&self) -> u64 {
        self.kernel.iter().map(|&k| k as u64).product()
    }

    /// Whether the window sees one position at a time and moves by one: a pointwise convolution's.
    pub fn is_pointwise(&self) -> bool {
        let one = |v: &[usize]| v.iter().all(|&x| x == 1);
        let none = |v: &[usize]| v.iter().all(|&x| x == 0);
        one(&self.kernel) && one(&self.stride) && none(&self.padding_begin) && none(&self.padding_end)
    }

    /// Spatial dimensions of the output: `floor((in + pads - dilation * (kernel - 1) - 1) / stride) + 1` along each axis
    /// (ONNX, operator Conv, `auto_pad` NOTSET and `ceil_mode` 0).
    pub fn output(&self, input: &Shape) -> Result<Vec<usize>, String> {
        self.check(input)?;
        (0..self.axes()).map(|axis| self.output_extent(axis, input.spatial()[axis])).collect()
    }

    fn output_extent(&self, axis: usize, input: usize) -> Result<usize, String> {
        let padded = input + self.padding_begin[axis] + self.padding_end[axis];
        let span = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
        if padded < span {
            return Err(format!("the window spans {span} but axis {axis} has only {padded} positions with padding"));
        }
        Ok((padded - span) / self.stride[axis] + 1)
    }

    fn check(&self, input: &Shape) -> Result<(), String> {
        let axes = self.axes();
        if !(1..=2).contains(&axes) || input.spatial().len() != axes {
            return Err(format!("a window over {axes} axes does not fit an input of shape {input}"));
        }
        let vectors = [&self.stride, &self.padding_begin, &self.padding_end, &self.dilation];
        if vectors.iter().any(|v| v.len() != axes) {
            return Err("kernel, stride, padding and dilation need one entry an axis".into());
        }
        let positive = [&self.kernel, &self.stride, &self.dilation];
        if positive.iter().any(|v| v.iter().any(|&x| x == 0 || x > MAX_EXTENT)) {
            return Err(format!("kernel, stride and dilation must be between 1 and {MAX_EXTENT}"));
        }
        if [&self.padding_begin, &self.padding_end].iter().any(|v| v.iter().any(|&x| x > MAX_EXTENT)) {
            return Err(format!("padding must be at most {MAX_EXTENT}"));
        }
        Ok(())
    }
}

/// Largest kernel, stride, padding or dilation; keeps the arithmetic of hostile files in range.
pub const MAX_EXTENT: usize = 1 << 16;

impl Window {
    /// Every field as `key=value` words.
    pub(crate) fn attributes(&self) -> String {
        let by_x = |v: &[usize]| v.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        format!(
            "kernel={} stride={} pad={}+{} dilation={}",
            by_x(&self.kernel),
            by_x(&self.stride),
            by_x(&self.padding_begin),
            by_x(&self.padding_end),
            by_x(&self.dilation)
        )
    }
}
