//! A chain of convolutions with their normalizations and nonlinearities, forward and backward, as one operation.
//!
//! Training with batch norm is bound by memory, not by arithmetic, when each operator reads and writes whole batches. Here only the
//! output of each convolution is stored. Its normalization and nonlinearity are applied where the next convolution reads it, tile
//! by tile in a buffer that stays in cache, and the sums for the statistics are taken from each tile as it is written; the
//! backward pass recomputes the same way. So a chain touches main memory about half as often as its operators one by one.
//!
//! Activations have channels last: `[batch, height, width, channels]`. All sums run in a fixed order, also where the parts of a batch
//! are computed side by side ([`super::team`]).

mod stage;

use std::ops::Range;

use edgefit_graph::op::Activation;

use super::buffer::Buffer;
use super::channel::{Activate, Frame, Gate, add};
use super::convolution::{Convolution, Geometry};
use super::curve::{Curve, with_curve};
use super::team::{cut, map, split};
use stage::{Feed, StageBackward};

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

    /// What a batch is cut into: how many units there are, and the floats of one, in and out.
    fn units(&self, batch: usize) -> (usize, usize, usize) {
        match self {
            Self::Convolution(c) => (batch * c.units_per_image, c.in_floats(), c.out_floats()),
            Self::Pass { floats, channels } => (batch * floats / channels, *channels, *channels),
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

    /// Those of several parts together, in their order.
    fn of_parts(parts: Vec<Self>) -> Self {
        let join = |mut first: Self, next: Self| {
            for (total, part) in first.total.iter_mut().zip(&next.total) {
                total.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
            first
        };
        parts.into_iter().reduce(join).expect("a batch has a part")
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
            let sums = stage.forward(&Feed { input, entry: &affine, parameters, batch }, z);
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
            stage.apply(&Feed { input, entry: &affine, parameters, batch }, &mut z, || (), |(), _| {});
            affine = stage.affine(parameters, statistics);
            current = Some(z);
        }
        let z = current.expect("a chain has a stage");
        self.output(x, &z, &affine)
    }

    fn output(&self, x: &[f32], z: &[f32], affine: &Affine) -> Buffer {
        let mut y = Buffer::new(z.len());
        let channels = self.last().spec.body.channels();
        let ranges = cut(z.len() / channels, channels);
        let starts = ranges.iter().map(|range| range.start * channels);
        let parts = starts.zip(split(&mut y, &ranges, channels)).collect();
        map(
            parts,
            || (),
            |(), (start, y): (usize, &mut [f32])| {
                for (from, len) in pieces(y.len(), channels) {
                    let (at, y) = (start + from..start + from + len, &mut y[from..from + len]);
                    activate(&z[at.clone()], affine, channels, y);
                    if self.residual {
                        add(&x[at], y);
                    }
                }
            },
        );
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
    let ranges = cut(z.len() / channels, channels);
    let starts = ranges.iter().map(|range| range.start * channels);
    let parts = starts.zip(split(&mut g, &ranges, channels)).collect();
    let sums = map(
        parts,
        || (),
        |(), (start, g): (usize, &mut [f32])| {
            let mut sums = Sums::new(channels);
            for (from, len) in pieces(g.len(), channels) {
                let at = start + from..start + from + len;
                gate(Some(&dy[at.clone()]), &z[at], affine, &mut g[from..from + len], &mut sums);
            }
            sums
        },
    );
    (g, Sums::of_parts(sums))
}
