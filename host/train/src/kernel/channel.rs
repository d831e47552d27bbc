//! What is done to each element with numbers of its channel: affine maps, nonlinearities, sums for batch statistics and gradients.
//!
//! Tensors are rows of `channels` floats. A result may go into a [`Frame`], a tile with room for the padding of the convolution
//! that reads it next. Sums run in the order of the rows in fixed pieces, so they are the same in every run.

use super::curve::Curve;
use super::lanes::{Lanes, for_each_cpu};

/// Where the positions of a tile of images lie in a buffer with room for padding. All in floats but the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Rows of positions of one image.
    pub(crate) height: usize,
    /// Positions of a row.
    pub(crate) width: usize,
    /// Channels of a position.
    pub(crate) channels: usize,
    /// Offset of the first position.
    pub(crate) start: usize,
    /// From a row to the next.
    pub(crate) row: usize,
    /// From an image to the next.
    pub(crate) image: usize,
}

impl Frame {
    /// Without padding.
    pub(crate) fn dense(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, start: 0, row: width * channels, image: height * width * channels }
    }

    /// With `[top, bottom, left, right]` positions of padding.
    pub(crate) fn padded(height: usize, width: usize, channels: usize, pad: [usize; 4]) -> Self {
        let [top, bottom, left, right] = pad;
        let row = (left + width + right) * channels;
        Self { height, width, channels, start: top * row + left * channels, row, image: (top + height + bottom) * row }
    }

    /// Whether there is no padding.
    pub(crate) fn is_dense(&self) -> bool {
        *self == Self::dense(self.height, self.width, self.channels)
    }

    /// Offset of a position.
    pub(crate) fn offset(&self, image: usize, y: usize, x: usize) -> usize {
        self.start + image * self.image + y * self.row + x * self.channels
    }

    /// Positions of `images` images, without padding.
    pub(crate) fn positions(&self, images: usize) -> usize {
        images * self.height * self.width
    }

    /// As one row per image when rows follow each other without gaps, and one image likewise: fewer, longer pieces.
    fn merged(self, images: usize) -> (Self, usize) {
        if !self.is_dense() {
            return (self, images);
        }
        let width = images * self.height * self.width;
        (Self::dense(1, width, self.channels), 1)
    }
}

/// Copies dense rows into a frame, leaving the padding as it is.
pub(crate) fn spread(src: &[f32], images: usize, frame: &Frame, dst: &mut [f32]) {
    let row = frame.width * frame.channels;
    for (i, from) in src.chunks_exact(row).take(images * frame.height).enumerate() {
        let to = frame.offset(i / frame.height, i % frame.height, 0);
        dst[to..to + row].copy_from_slice(from);
    }
}

/// `dst = curve(src * scale + shift)` into a frame.
pub(crate) struct Activate<'a> {
    pub(crate) src: &'a [f32],
    pub(crate) images: usize,
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) frame: &'a Frame,
    pub(crate) dst: &'a mut [f32],
}

impl Activate<'_> {
    /// Computes it.
    pub(crate) fn run<C: Curve>(mut self) {
        let channels = self.frame.channels;
        assert!(self.scale.len() >= channels && self.shift.len() >= channels);
        check_frame(self.src, self.images, self.frame, self.dst);
        // SAFETY: every piece of the frame lies in both buffers.
        unsafe { activate::<C>(&mut self) }
    }
}

/// `dst = a * g + b * z + c` per channel into a frame: the gradient through batch normalization.
pub(crate) struct Blend<'a> {
    pub(crate) g: &'a [f32],
    pub(crate) z: &'a [f32],
    pub(crate) images: usize,
    pub(crate) factors: [&'a [f32]; 3],
    pub(crate) frame: &'a Frame,
    pub(crate) dst: &'a mut [f32],
}

impl Blend<'_> {
    /// Computes it.
    pub(crate) fn run(mut self) {
        assert!(self.factors.iter().all(|f| f.len() >= self.frame.channels));
        assert_eq!(self.g.len(), self.z.len());
        check_frame(self.g, self.images, self.frame, self.dst);
        // SAFETY: every piece of the frame lies in all buffers.
        unsafe { blend(&mut self) }
    }
}

fn check_frame(src: &[f32], images: usize, frame: &Frame, dst: &[f32]) {
    assert!(frame.positions(images) * frame.channels <= src.len());
    let end = frame.offset(images.max(1) - 1, frame.height - 1, frame.width - 1) + frame.channels;
    assert!(end <= dst.len());
}

/// Adds to `sums` the sum of `z - pivot` and to `squares` that of its square, per channel.
pub(crate) struct Moments<'a> {
    pub(crate) z: &'a [f32],
    pub(crate) pivot: &'a [f32],
    pub(crate) sums: &'a mut [f32],
    pub(crate) squares: &'a mut [f32],
}

