//! Pooling over windows and over whole images, with channels last.
//!
//! The loops run over channels innermost and have no branches there, so the compiler vectorizes them.

/// What a pooling computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolKind {
    /// Maximum; padding never wins.
    Max,
    /// Mean of the positions inside the image.
    Mean,
    /// Mean over the whole window, padding being zeros.
    MeanWithPadding,
}

/// A pooling of images `[height, width, channels]`. A series has height 1.
#[derive(Debug, Clone)]
pub(crate) struct PoolShape {
    pub(crate) kind: PoolKind,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) channels: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Before the first position of each axis; what is behind the last follows from the output.
    pub(crate) padding: [usize; 2],
}

/// A pooling ready to run: what each window sees has been looked up.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) shape: PoolShape,
    /// Offsets in an image of what the windows see, one window after the other.
    seen: Vec<usize>,
    /// Where each window's offsets end.
    ends: Vec<usize>,
}

impl PoolShape {
    /// Positions along an axis that the window at an output position sees.
    fn along(&self, axis: usize, at: usize) -> impl Iterator<Item = usize> {
        let first = at * self.stride[axis];
        let (before, step, end) = (self.padding[axis], self.dilation[axis], self.input[axis]);
        let taps = (0..self.kernel[axis]).filter_map(move |tap| (first + tap * step).checked_sub(before));
        taps.filter(move |&position| position < end)
    }

    /// Offsets of the positions that a window sees in its image.
    fn window(&self, y: usize, x: usize) -> impl Iterator<Item = usize> {
        let offset = |row: usize, column: usize| (row * self.input[1] + column) * self.channels;
        self.along(0, y).flat_map(move |row| self.along(1, x).map(move |column| offset(row, column)))
    }
}

impl Pool {
    /// Looks up what each window sees.
    pub(crate) fn new(shape: PoolShape) -> Self {
        let (mut seen, mut ends) = (Vec::new(), Vec::new());
        for at in 0..shape.output[0] * shape.output[1] {
            seen.extend(shape.window(at / shape.output[1], at % shape.output[1]));
            ends.push(seen.len());
        }
        Self { shape, seen, ends }
    }

    /// Floats of one input image.
    pub(crate) fn in_floats(&self) -> usize {
        self.shape.input[0] * self.shape.input[1] * self.shape.channels
    }

    /// Floats of one output image.
    pub(crate) fn out_floats(&self) -> usize {
        self.shape.output[0] * self.shape.output[1] * self.shape.channels
    }

    fn divisor(&self, seen: usize) -> f32 {
        match self.shape.kind {
            PoolKind::Max => 1.0,
            PoolKind::Mean => 1.0 / seen as f32,
            PoolKind::MeanWithPadding => 1.0 / (self.shape.kernel[0] * self.shape.kernel[1]) as f32,
        }
    }

    /// Output offset and window of every output position of one image.
    fn windows(&self) -> impl Iterator<Item = (usize, &[usize])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends).map(|(from, &to)| &self.seen[from..to]);
        ranges.enumerate().map(|(at, window)| (at * self.shape.channels, window))
    }

    /// The pooled images.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32]) {
        let images = x.chunks_exact(self.in_floats()).zip(y.chunks_exact_mut(self.out_floats()));
        for (x, y) in images {
            for (at, window) in self.windows() {
                self.pool(x, window, &mut y[at..at + self.shape.channels]);
            }
        }
    }

    fn pool(&self, x: &[f32], window: &[usize], y: &mut [f32]) {
        let max = self.shape.kind == PoolKind::Max;
        y.fill(if max { f32::NEG_INFINITY } else { 0.0 });
        for &from in window {
            let x = &x[from..from + y.len()];
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if max { if x > *y { x } else { *y } } else { *y + x };
            }
        }
        let factor = self.divisor(window.len());
        y.iter_mut().for_each(|y| *y *= factor);
    }

    /// The gradient for the input, `dx`, which must be zero before. A maximum that occurs more than once counts at the first.
    pub(crate) fn backward(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (ins, outs) = (self.in_floats(), self.out_floats());
        let mut best = vec![0.0; self.shape.channels];
        let mut left = best.clone();
        for (image, dy) in dy.chunks_exact(outs).enumerate() {
            let range = image * ins..(image + 1) * ins;
            let (x, dx) = (&x[range.clone()], &mut dx[range]);
            for (at, window) in self.windows() {
                let dy = &dy[at..at + self.shape.channels];
                if self.shape.kind == PoolKind::Max {
                    self.pool(x, window, &mut best);
                    left.copy_from_slice(dy);
                    send_to_maximum(x, window, &best, &mut left, dx);
                } else {
                    spread_mean(window, self.divisor(window.len()), dy, dx);
                }
            }
        }
    }
}

fn send_to_maximum(x: &[f32], window: &[usize], best: &[f32], left: &mut [f32], dx: &mut [f32]) {
    for &from in window {
        let to = from + best.len();
        for (((x, dx), best), left) in x[from..to].iter().zip(&mut dx[from..to]).zip(best).zip(left.iter_mut()) {
            let hit = if x == best { *left } else { 0.0 };
            *dx += hit;
            *left -= hit;
        }
    }
}

fn spread_mean(window: &[usize], factor: f32, dy: &[f32], dx: &mut [f32]) {
    for &from in window {
        for (dx, dy) in dx[from..from + dy.len()].iter_mut().zip(dy) {
            *dx += factor * dy;
        }
    }
}

/// Mean over the positions of each image: `[batch, positions, channels] -> [batch, channels]`.
pub(crate) fn global_mean(x: &[f32], positions: usize, channels: usize, y: &mut [f32]) {
    let factor = 1.0 / positions as f32;
    for (x, y) in x.chunks_exact(positions * channels).zip(y.chunks_exact_mut(channels)) {
        y.fill(0.0);
        for x in x.chunks_exact(channels) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
        }
        y.iter_mut().for_each(|y| *y *= factor);
    }
}

/// The gradient of [`global_mean`].
pub(crate) fn global_mean_backward(dy: &[f32], positions: usize, channels: usize, dx: &mut [f32]) {
    let factor = 1.0 / positions as f32;
    for (dy, dx) in dy.chunks_exact(channels).zip(dx.chunks_exact_mut(positions * channels)) {
        for dx in dx.chunks_exact_mut(channels) {
            dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = dy * factor);
        }
    }
}
