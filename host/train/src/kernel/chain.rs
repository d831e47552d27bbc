//! A chain of convolutions with their normalizations and nonlinearities, forward and backward, as one operation.
//!
//! Training with batch norm is bound by memory, not by arithmetic, when each operator reads and writes whole batches. Here only the
//! output of each convolution is stored. Its normalization and nonlinearity are applied where the next convolution reads it, tile
//! by tile in a buffer that stays in cache, and the sums for the statistics are taken from each tile as it is written; the
//! backward pass recomputes the same way. So a chain touches main memory about half as often as its operators one by one.
//!
//! Activations have channels last: `[batch, height, width, channels]`. All sums run in a fixed order.

use std::ops::Range;

use edgefit_graph::op::Activation;

use super::buffer::Buffer;
use super::channel::{Activate, Blend, Frame, Gate, Moments, add, spread};
use super::convolution::{Convolution, Geometry};
use super::curve::{Curve, with_curve};

/// What a stage does before its normalization.
#[derive(Debug)]
pub(crate) enum Body {
    /// A convolution, or a dense layer as a pointwise one.
    Convolution(Box<Convolution>),
    /// Nothing: the stage is a normalization or a nonlinearity by itself.
    Pass {
        /// Floats of one image.
        floats: usize,
        /// Channels.
        channels: usize,
    },
}

impl Body {
    /// A convolution of this shape.
    pub(crate) fn convolution(geometry: Geometry) -> Self {
        Self::Convolution(Box::new(Convolution::new(geometry)))
    }

    fn weights(&self) -> usize {
        match self {
            Self::Convolution(c) => c.weights(),
            Self::Pass { .. } => 0,
        }
    }

    fn channels(&self) -> usize {
        match self {
            Self::Convolution(c) => c.geometry.out_channels,
            Self::Pass { channels, .. } => *channels,
        }
    }

    /// Floats of the output of one image.
    fn image_floats(&self) -> usize {
        match self {
            Self::Convolution(c) => c.out_floats() * c.units_per_image,
            Self::Pass { floats, .. } => *floats,
        }
    }
}

/// What to build a stage from: body, then batch norm, then nonlinearity.
#[derive(Debug)]
pub(crate) struct StageSpec {
    /// Convolution or nothing.
    pub(crate) body: Body,
    /// Whether the body adds a bias. A batch norm behind takes it away again, so that it only moves the running mean.
    pub(crate) bias: bool,
    /// Epsilon of a batch norm behind the body.
    pub(crate) norm: Option<f32>,
    /// Nonlinearity behind that.
    pub(crate) activation: Option<Activation>,
}

/// Where a stage's numbers lie in the chain's parameters and statistics; a range is empty when the stage has no such thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct StageLayout {
    /// Kernel.
    pub(crate) weight: Range<usize>,
    /// Bias.
    pub(crate) bias: Range<usize>,
    /// Batch norm's scale.
    pub(crate) scale: Range<usize>,
    /// Batch norm's shift.
    pub(crate) shift: Range<usize>,
    /// Batch norm's mean, in the statistics.
    pub(crate) mean: Range<usize>,
    /// Batch norm's variance, in the statistics.
    pub(crate) variance: Range<usize>,
}

#[derive(Debug)]
struct Stage {
    spec: StageSpec,
    at: StageLayout,
}

/// A chain with the layout of its parameters: all kernels first, then bias, scale and shift of each stage in turn.
#[derive(Debug)]
pub(crate) struct Chain {
    before: Option<Activation>,
    stages: Vec<Stage>,
    residual: bool,
    kernels: usize,
    parameters: usize,
    statistics: usize,
}

/// What a training pass returns.
pub(crate) struct Trained {
    /// Output, channels last.
    pub(crate) y: Buffer,
    /// Outputs of all bodies, one after the other, for the backward pass.
    pub(crate) saved: Buffer,
    /// Batch mean and biased variance of each batch norm.
    pub(crate) statistics: Buffer,
}

/// What a backward pass returns.
pub(crate) struct Gradients {
    /// For the input, if it was asked for.
    pub(crate) x: Option<Buffer>,
    /// For the parameters.
    pub(crate) parameters: Buffer,
}

