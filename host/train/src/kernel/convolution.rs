//! One convolution over a tile of images: its geometry as tables of offsets, its product, and the two gradients.
//!
//! The input lies in a padded frame, so no kernel looks at a border. The gradient for the input is again a product, of the padded
//! gradient of the output with the transposed kernel; under a stride it splits into one product for each phase of the input
//! positions, so no multiplication by a zero is done.

use super::buffer::Buffer;
use super::channel::Frame;
use super::depthwise::{Depthwise, DepthwiseWeight};
use super::matrix::{Correlation, Product};

/// Shape of a convolution over images `[height, width, channels]`. A series has height 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Height and width of the input.
    pub(crate) input: [usize; 2],
    /// Channels of the input.
    pub(crate) in_channels: usize,
    /// Height and width of the output.
    pub(crate) output: [usize; 2],
    /// Channels of the output.
    pub(crate) out_channels: usize,
    /// Taps along each axis.
    pub(crate) kernel: [usize; 2],
    /// Step along each axis.
    pub(crate) stride: [usize; 2],
    /// Distance of taps along each axis.
    pub(crate) dilation: [usize; 2],
    /// Zeros before and behind along each axis.
    pub(crate) padding: [[usize; 2]; 2],
    /// Groups of channels.
    pub(crate) groups: usize,
}

impl Geometry {
    /// Whether each output channel sees just its own input channel.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups == self.in_channels && self.groups == self.out_channels && self.groups > 1
    }

    /// Whether it looks at one position at a time.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [[0; 2]; 2]
    }

    /// Floats of the kernel.
    pub(crate) fn weights(&self) -> usize {
        self.taps() * self.in_channels / self.groups * self.out_channels
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// A pointwise convolution sees rows of positions as well as images: shorter pieces fit a tile better.
    fn by_rows(self) -> Self {
        if !self.is_pointwise() {
            return self;
        }
        Self { input: [1, self.input[1]], output: [1, self.output[1]], ..self }
    }
}

/// Floats that the buffers of one tile may take: a share of a second-level cache of one mebibyte.
const TILE_FLOATS: usize = 96 * 1024;

/// Most images (or rows of them) of one tile.
const MAX_TILE: usize = 256;

/// Input positions that see the same taps of the transposed kernel.
struct Phase {
    /// Kernel taps, as positions in the kernel.
    kernel_taps: Vec<usize>,
    rows: Vec<usize>,
    taps: Vec<usize>,
    outs: Vec<usize>,
    /// Rows of one image.
    per_image: usize,
}

/// A convolution ready to run on tiles of up to [`Convolution::tile`] images.
///
/// Kernels are laid out `[group][tap][in / groups][out / groups]`, a depthwise one `[tap][channel]`.
pub(crate) struct Convolution {
    /// Shape of one unit of a tile.
    pub(crate) geometry: Geometry,
    /// Units (images, or rows of them) of a full tile.
    pub(crate) tile: usize,
    /// Units of one image.
    pub(crate) units_per_image: usize,
    /// How the input lies in its buffer.
    pub(crate) input: Frame,
    /// How the gradient of the output lies in its buffer.
    pub(crate) gradient: Frame,
    rows: Vec<usize>,
    taps: Vec<usize>,
    run: usize,
    outs: Vec<usize>,
    d_rows: Vec<usize>,
    phases: Vec<Phase>,
}

impl std::fmt::Debug for Convolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Convolution")
            .field("geometry", &self.geometry)
            .field("tile", &self.tile)
            .finish_non_exhaustive()
    }
}

impl Convolution {
    /// Prepares the tables.
    pub(crate) fn new(geometry: Geometry) -> Self {
        let units_per_image = if geometry.is_pointwise() { geometry.input[0] } else { 1 };
        let g = geometry.by_rows();
        let [[top, bottom], [left, right]] = g.padding;
        let input = Frame::padded(g.input[0], g.input[1], g.in_channels, [top, bottom, left, right]);
        let gradient = gradient_frame(&g);
        let floats = input.image + gradient.image + g.output[0] * g.output[1] * g.out_channels;
        let tile = (TILE_FLOATS / floats).clamp(1, MAX_TILE);
        let positions = || images_by(tile, g.output);
        let origin = Frame { start: 0, ..input };
        let (taps, run) = forward_taps(&g, &input);
        Self {
            geometry: g,
            tile,
            units_per_image,
            input,
            gradient,
            rows: positions().map(|(i, y, x)| origin.offset(i, y * g.stride[0], x * g.stride[1])).collect(),
            taps,
            run,
            outs: (0..tile * g.output[0] * g.output[1]).map(|p| p * g.out_channels).collect(),
            d_rows: positions().map(|(i, y, x)| gradient.offset(i, y, x)).collect(),
            phases: phases(&g, &gradient, tile),
        }
    }

    /// A buffer for the input frame of the tiles of so many units, with the padding zero.
    pub(crate) fn input_buffer(&self, units: usize) -> Buffer {
        self.frame_buffer(&self.input, units)
    }