impl Moments<'_> {
    /// Adds to the sums.
    pub(crate) fn run(mut self) {
        let channels = self.pivot.len();
        assert!(self.sums.len() == channels && self.squares.len() == channels);
        // SAFETY: whole rows of `channels` floats are read.
        unsafe { moments(&mut self) }
    }
}

/// `dst = g * curve'(z * scale + shift)`; adds to `sums` the sum of that and to `dots` the sum of its product with `z - pivot`,
/// per channel.
pub(crate) struct Gate<'a> {
    /// `None` when the gradient is in `dst` already.
    pub(crate) g: Option<&'a [f32]>,
    pub(crate) z: &'a [f32],
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) pivot: &'a [f32],
    pub(crate) dst: &'a mut [f32],
    pub(crate) sums: &'a mut [f32],
    pub(crate) dots: &'a mut [f32],
}

impl Gate<'_> {
    /// Computes it.
    pub(crate) fn run<C: Curve>(mut self) {
        let channels = self.pivot.len();
        assert!([self.scale, self.shift].iter().all(|s| s.len() >= channels));
        assert!(self.sums.len() == channels && self.dots.len() == channels);
        assert_eq!(self.z.len(), self.dst.len());
        assert!(self.g.is_none_or(|g| g.len() == self.z.len()));
        // SAFETY: whole rows of `channels` floats are read and written.
        unsafe { gate::<C>(&mut self) }
    }
}

/// `dst += src`.
pub(crate) fn add(src: &[f32], dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len());
    // SAFETY: both have the same length.
    unsafe { add_slices(src, dst) }
}

for_each_cpu! {
    /// # Safety
    /// As checked in [`Activate::run`].
    unsafe fn activate<C: Curve>(p: &mut Activate<'_>) = activate_body
}

for_each_cpu! {
    /// # Safety
    /// As checked in [`Blend::run`].
    unsafe fn blend(p: &mut Blend<'_>) = blend_body
}

for_each_cpu! {
    /// # Safety
    /// As checked in [`Moments::run`].
    unsafe fn moments(p: &mut Moments<'_>) = moments_body
}

for_each_cpu! {
    /// # Safety
    /// As checked in [`Gate::run`].
    unsafe fn gate<C: Curve>(p: &mut Gate<'_>) = gate_body
}

for_each_cpu! {
    /// # Safety
    /// Both slices have the same length.
    unsafe fn add_slices(src: &[f32], dst: &mut [f32]) = add_body
}

/// Rows taken at a time, so that all channels of a piece stay in the first cache.
const ROWS: usize = 64;

#[inline(always)]
pub(super) unsafe fn load<V: Lanes>(from: *const f32, n: usize) -> V {
    if n == V::WIDTH { unsafe { V::load(from) } } else { unsafe { V::load_first(from, n) } }
}

#[inline(always)]
pub(super) unsafe fn store<V: Lanes>(value: V, to: *mut f32, n: usize) {
    if n == V::WIDTH { unsafe { value.store(to) } } else { unsafe { value.store_first(to, n) } }
}

/// Where the pieces of a frame begin in the dense buffer and in the frame, and how many rows each has.
#[inline(always)]
fn pieces(frame: &Frame, images: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let (frame, images) = frame.merged(images);
    (0..images * frame.height).flat_map(move |line| {
        let dst = frame.offset(line / frame.height, line % frame.height, 0);
        let src = line * frame.width * frame.channels;
        (0..frame.width).step_by(ROWS).map(move |x| {
            let at = x * frame.channels;
            (src + at, dst + at, (frame.width - x).min(ROWS))
        })
    })
}

#[inline(always)]
unsafe fn activate_body<V: Lanes, C: Curve>(p: &mut Activate<'_>) {
    let channels = p.frame.channels;
    for (src, dst, rows) in pieces(p.frame, p.images) {
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(V::WIDTH);
            if n == V::WIDTH {
                unsafe { activate_column::<V, C, true>(p, src, dst, rows, c, n) }
            } else {
                unsafe { activate_column::<V, C, false>(p, src, dst, rows, c, n) }
            }
            c += n;
        }
    }
}

#[inline(always)]
unsafe fn activate_column<V: Lanes, C: Curve, const FULL: bool>(
    p: &mut Activate<'_>,
    src: usize,
    dst: usize,
    rows: usize,
    c: usize,
    n: usize,
) {
    unsafe {
        let n = if FULL { V::WIDTH } else { n };
        let channels = p.frame.channels;
        let (scale, shift) = (load::<V>(p.scale.as_ptr().add(c), n), load::<V>(p.shift.as_ptr().add(c), n));
        let (mut from, mut to) = (p.src.as_ptr().add(src + c), p.dst.as_mut_ptr().add(dst + c));
        for _ in 0..rows {
            let u = load::<V>(from, n).mul_add(scale, shift);
            store(C::value(u), to, n);
            from = from.add(channels);
            to = to.add(channels);
        }
    }
}

#[inline(always)]
unsafe fn blend_body<V: Lanes>(p: &mut Blend<'_>) {
    let channels = p.frame.channels;
    for (src, dst, rows) in pieces(p.frame, p.images) {
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(V::WIDTH);
            if n == V::WIDTH {
                unsafe { blend_column::<V, true>(p, src, dst, rows, c, n) }
            } else {
                unsafe { blend_column::<V, false>(p, src, dst, rows, c, n) }
            }
            c += n;
        }
    }
}

#[inline(always)]
unsafe fn blend_column<V: Lanes, const FULL: bool>(
    p: &mut Blend<'_>,
    src: usize,
    dst: usize,
    rows: usize,
    c: usize,
    n: usize,
) {
    unsafe {
        let n = if FULL { V::WIDTH } else { n };
        let channels = p.frame.channels;
        let factors = p.factors.map(|f| load::<V>(f.as_ptr().add(c), n));
        let (mut g, mut z) = (p.g.as_ptr().add(src + c), p.z.as_ptr().add(src + c));
        let mut to = p.dst.as_mut_ptr().add(dst + c);
        for _ in 0..rows {
            let sum = load::<V>(z, n).mul_add(factors[1], factors[2]);
            store(load::<V>(g, n).mul_add(factors[0], sum), to, n);
            g = g.add(channels);
            z = z.add(channels);
            to = to.add(channels);
        }
    }
}

#[inline(always)]
unsafe fn moments_body<V: Lanes>(p: &mut Moments<'_>) {
    let channels = p.pivot.len();
    let rows = p.z.len() / channels;
    for from in (0..rows).step_by(ROWS) {
        let count = (rows - from).min(ROWS);
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(V::WIDTH);
            unsafe { moments_column::<V>(p, from, count, c, n) };
            c += n;
        }
    }
}

#[inline(always)]
unsafe fn moments_column<V: Lanes>(p: &mut Moments<'_>, from: usize, count: usize, c: usize, n: usize) {
    unsafe {
        let channels = p.pivot.len();
        let pivot = load::<V>(p.pivot.as_ptr().add(c), n);
        let (sums, squares) = (p.sums.as_mut_ptr().add(c), p.squares.as_mut_ptr().add(c));
        let (mut sum, mut square) = (load::<V>(sums, n), load::<V>(squares, n));
        let mut z = p.z.as_ptr().add(from * channels + c);
        for _ in 0..count {
            let value = load::<V>(z, n).sub(pivot);
            sum = sum.add(value);
            square = value.mul_add(value, square);
            z = z.add(channels);
        }
        store(sum, sums, n);
        store(square, squares, n);
    }
}

#[inline(always)]
unsafe fn gate_body<V: Lanes, C: Curve>(p: &mut Gate<'_>) {
    let channels = p.pivot.len();
    let rows = p.z.len() / channels;
    for from in (0..rows).step_by(ROWS) {
        let count = (rows - from).min(ROWS);
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(V::WIDTH);
            if n == V::WIDTH {
                unsafe { gate_column::<V, C, true>(p, from, count, c, n) };
            } else {
                unsafe { gate_column::<V, C, false>(p, from, count, c, n) };
            }
            c += n;
        }
    }
}