/// The affine map between a body and its nonlinearity.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
    /// Batch mean, or zeros without batch norm.
    mean: Vec<f32>,
    activation: Option<Activation>,
}

impl Affine {
    fn identity(channels: usize, activation: Option<Activation>) -> Self {
        Self { scale: vec![1.0; channels], shift: vec![0.0; channels], mean: vec![0.0; channels], activation }
    }
}

/// Two sums per channel over a batch, kept with more precision than those over a tile.
struct Sums {
    total: [Vec<f64>; 2],
    tile: [Vec<f32>; 2],
}

impl Sums {
    fn new(channels: usize) -> Self {
        Self { total: [vec![0.0; channels], vec![0.0; channels]], tile: [vec![0.0; channels], vec![0.0; channels]] }
    }

    fn flush(&mut self) {
        for (total, tile) in self.total.iter_mut().zip(&mut self.tile) {
            for (sum, part) in total.iter_mut().zip(tile) {
                *sum += f64::from(std::mem::take(part));
            }
        }
    }
}

fn next(at: &mut usize, len: usize) -> Range<usize> {
    *at += len;
    *at - len..*at
}

impl Chain {
    /// Lays out a chain of at least one stage. `before` is a nonlinearity on its input; `residual` adds its input to its output,
    /// which must have the same shape.
    pub(crate) fn new(before: Option<Activation>, specs: Vec<StageSpec>, residual: bool) -> Self {
        let kernels: usize = specs.iter().map(|s| s.body.weights()).sum();
        let (mut weights, mut parameters, mut statistics) = (0, kernels, 0);
        let stage = |spec: StageSpec| {
            let channels = spec.body.channels();
            let normal = if spec.norm.is_some() { channels } else { 0 };
            let at = StageLayout {
                weight: next(&mut weights, spec.body.weights()),
                bias: next(&mut parameters, if spec.bias { channels } else { 0 }),
                scale: next(&mut parameters, normal),
                shift: next(&mut parameters, normal),
                mean: next(&mut statistics, normal),
                variance: next(&mut statistics, normal),
            };
            Stage { spec, at }
        };
        let stages = specs.into_iter().map(stage).collect();
        Self { before, stages, residual, kernels, parameters, statistics }
    }

    /// Layout of each stage.
    pub(crate) fn layouts(&self) -> impl Iterator<Item = &StageLayout> {
        self.stages.iter().map(|s| &s.at)
    }

    /// Floats of all kernels; they come first among the parameters.
    pub(crate) fn kernels(&self) -> usize {
        self.kernels
    }

    /// Floats of all parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    /// Floats of all statistics.
    pub(crate) fn statistics(&self) -> usize {
        self.statistics
    }

    fn last(&self) -> &Stage {
        self.stages.last().expect("a chain has a stage")
    }

    /// Where each stage's body output lies in the saved buffer; each begins on a cache line.
    fn saved(&self, batch: usize) -> Vec<Range<usize>> {
        let mut at = 0;
        let range = |stage: &Stage| {
            let floats = batch * stage.spec.body.image_floats();
            let from = next(&mut at, floats.next_multiple_of(16)).start;
            from..from + floats
        };
        self.stages.iter().map(range).collect()
    }

    fn entry(&self, x: &[f32]) -> Affine {
        let channels = match &self.stages[0].spec.body {
            Body::Convolution(c) => c.geometry.in_channels,
            Body::Pass { channels, .. } => *channels,
        };
        debug_assert!(x.len().is_multiple_of(channels));
        Affine::identity(channels, self.before)
    }