    /// A buffer for the gradient frame of the tiles of so many units, with the padding zero.
    pub(crate) fn gradient_buffer(&self, units: usize) -> Buffer {
        self.frame_buffer(&self.gradient, units)
    }

    fn frame_buffer(&self, frame: &Frame, units: usize) -> Buffer {
        let floats = self.tile.min(units) * frame.image;
        if frame.is_dense() { Buffer::new(floats) } else { Buffer::zeros(floats) }
    }

    /// Floats of the output of one unit.
    pub(crate) fn out_floats(&self) -> usize {
        self.geometry.output[0] * self.geometry.output[1] * self.geometry.out_channels
    }

    /// Floats of the unpadded input of one unit.
    pub(crate) fn in_floats(&self) -> usize {
        self.geometry.input[0] * self.geometry.input[1] * self.geometry.in_channels
    }

    /// Floats of the kernel.
    pub(crate) fn weights(&self) -> usize {
        self.geometry.weights()
    }

    fn positions(&self, units: usize) -> usize {
        units * self.geometry.output[0] * self.geometry.output[1]
    }

    /// The output of `units` units, densely.
    pub(crate) fn forward(&self, input: &[f32], weight: &[f32], units: usize, out: &mut [f32]) {
        let n = self.positions(units);
        let (rows, outs, taps) = (&self.rows[..n], &self.outs[..n], &self.taps[..]);
        if self.geometry.is_depthwise() {
            Depthwise { x: input, rows, taps, weight, channels: self.geometry.in_channels, out, outs }.run();
            return;
        }
        let (ins, columns, size) = self.group();
        for group in 0..self.geometry.groups {
            let (a, b, c) = (&input[group * ins..], &weight[group * size..], &mut out[group * columns..]);
            Product { a, rows, taps, run: self.run, b, columns, c, outs }.run();
        }
    }

    /// Adds the kernel's gradient, given the input's frame and the gradient's.
    pub(crate) fn weight_gradient(&self, input: &[f32], gradient: &[f32], units: usize, weight: &mut [f32]) {
        let n = self.positions(units);
        let (rows, d_rows, taps) = (&self.rows[..n], &self.d_rows[..n], &self.taps[..]);
        if self.geometry.is_depthwise() {
            let channels = self.geometry.in_channels;
            DepthwiseWeight { x: input, rows, taps, d: gradient, d_rows, channels, weight }.run();
            return;
        }
        let (ins, columns, size) = self.group();
        for group in 0..self.geometry.groups {
            let (a, d, c) = (&input[group * ins..], &gradient[group * columns..], &mut weight[group * size..]);
            Correlation { a, rows, taps, run: self.run, d, d_rows, columns, c }.run();
        }
    }

    /// The gradient for the input, densely, given the gradient's frame and its transposed weights.
    pub(crate) fn input_gradient(&self, gradient: &[f32], transposed: &[f32], units: usize, out: &mut [f32]) {
        let mut weight = transposed;
        for phase in &self.phases {
            let n = units * phase.per_image;
            let (rows, outs, taps) = (&phase.rows[..n], &phase.outs[..n], &phase.taps[..]);
            if self.geometry.is_depthwise() {
                let channels = self.geometry.in_channels;
                Depthwise { x: gradient, rows, taps, weight, channels, out, outs }.run();
                weight = &weight[taps.len() * channels..];
                continue;
            }
            let (columns, run, _) = self.group();
            for group in 0..self.geometry.groups {
                let (a, c) = (&gradient[group * run..], &mut out[group * columns..]);
                Product { a, rows, taps, run, b: weight, columns, c, outs }.run();
                weight = &weight[taps.len() * run * columns..];
            }
        }
    }

    /// Input channels, output channels and kernel floats of one group.
    fn group(&self) -> (usize, usize, usize) {
        let g = &self.geometry;
        (g.in_channels / g.groups, g.out_channels / g.groups, g.weights() / g.groups)
    }

    /// The kernel as [`Convolution::input_gradient`] reads it: `[phase][group][tap][out][in]`, of [`Convolution::weights`] floats.
    pub(crate) fn transpose(&self, weight: &[f32], transposed: &mut [f32]) {
        let mut to = 0;
        for phase in &self.phases {
            if self.geometry.is_depthwise() {
                let channels = self.geometry.in_channels;
                for &tap in &phase.kernel_taps {
                    transposed[to..to + channels].copy_from_slice(&weight[tap * channels..(tap + 1) * channels]);
                    to += channels;
                }
                continue;
            }
            let (ins, outs, size) = self.group();
            for group in 0..self.geometry.groups {
                for &tap in &phase.kernel_taps {
                    let from = &weight[group * size + tap * ins * outs..][..ins * outs];
                    transpose_matrix(from, ins, outs, &mut transposed[to..to + ins * outs]);
                    to += ins * outs;
                }
            }
        }
    }
}

