//! One stage of a chain: its forward pass, and its backward pass tile by tile.
//!
//! A tile is as much of a batch as stays in cache. What a stage reads is normalized and activated as it is read; see [`super`].

use std::ops::Range;

use super::{Affine, Backward, Body, Stage, Sums, activate, activate_into, gate, pieces};
use crate::kernel::buffer::Buffer;
use crate::kernel::channel::{Blend, Frame, Moments, add, spread};
use crate::kernel::convolution::Convolution;
use crate::kernel::team::{cut, map, split};

/// What a stage reads.
pub(super) struct Feed<'a> {
    /// Output of the body before, or the input of the chain.
    pub(super) input: &'a [f32],
    /// What is done to that as it is read.
    pub(super) entry: &'a Affine,
    /// Parameters of the chain.
    pub(super) parameters: &'a [f32],
    /// Images.
    pub(super) batch: usize,
}

impl Stage {
    /// Writes the body's output and, with a batch norm, returns its sums about the first position's values.
    pub(super) fn forward(&self, feed: &Feed<'_>, z: &mut [f32]) -> Option<Sums> {
        if self.spec.norm.is_none() {
            self.apply(feed, z, || (), |(), _| {});
            return None;
        }
        let begin = || About::new(self.spec.body.channels());
        let parts = self.apply(feed, z, begin, About::see);
        parts.into_iter().reduce(About::join).map(|all| all.sums)
    }

