//! One stage of a chain: its forward pass, and its backward pass tile by tile.
//!
//! A tile is as much of a batch as stays in cache. What a stage reads is normalized and activated as it is read; see [`super`].

use std::ops::Range;

use super::{Affine, Backward, Body, Stage, Sums, activate, activate_into, gate, pieces};
use crate::kernel::buffer::Buffer;
use crate::kernel::channel::{Blend, Frame, Moments, spread};
use crate::kernel::convolution::Convolution;

impl Stage {
    /// Writes the body's output and, with a batch norm, returns its sums about the first position's values.
    pub(super) fn forward(
        &self,
        input: &[f32],
        entry: &Affine,
        parameters: &[f32],
        batch: usize,
        z: &mut [f32],
    ) -> Option<Sums> {
        let channels = self.spec.body.channels();
        let mut sums = self.spec.norm.map(|_| Sums::new(channels));
        let mut pivot = vec![0.0; channels];
        self.apply(input, entry, parameters, batch, z, |first, tile| {
            let Some(sums) = &mut sums else { return };
            if first {
                pivot.copy_from_slice(&tile[..channels]);
            }
            let [sum, square] = &mut sums.tile;
            Moments { z: tile, pivot: &pivot, sums: sum, squares: square }.run();
            sums.flush();
        });
        sums
    }

    /// Writes the body's output tile by tile and shows each tile, with whether it is the first, to `seen`.
    pub(super) fn apply(
        &self,
        input: &[f32],
        entry: &Affine,
        parameters: &[f32],
        batch: usize,
        z: &mut [f32],
        mut seen: impl FnMut(bool, &[f32]),
    ) {
        let weight = &parameters[self.at.weight.clone()];
        let conv = match &self.spec.body {
            Body::Convolution(conv) => conv,
            Body::Pass { channels, .. } => {
                for (from, len) in pieces(z.len(), *channels) {
                    let tile = &mut z[from..from + len];
                    activate(&input[from..from + len], entry, *channels, tile);
                    seen(from == 0, tile);
                }
                return;
            }
        };
        let mut reader = Reader::new(conv, entry, batch);
        for tile in tiles(conv, batch) {
            let z = &mut z[tile.outputs.clone()];
            conv.forward(reader.read(&input[tile.inputs], tile.units), weight, tile.units, z);
            seen(tile.outputs.start == 0, z);
        }
    }

    /// Mean and variance from sums about the first position's values.
    pub(super) fn finish_statistics(&self, sums: &Sums, statistics: &mut [f32], z: &[f32], parameters: &[f32]) {
        let channels = self.spec.body.channels();
        let count = (z.len() / channels) as f64;
        let bias = &parameters[self.at.bias.clone()];
        for c in 0..channels {
            let mean = sums.total[0][c] / count;
            let variance = (sums.total[1][c] / count - mean * mean).max(0.0);
            let bias = bias.get(c).copied().unwrap_or(0.0);
            statistics[self.at.mean.start + c] = (f64::from(z[c]) + mean) as f32 + bias;
            statistics[self.at.variance.start + c] = variance as f32;
        }
    }

    /// The map behind the body: batch norm with these statistics, or the bias.
    pub(super) fn affine(&self, parameters: &[f32], statistics: &[f32]) -> Affine {
        let mut affine = Affine::identity(self.spec.body.channels(), self.spec.activation);
        let bias = &parameters[self.at.bias.clone()];
        let Some(epsilon) = self.spec.norm else {
            affine.shift[..bias.len()].copy_from_slice(bias);
            return affine;
        };
        affine.mean.copy_from_slice(&statistics[self.at.mean.clone()]);
        // The statistics are those with the bias; the body's output here is without.
        affine.mean.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
        let variance = &statistics[self.at.variance.clone()];
        for c in 0..affine.scale.len() {
            let scale = parameters[self.at.scale.start + c] / (variance[c] + epsilon).sqrt();
            affine.scale[c] = scale;
            affine.shift[c] = parameters[self.at.shift.start + c] - affine.mean[c] * scale;
        }
        affine
    }

    /// Gradients of bias, scale and shift from the sums of the gradient behind the affine map.
    pub(super) fn vector_gradients(&self, sums: &Sums, statistics: &[f32], gradients: &mut [f32]) {
        let [sum, dot] = &sums.total;
        let Some(epsilon) = self.spec.norm else {
            let bias = &mut gradients[self.at.bias.clone()];
            bias.iter_mut().zip(sum).for_each(|(g, &s)| *g = s as f32);
            return;
        };
        let variance = &statistics[self.at.variance.clone()];
        for c in 0..sum.len() {
            let deviation = (f64::from(variance[c]) + f64::from(epsilon)).sqrt();
            gradients[self.at.scale.start + c] = (dot[c] / deviation) as f32;
            gradients[self.at.shift.start + c] = sum[c] as f32;
        }
    }

    /// Factors of the gradient of the body's output, `a * g + b * z + c` (Ioffe and Szegedy 2015, section 3), or `None` without
    /// batch norm, when it is the gradient behind the affine map itself.
    pub(super) fn factors(
        &self,
        affine: &Affine,
        sums: &Sums,
        pass: &Backward<'_>,
        floats: usize,
    ) -> Option<[Vec<f32>; 3]> {
        let epsilon = f64::from(self.spec.norm?);
        let channels = self.spec.body.channels();
        let count = (floats / channels) as f64;
        let variance = &pass.statistics[self.at.variance.clone()];
        let mut factors = [affine.scale.clone(), vec![0.0; channels], vec![0.0; channels]];
        for c in 0..channels {
            let scale = f64::from(affine.scale[c]);
            let slope = -scale * sums.total[1][c] / (count * (f64::from(variance[c]) + epsilon));
            let offset = -scale * sums.total[0][c] / count - slope * f64::from(affine.mean[c]);
            (factors[1][c], factors[2][c]) = (slope as f32, offset as f32);
        }
        Some(factors)
    }
}