#[inline(always)]
unsafe fn gate_column<V: Lanes, C: Curve, const FULL: bool>(
    p: &mut Gate<'_>,
    from: usize,
    count: usize,
    c: usize,
    n: usize,
) {
    unsafe {
        let n = if FULL { V::WIDTH } else { n };
        let channels = p.pivot.len();
        let [scale, shift, pivot] = [p.scale, p.shift, p.pivot].map(|s| load::<V>(s.as_ptr().add(c), n));
        let (sums, dots) = (p.sums.as_mut_ptr().add(c), p.dots.as_mut_ptr().add(c));
        let (mut sum, mut dot) = (load::<V>(sums, n), load::<V>(dots, n));
        let at = from * channels + c;
        let mut to = p.dst.as_mut_ptr().add(at);
        let mut g = p.g.map_or(to.cast_const(), |g| g.as_ptr().add(at));
        let mut z = p.z.as_ptr().add(at);
        for _ in 0..count {
            let value = load::<V>(z, n);
            let gated = C::slope_times(value.mul_add(scale, shift), load::<V>(g, n));
            store(gated, to, n);
            sum = sum.add(gated);
            dot = gated.mul_add(value.sub(pivot), dot);
            g = g.add(channels);
            z = z.add(channels);
            to = to.add(channels);
        }
        store(sum, sums, n);
        store(dot, dots, n);
    }
}

#[inline(always)]
unsafe fn add_body<V: Lanes>(src: &[f32], dst: &mut [f32]) {
    let mut at = 0;
    while at < src.len() {
        let n = (src.len() - at).min(V::WIDTH);
        unsafe {
            let to = dst.as_mut_ptr().add(at);
            store(load::<V>(src.as_ptr().add(at), n).add(load::<V>(to, n)), to, n);
        }
        at += n;
    }
}
