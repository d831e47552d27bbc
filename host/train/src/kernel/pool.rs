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
pub(crate) struct Pool {
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

impl Pool {
    /// Floats of one input image.
    pub(crate) fn in_floats(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    /// Floats of one output image.
    pub(crate) fn out_floats(&self) -> usize {
        self.output[0] * self.output[1] * self.channels
    }

    /// Offsets of the positions that a window sees in its image.
    fn window(&self, y: usize, x: usize) -> impl Iterator<Item = usize> {
        let along = |axis: usize, at: usize| {
            let first = (at * self.stride[axis]) as isize - self.padding[axis] as isize;
            let (step, end) = (self.dilation[axis] as isize, self.input[axis] as isize);
            (0..self.kernel[axis] as isize).map(move |tap| first + tap * step).filter(move |&p| (0..end).contains(&p))
        };
        let (width, channels) = (self.input[1], self.channels);
        let columns: Vec<usize> = along(1, x).map(|p| p as usize).collect();
        along(0, y).flat_map(move |row| {
            let row = row as usize * width;
            columns.clone().into_iter().map(move |column| (row + column) * channels)
        })
    }

    fn divisor(&self, seen: usize) -> f32 {
        match self.kind {
            PoolKind::Max => 1.0,
            PoolKind::Mean => 1.0 / seen as f32,
            PoolKind::MeanWithPadding => 1.0 / (self.kernel[0] * self.kernel[1]) as f32,
        }
    }

    /// Calls `f` with the output offset and the window of every output position of one image.
    fn each(&self, mut f: impl FnMut(usize, &[usize])) {
        let mut seen = Vec::with_capacity(self.kernel[0] * self.kernel[1]);
        for at in 0..self.output[0] * self.output[1] {
            seen.clear();
            seen.extend(self.window(at / self.output[1], at % self.output[1]));
            f(at * self.channels, &seen);
        }
    }

    /// The pooled images.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32]) {
        let images = x.chunks_exact(self.in_floats()).zip(y.chunks_exact_mut(self.out_floats()));
        for (x, y) in images {
            self.each(|at, window| self.pool(x, window, &mut y[at..at + self.channels]));
        }
    }

    fn pool(&self, x: &[f32], window: &[usize], y: &mut [f32]) {
        let max = self.kind == PoolKind::Max;
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
        let mut best = vec![0.0; self.channels];
        let mut left = vec![0.0; self.channels];
        for (image, dy) in dy.chunks_exact(outs).enumerate() {
            let range = image * ins..(image + 1) * ins;
            let (x, dx) = (&x[range.clone()], &mut dx[range]);
            self.each(|at, window| {
                let dy = &dy[at..at + self.channels];
                if self.kind == PoolKind::Max {
                    self.pool(x, window, &mut best);
                    left.copy_from_slice(dy);
                    send_to_maximum(x, window, &best, &mut left, dx);
                } else {
                    spread_mean(window, self.divisor(window.len()), dy, dx);
                }
            });
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