    /// Writes the body's output tile by tile, its parts side by side, and shows each tile to `seen` with what `begin` made for its
    /// part; returned are those, in the order of the parts.
    pub(super) fn apply<S: Send>(
        &self,
        feed: &Feed<'_>,
        z: &mut [f32],
        begin: impl Fn() -> S + Sync,
        seen: impl Fn(&mut S, &[f32]) + Sync,
    ) -> Vec<S> {
        let weight = &feed.parameters[self.at.weight.clone()];
        let (units, ins, outs) = self.spec.body.units(feed.batch);
        let ranges = cut(units, ins.max(outs));
        let inputs = ranges.iter().map(|units| &feed.input[units.start * ins..units.end * ins]);
        let parts: Vec<(&[f32], &mut [f32])> = inputs.zip(split(z, &ranges, outs)).collect();
        match &self.spec.body {
            Body::Convolution(conv) => map(
                parts,
                || Reader::new(conv, feed.entry, longest(&ranges)),
                |reader, (input, z)| {
                    let mut state = begin();
                    for tile in tiles(conv, z.len() / outs) {
                        let z = &mut z[tile.outputs];
                        conv.forward(reader.read(&input[tile.inputs], tile.units), weight, tile.units, z);
                        seen(&mut state, z);
                    }
                    state
                },
            ),
            Body::Pass { channels, .. } => map(
                parts,
                || (),
                |(), (input, z)| {
                    let mut state = begin();
                    for (from, len) in pieces(z.len(), *channels) {
                        let tile = &mut z[from..from + len];
                        activate(&input[from..from + len], feed.entry, *channels, tile);
                        seen(&mut state, tile);
                    }
                    state
                },
            ),
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

/// Sums over a part of a batch about the values at its first position.
struct About {
    pivot: Vec<f32>,
    positions: usize,
    sums: Sums,
}

impl About {
    fn new(channels: usize) -> Self {
        Self { pivot: vec![0.0; channels], positions: 0, sums: Sums::new(channels) }
    }

    fn see(&mut self, tile: &[f32]) {
        let channels = self.pivot.len();
        if self.positions == 0 {
            self.pivot.copy_from_slice(&tile[..channels]);
        }
        self.positions += tile.len() / channels;
        let [sums, squares] = &mut self.sums.tile;
        Moments { z: tile, pivot: &self.pivot, sums, squares }.run();
        self.sums.flush();
    }

    /// With the part behind it, about the values of the first.
    fn join(mut self, next: Self) -> Self {
        let [sums, squares] = &mut self.sums.total;
        let [next_sums, next_squares] = &next.sums.total;
        let count = next.positions as f64;
        for c in 0..self.pivot.len() {
            let moved = f64::from(next.pivot[c]) - f64::from(self.pivot[c]);
            sums[c] += next_sums[c] + count * moved;
            squares[c] += next_squares[c] + moved * (2.0 * next_sums[c] + count * moved);
        }
        self.positions += next.positions;
        self
    }
}

/// A range of units and where they lie in dense buffers.
struct Tile {
    units: usize,
    inputs: Range<usize>,
    outputs: Range<usize>,
}

/// Units of the longest part.
fn longest(parts: &[Range<usize>]) -> usize {
    parts.iter().map(ExactSizeIterator::len).max().unwrap_or(0)
}

fn tiles(conv: &Convolution, units: usize) -> impl Iterator<Item = Tile> {
    let (ins, outs, step) = (conv.in_floats(), conv.out_floats(), conv.tile);
    (0..units).step_by(step).map(move |from| {
        let to = (from + step).min(units);
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
    fn new(conv: &'a Convolution, entry: &'a Affine, units: usize) -> Self {
        let plain = entry.activation.is_none()
            && entry.scale.iter().all(|&s| s == 1.0)
            && entry.shift.iter().all(|&s| s == 0.0);
        let direct = plain && conv.input.is_dense();
        let frame = if direct { Buffer::new(0) } else { conv.input_buffer(units) };
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
    /// Adds the kernel's gradient; returns the gradient at the input's entry and its sums. The parts of the batch have a kernel's
    /// gradient each, which are added in their order.
    pub(super) fn run(&self, g: &[f32], pass: &Backward<'_>, gradients: &mut [f32]) -> (Buffer, Sums) {
        let body = &self.stage.spec.body;
        let (units, ins, outs) = body.units(pass.batch);
        let ranges = cut(units, ins.max(outs));
        let out_floats = if self.wanted { ins } else { 0 };
        let mut out = Buffer::new(units * out_floats);
        let own = &mut gradients[self.stage.at.weight.clone()];
        let other_parts = vec![0..1; ranges.len() - 1];
        let mut others = Buffer::zeros(other_parts.len() * own.len());
        let transposed = self.transposed(pass.parameters);
        let weights = std::iter::once(&mut *own).chain(split(&mut others, &other_parts, body.weights()));
        let parts = ranges.iter().zip(split(&mut out, &ranges, out_floats)).zip(weights);
        let part = |((units, out), weight): ((&Range<usize>, _), _)| {
            let (ins, outs) = (units.start * ins..units.end * ins, units.start * outs..units.end * outs);
            Part { input: &self.input[ins], g: &g[outs.clone()], z: &self.z[outs], out, weight }
        };
        let parts = parts.map(part).collect();
        let sums = match body {
            Body::Convolution(conv) => {
                let frames = || self.frames(conv, longest(&ranges));
                map(parts, frames, |frames, part| self.convolution(conv, &transposed, frames, part))
            }
            Body::Pass { channels, .. } => map(parts, || (), |(), part| self.pass(*channels, part)),
        };
        others.chunks_exact(body.weights().max(1)).for_each(|other| add(other, own));
        (out, Sums::of_parts(sums))
    }

    fn transposed(&self, parameters: &[f32]) -> Buffer {
        let mut transposed = Buffer::new(self.stage.spec.body.weights());
        if let Body::Convolution(conv) = &self.stage.spec.body {
            conv.transpose(&parameters[self.stage.at.weight.clone()], &mut transposed);
        }
        transposed
    }

    fn pass(&self, channels: usize, part: Part<'_>) -> Sums {
        let mut sums = Sums::new(channels);
        for (from, len) in pieces(part.out.len(), channels) {
            let at = from..from + len;
            let frame = Frame::dense(1, len / channels, channels);
            let out = &mut part.out[at.clone()];
            self.blend(&part.g[at.clone()], &part.z[at.clone()], 1, &frame, out);
            if self.gated {
                gate(None, &part.input[at], self.entry, out, &mut sums);
            }
        }
        sums
    }

    /// The gradient of the body's output, into a frame.
    fn blend(&self, g: &[f32], z: &[f32], images: usize, frame: &Frame, dst: &mut [f32]) {
        match &self.factors {
            Some([a, b, c]) => Blend { g, z, images, factors: [a, b, c], frame, dst }.run(),
            None => spread(g, images, frame, dst),
        }
    }

    /// What a thread needs for parts of so many units: the input and the gradient of the output, padded.
    fn frames<'c>(&'c self, conv: &'c Convolution, units: usize) -> (Reader<'c>, Buffer) {
        (Reader::new(conv, self.entry, units), conv.gradient_buffer(units))
    }

    fn convolution(
        &self,
        conv: &Convolution,
        transposed: &[f32],
        (reader, frame): &mut (Reader<'_>, Buffer),
        part: Part<'_>,
    ) -> Sums {
        let mut sums = Sums::new(self.entry.scale.len());
        for tile in tiles(conv, part.g.len() / conv.out_floats()) {
            let (g, z) = (&part.g[tile.outputs.clone()], &part.z[tile.outputs]);
            self.blend(g, z, tile.units, &conv.gradient, frame);
            let input = &part.input[tile.inputs.clone()];
            conv.weight_gradient(reader.read(input, tile.units), frame, tile.units, part.weight);
            if self.wanted {
                let out = &mut part.out[tile.inputs];
                conv.input_gradient(frame, transposed, tile.units, out);
                if self.gated {
                    gate(None, input, self.entry, out, &mut sums);
                }
            }
        }
        sums
    }
}

/// A part of the batch in a backward pass.
struct Part<'a> {
    input: &'a [f32],
    /// Gradient behind the body's affine map.
    g: &'a [f32],
    /// Output of the body.
    z: &'a [f32],
    /// Gradient for the input; empty if it is not needed.
    out: &'a mut [f32],
    /// Gradient of the kernel, which is added to.
    weight: &'a mut [f32],
}