    /// Runs the chain with the statistics of the batch.
    pub(crate) fn train(&self, x: &[f32], parameters: &[f32], batch: usize) -> Trained {
        let ranges = self.saved(batch);
        let mut saved = Buffer::new(ranges.last().map_or(0, |r| r.end));
        let mut statistics = Buffer::new(self.statistics);
        let mut affine = self.entry(x);
        for (i, stage) in self.stages.iter().enumerate() {
            let (before, rest) = saved.split_at_mut(ranges[i].start);
            let input = if i == 0 { x } else { &before[ranges[i - 1].clone()] };
            let z = &mut rest[..ranges[i].len()];
            let sums = stage.forward(input, &affine, parameters, batch, z);
            if let Some(sums) = sums {
                stage.finish_statistics(&sums, &mut statistics, z, parameters);
            }
            affine = stage.affine(parameters, &statistics);
        }
        let y = self.output(x, &saved[ranges[ranges.len() - 1].clone()], &affine);
        Trained { y, saved, statistics }
    }

    /// Runs the chain with given statistics, such as the running ones.
    pub(crate) fn infer(&self, x: &[f32], parameters: &[f32], statistics: &[f32], batch: usize) -> Buffer {
        let mut affine = self.entry(x);
        let mut current: Option<Buffer> = None;
        for stage in &self.stages {
            let mut z = Buffer::new(batch * stage.spec.body.image_floats());
            let input = current.as_deref().unwrap_or(x);
            stage.apply(input, &affine, parameters, batch, &mut z, |_, _| {});
            affine = stage.affine(parameters, statistics);
            current = Some(z);
        }
        let z = current.expect("a chain has a stage");
        self.output(x, &z, &affine)
    }

    fn output(&self, x: &[f32], z: &[f32], affine: &Affine) -> Buffer {
        let mut y = Buffer::new(z.len());
        let channels = self.last().spec.body.channels();
        for (from, part) in pieces(z.len(), channels) {
            let to = from + part;
            activate(&z[from..to], affine, channels, &mut y[from..to]);
            if self.residual {
                add(&x[from..to], &mut y[from..to]);
            }
        }
        y
    }

    /// The gradients, given that of the output and what [`Chain::train`] returned.
    pub(crate) fn backward(&self, pass: &Backward<'_>) -> Gradients {
        let ranges = self.saved(pass.batch);
        let mut parameters = Buffer::zeros(self.parameters);
        let last = self.stages.len() - 1;
        let z = &pass.saved[ranges[last].clone()];
        let mut affine = self.last().affine(pass.parameters, pass.statistics);
        let (mut g, mut sums) = gate_all(pass.dy, z, &affine);
        for (i, stage) in self.stages.iter().enumerate().rev() {
            let input = if i == 0 { pass.x } else { &pass.saved[ranges[i - 1].clone()] };
            let entry = match i {
                0 => self.entry(pass.x),
                _ => self.stages[i - 1].affine(pass.parameters, pass.statistics),
            };
            stage.vector_gradients(&sums, pass.statistics, &mut parameters);
            let wanted = i > 0 || pass.wants_x;
            let step = StageBackward {
                stage,
                input,
                entry: &entry,
                z: &pass.saved[ranges[i].clone()],
                factors: stage.factors(&affine, &sums, pass, ranges[i].len()),
                gated: i > 0 || self.before.is_some(),
                wanted,
            };
            let (next, next_sums) = step.run(&g, pass, &mut parameters);
            (g, sums) = (next, next_sums);
            affine = entry;
        }
        let x = pass.wants_x.then(|| {
            if self.residual {
                add(pass.dy, &mut g);
            }
            g
        });
        Gradients { x, parameters }
    }
}

/// What a backward pass needs.
pub(crate) struct Backward<'a> {
    /// Input of the chain.
    pub(crate) x: &'a [f32],
    /// Its parameters.
    pub(crate) parameters: &'a [f32],
    /// From the training pass.
    pub(crate) saved: &'a [f32],
    /// From the training pass.
    pub(crate) statistics: &'a [f32],
    /// Gradient of the output.
    pub(crate) dy: &'a [f32],
    /// Images.
    pub(crate) batch: usize,
    /// Whether the gradient for the input is needed.
    pub(crate) wants_x: bool,
}

/// Floats of a piece of an elementwise pass.
const PIECE: usize = 1 << 14;

fn pieces(len: usize, channels: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = (PIECE / channels).max(1) * channels;
    (0..len).step_by(step).map(move |from| (from, step.min(len - from)))
}