/// A range of units and where they lie in dense buffers.
struct Tile {
    units: usize,
    inputs: Range<usize>,
    outputs: Range<usize>,
}

fn tiles(conv: &Convolution, batch: usize) -> impl Iterator<Item = Tile> {
    let (total, step) = (batch * conv.units_per_image, conv.tile);
    let (ins, outs) = (conv.in_floats(), conv.out_floats());
    (0..total).step_by(step).map(move |from| {
        let to = (from + step).min(total);
        Tile { units: to - from, inputs: from * ins..to * ins, outputs: from * outs..to * outs }
    })
}

/// Gives a convolution its input: padded, behind the previous stage's affine map and nonlinearity.
struct Reader<'a> {
    conv: &'a Convolution,
    entry: &'a Affine,
    /// The input is read where it is.
    direct: bool,
    /// The input is only padded.
    plain: bool,
    frame: Buffer,
}

impl<'a> Reader<'a> {
    fn new(conv: &'a Convolution, entry: &'a Affine, batch: usize) -> Self {
        let plain = entry.activation.is_none()
            && entry.scale.iter().all(|&s| s == 1.0)
            && entry.shift.iter().all(|&s| s == 0.0);
        let direct = plain && conv.input.is_dense();
        let frame = if direct { Buffer::new(0) } else { conv.input_buffer(batch) };
        Self { conv, entry, direct, plain, frame }
    }

    fn read<'b>(&'b mut self, input: &'b [f32], units: usize) -> &'b [f32] {
        if self.direct {
            return input;
        }
        if self.plain {
            spread(input, units, &self.conv.input, &mut self.frame);
        } else {
            activate_into(input, self.entry, units, &self.conv.input, &mut self.frame);
        }
        &self.frame
    }
}

/// One stage of a backward pass.
pub(super) struct StageBackward<'a> {
    pub(super) stage: &'a Stage,
    pub(super) input: &'a [f32],
    pub(super) entry: &'a Affine,
    pub(super) z: &'a [f32],
    pub(super) factors: Option<[Vec<f32>; 3]>,
    /// There is a nonlinearity or a normalization on the input.
    pub(super) gated: bool,
    /// The gradient for the input is needed.
    pub(super) wanted: bool,
}

impl StageBackward<'_> {
    /// Adds the kernel's gradient; returns the gradient at the input's entry and its sums.
    pub(super) fn run(&self, g: &[f32], pass: &Backward<'_>, gradients: &mut [f32]) -> (Buffer, Sums) {
        let mut out = Buffer::new(if self.wanted { self.input.len() } else { 0 });
        let mut sums = Sums::new(self.entry.scale.len());
        match &self.stage.spec.body {
            Body::Convolution(conv) => self.convolution(conv, g, pass, gradients, &mut out, &mut sums),
            Body::Pass { channels, .. } => self.pass(*channels, g, &mut out, &mut sums),
        }
        (out, sums)
    }

    pub(super) fn pass(&self, channels: usize, g: &[f32], out: &mut [f32], sums: &mut Sums) {
        if !self.wanted {
            return;
        }
        for (from, len) in pieces(g.len(), channels) {
            let at = from..from + len;
            let frame = Frame::dense(1, len / channels, channels);
            self.blend(&g[at.clone()], &self.z[at.clone()], 1, &frame, &mut out[at.clone()]);
            if self.gated {
                gate(None, &self.input[at.clone()], self.entry, &mut out[at], sums);
            }
        }
    }

    /// The gradient of the body's output, into a frame.
    pub(super) fn blend(&self, g: &[f32], z: &[f32], images: usize, frame: &Frame, dst: &mut [f32]) {
        match &self.factors {
            Some([a, b, c]) => Blend { g, z, images, factors: [a, b, c], frame, dst }.run(),
            None => spread(g, images, frame, dst),
        }
    }

    pub(super) fn convolution(
        &self,
        conv: &Convolution,
        g: &[f32],
        pass: &Backward<'_>,
        gradients: &mut [f32],
        out: &mut [f32],
        sums: &mut Sums,
    ) {
        let at = self.stage.at.weight.clone();
        let mut transposed = Buffer::new(conv.weights());
        conv.transpose(&pass.parameters[at.clone()], &mut transposed);
        let mut frame = conv.gradient_buffer(pass.batch);
        let mut reader = Reader::new(conv, self.entry, pass.batch);
        for tile in tiles(conv, pass.batch) {
            let (g, z) = (&g[tile.outputs.clone()], &self.z[tile.outputs.clone()]);
            self.blend(g, z, tile.units, &conv.gradient, &mut frame);
            let input = &self.input[tile.inputs.clone()];
            conv.weight_gradient(reader.read(input, tile.units), &frame, tile.units, &mut gradients[at.clone()]);
            if self.wanted {
                let out = &mut out[tile.inputs.clone()];
                conv.input_gradient(&frame, &transposed, tile.units, out);
                if self.gated {
                    gate(None, input, self.entry, out, sums);
                }
            }
        }
    }
}