fn transpose_matrix(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    for row in 0..rows {
        for column in 0..columns {
            to[column * rows + row] = from[row * columns + column];
        }
    }
}

fn images_by(images: usize, [height, width]: [usize; 2]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..images).flat_map(move |i| (0..height).flat_map(move |y| (0..width).map(move |x| (i, y, x))))
}

/// Offsets of the taps in the padded input, and the floats read at each. Without groups and dilation a whole row of taps is
/// contiguous.
fn forward_taps(g: &Geometry, input: &Frame) -> (Vec<usize>, usize) {
    let [taps_y, taps_x] = g.kernel;
    let row = |y: usize| y * g.dilation[0] * input.row;
    if g.groups == 1 && g.dilation[1] == 1 {
        return ((0..taps_y).map(row).collect(), taps_x * g.in_channels);
    }
    let column = |x: usize| x * g.dilation[1] * g.in_channels;
    let taps = (0..taps_y).flat_map(|y| (0..taps_x).map(move |x| row(y) + column(x))).collect();
    (taps, g.in_channels / g.groups)
}

/// Along one axis: for each phase of the input positions, the taps that reach an output, each with the output position that
/// input position 0 of the phase reaches through it.
fn axis_phases(g: &Geometry, axis: usize) -> Vec<Vec<(usize, isize)>> {
    let stride = g.stride[axis] as isize;
    let reached = |phase: usize, tap: usize| {
        let at = (phase + g.padding[axis][0]) as isize - (tap * g.dilation[axis]) as isize;
        (at.rem_euclid(stride) == 0).then(|| (tap, at.div_euclid(stride)))
    };
    // Backwards, so that the output positions ascend.
    let taps = |phase| (0..g.kernel[axis]).rev().filter_map(|tap| reached(phase, tap)).collect();
    (0..g.stride[axis]).map(taps).collect()
}

fn phase_extent(g: &Geometry, axis: usize, phase: usize) -> usize {
    g.input[axis].saturating_sub(phase).div_ceil(g.stride[axis])
}

/// Positions of padding before and behind that the gradient of the output needs along an axis.
fn gradient_padding(g: &Geometry, axis: usize) -> (usize, usize) {
    let (mut before, mut behind) = (0isize, 0isize);
    for (phase, taps) in axis_phases(g, axis).iter().enumerate() {
        let extent = phase_extent(g, axis, phase) as isize;
        for &(_, at) in taps.iter().filter(|_| extent > 0) {
            before = before.max(-at);
            behind = behind.max(at + extent - g.output[axis] as isize);
        }
    }
    (before as usize, behind as usize)
}

fn gradient_frame(g: &Geometry) -> Frame {
    let ((top, bottom), (left, right)) = (gradient_padding(g, 0), gradient_padding(g, 1));
    Frame::padded(g.output[0], g.output[1], g.out_channels, [top, bottom, left, right])
}

fn phases(g: &Geometry, frame: &Frame, images: usize) -> Vec<Phase> {
    let (by_y, by_x) = (axis_phases(g, 0), axis_phases(g, 1));
    let mut out = Vec::new();
    for (phase_y, taps_y) in by_y.iter().enumerate() {
        for (phase_x, taps_x) in by_x.iter().enumerate() {
            out.push(phase(g, frame, images, (phase_y, taps_y), (phase_x, taps_x)));
        }
    }
    out
}

fn phase(
    g: &Geometry,
    frame: &Frame,
    images: usize,
    (phase_y, taps_y): (usize, &[(usize, isize)]),
    (phase_x, taps_x): (usize, &[(usize, isize)]),
) -> Phase {
    let extent = [phase_extent(g, 0, phase_y), phase_extent(g, 1, phase_x)];
    let least = |taps: &[(usize, isize)]| taps.first().map_or(0, |&(_, at)| at);
    let (first_y, first_x) = (least(taps_y), least(taps_x));
    let base = frame.start as isize + first_y * frame.row as isize + first_x * frame.channels as isize;
    let row = |(i, y, x): (usize, usize, usize)| {
        (base + (i * frame.image + y * frame.row + x * frame.channels) as isize) as usize
    };
    let out = |(i, y, x): (usize, usize, usize)| {
        let (y, x) = (phase_y + y * g.stride[0], phase_x + x * g.stride[1]);
        ((i * g.input[0] + y) * g.input[1] + x) * g.in_channels
    };
    let pairs = || taps_y.iter().flat_map(|y| taps_x.iter().map(move |x| (y, x)));
    let offset = |dy: isize, dx: isize| dy as usize * frame.row + dx as usize * frame.channels;
    Phase {
        kernel_taps: pairs().map(|(y, x)| y.0 * g.kernel[1] + x.0).collect(),
        rows: images_by(images, extent).map(row).collect(),
        taps: pairs().map(|(y, x)| offset(y.1 - first_y, x.1 - first_x)).collect(),
        outs: images_by(images, extent).map(out).collect(),
        per_image: extent[0] * extent[1],
    }
}