fn activate(src: &[f32], affine: &Affine, channels: usize, dst: &mut [f32]) {
    let frame = Frame::dense(1, src.len() / channels, channels);
    activate_into(src, affine, 1, &frame, dst);
}

fn activate_into(src: &[f32], affine: &Affine, images: usize, frame: &Frame, dst: &mut [f32]) {
    let pass = Activate { src, images, scale: &affine.scale, shift: &affine.shift, frame, dst };
    with_curve!(affine.activation, activate_curve(pass));
}

fn activate_curve<C: Curve>(pass: Activate<'_>) {
    pass.run::<C>();
}

fn gate_curve<C: Curve>(pass: Gate<'_>) {
    pass.run::<C>();
}

/// Takes the gradient of an activation's output to its input, over pieces of a tile, and adds to the sums.
fn gate(g: Option<&[f32]>, z: &[f32], affine: &Affine, dst: &mut [f32], sums: &mut Sums) {
    let channels = affine.scale.len();
    let [first, second] = &mut sums.tile;
    for (from, len) in pieces(z.len(), channels) {
        let at = from..from + len;
        let pass = Gate {
            g: g.map(|g| &g[at.clone()]),
            z: &z[at.clone()],
            scale: &affine.scale,
            shift: &affine.shift,
            pivot: &affine.mean,
            dst: &mut dst[at],
            sums: first,
            dots: second,
        };
        with_curve!(affine.activation, gate_curve(pass));
    }
    sums.flush();
}

fn gate_all(dy: &[f32], z: &[f32], affine: &Affine) -> (Buffer, Sums) {
    let mut g = Buffer::new(z.len());
    let channels = affine.scale.len();
    let mut sums = Sums::new(channels);
    for (from, len) in pieces(z.len(), channels) {
        let at = from..from + len;
        gate(Some(&dy[at.clone()]), &z[at.clone()], affine, &mut g[at], &mut sums);
    }
    (g, sums)
}

impl Stage {
    /// Writes the body's output and, with a batch norm, returns its sums about the first position's values.
    fn forward(&self, input: &[f32], entry: &Affine, parameters: &[f32], batch: usize, z: &mut [f32]) -> Option<Sums> {
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
    fn apply(
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
    fn finish_statistics(&self, sums: &Sums, statistics: &mut [f32], z: &[f32], parameters: &[f32]) {
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
    fn affine(&self, parameters: &[f32], statistics: &[f32]) -> Affine {
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
    fn vector_gradients(&self, sums: &Sums, statistics: &[f32], gradients: &mut [f32]) {
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
    fn factors(&self, affine: &Affine, sums: &Sums, pass: &Backward<'_>, floats: usize) -> Option<[Vec<f32>; 3]> {
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
struct StageBackward<'a> {
    stage: &'a Stage,
    input: &'a [f32],
    entry: &'a Affine,
    z: &'a [f32],
    factors: Option<[Vec<f32>; 3]>,
    /// There is a nonlinearity or a normalization on the input.
    gated: bool,
    /// The gradient for the input is needed.
    wanted: bool,
}

impl StageBackward<'_> {
    /// Adds the kernel's gradient; returns the gradient at the input's entry and its sums.
    fn run(&self, g: &[f32], pass: &Backward<'_>, gradients: &mut [f32]) -> (Buffer, Sums) {
        let mut out = Buffer::new(if self.wanted { self.input.len() } else { 0 });
        let mut sums = Sums::new(self.entry.scale.len());
        match &self.stage.spec.body {
            Body::Convolution(conv) => self.convolution(conv, g, pass, gradients, &mut out, &mut sums),
            Body::Pass { channels, .. } => self.pass(*channels, g, &mut out, &mut sums),
        }
        (out, sums)
    }

    fn pass(&self, channels: usize, g: &[f32], out: &mut [f32], sums: &mut Sums) {
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
    fn blend(&self, g: &[f32], z: &[f32], images: usize, frame: &Frame, dst: &mut [f32]) {
        match &self.factors {
            Some([a, b, c]) => Blend { g, z, images, factors: [a, b, c], frame, dst }.run(),
            None => spread(g, images, frame, dst),
        }
    }

    fn convolution(
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
