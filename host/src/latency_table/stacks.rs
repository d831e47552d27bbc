//! Random networks out of the layer shapes of known ones, for tables that are to know any network.
//!
//! A network goes from layer to layer that fits behind the last, the least used first, so that each kernel runs in place, behind others and with
//! caches as they are in a network. Activations, residual sums, concatenations, shuffled channels and squeeze-and-excitation stand between layers as they do in
//! known networks. Extents are scaled, since shapes are published for one image size only.

use std::collections::BTreeMap;

use edgefit_graph::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, Flatten, GlobalAvgPool, MaxPool, Mul, Op, Reshape, Slice,
    Transpose,
};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Shape, Window};
use edgefit_search::draw;
use rand::{Rng, RngExt};

use super::shapes::{Layer, LayerKind};

/// Layers of one network at most: what a network costs to measure is mostly its start and warm-up, so each has many, as known networks do.
const MOST_LAYERS: usize = 24;
/// Multiply-accumulates of one network about at most, so that one does not take the time of twenty.
const MOST_MACS: u64 = 400_000_000;
/// Image sizes against the published ones.
const SCALES: [f64; 6] = [0.29, 0.43, 0.57, 0.71, 0.86, 1.0];
const ACTIVATIONS: [Activation; 5] =
    [Activation::Relu, Activation::Relu6, Activation::HardSwish, Activation::Silu, Activation::Relu];
/// Share of layers with a residual sum, a gate or a branch, where one fits.
const WITH_SUM: f64 = 0.5;
const WITH_GATE: f64 = 0.2;
const WITH_BRANCH: f64 = 0.1;
/// Share of layers whose channels are shuffled, where they can be halved.
const WITH_SHUFFLE: f64 = 0.1;
/// Channels of a gate against those that it scales.
const SQUEEZE: usize = 4;
const CLASSES: usize = 1000;

/// Draws networks, and counts which layers they have.
#[derive(Debug)]
pub(super) struct Stacks {
    layers: Vec<Layer>,
    used: Vec<usize>,
}

struct Stack {
    builder: GraphBuilder,
    tip: NodeId,
    /// The published extent of the tip, by which the next layer is found.
    published: usize,
    scale: f64,
    macs: u64,
    nodes: usize,
}

impl Stacks {
    pub(super) fn new(layers: Vec<Layer>) -> Self {
        let used = vec![0; layers.len()];
        Self { layers, used }
    }

    /// How many layers there are.
    pub(super) fn len(&self) -> usize {
        self.layers.len()
    }

    /// The next network. The same seed after the same networks gives the same one.
    pub(super) fn draw(&mut self, seed: u64) -> Graph {
        let rng = &mut draw::stream(seed, 0);
        let first = self.least_used(rng, |layer| layer.kind == LayerKind::Conv).unwrap_or_default();
        let scale = SCALES[rng.random_range(0..SCALES.len())];
        let layer = self.layers[first];
        let mut stack = Stack::new(layer, scale);
        let mut next = Some(first);
        for _ in 0..MOST_LAYERS {
            let Some(at) = next else { break };
            self.used[at] += 1;
            stack.push(self.layers[at], rng);
            let (channels, extent, left) = (stack.channels(), stack.published, MOST_MACS.saturating_sub(stack.macs));
            next = self.least_used(rng, |layer| {
                layer.kind != LayerKind::Dense
                    && layer.in_channels == channels
                    && layer.extent == extent
                    && macs(layer, scale) <= left
            });
        }
        stack.finish()
    }

    /// One of the layers that fit and were used least.
    fn least_used(&self, rng: &mut impl Rng, fits: impl Fn(&Layer) -> bool) -> Option<usize> {
        let mut by_use: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let fitting = self.layers.iter().enumerate().filter(|(_, layer)| fits(layer));
        fitting.for_each(|(at, _)| by_use.entry(self.used[at]).or_default().push(at));
        let (_, least) = by_use.pop_first()?;
        Some(least[rng.random_range(0..least.len())])
    }
}

fn scaled(extent: usize, scale: f64) -> usize {
    ((extent as f64 * scale).round() as usize).max(1)
}

fn macs(layer: &Layer, scale: f64) -> u64 {
    let out = scaled(layer.extent, scale).div_ceil(layer.stride);
    (out * out * layer.kernel * layer.kernel * layer.in_channels / layer.groups * layer.out_channels) as u64
}

fn chance(rng: &mut impl Rng, share: f64) -> bool {
    rng.random_range(0..1_000_000) < (share * 1e6) as u32
}

impl Stack {
    fn new(first: Layer, scale: f64) -> Self {
        let extent = scaled(first.extent, scale);
        let mut builder = GraphBuilder::new();
        let shape = Shape::new([first.in_channels, extent, extent]);
        let tip = builder.input("image", shape).expect("the first node of a graph");
        Self { builder, tip, published: first.extent, scale, macs: 0, nodes: 0 }
    }

    fn channels(&self) -> usize {
        self.builder.shape(self.tip).channels()
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.nodes += 1;
        let name = format!("layer{}.{}", self.nodes, op.name());
        self.builder.add(name, op, inputs).expect("a drawn layer fits what it is put behind")
    }

    fn conv(&mut self, input: NodeId, out_channels: usize, window: Window, groups: usize) -> NodeId {
        let conv = self.add(Op::Conv(Conv { out_channels, window, groups, bias: false }), &[input]);
        self.add(Op::BatchNorm(BatchNorm::default()), &[conv])
    }

    fn push(&mut self, layer: Layer, rng: &mut impl Rng) {
        let start = self.tip;
        let window = Window::new(2, layer.kernel, layer.stride, AutoPad::Same);
        if layer.kind == LayerKind::MaxPool {
            self.tip = match chance(rng, 0.3) {
                true => self.add(Op::AvgPool(AvgPool { window, count_include_pad: false }), &[start]),
                false => self.add(Op::MaxPool(MaxPool { window }), &[start]),
            };
        } else {
            let halves = layer.groups == 1 && layer.out_channels.is_multiple_of(2) && chance(rng, WITH_BRANCH);
            self.tip = match halves {
                true => self.branches(start, layer.out_channels / 2, window),
                false => self.single(start, &layer, window, rng),
            };
            self.macs += macs(&layer, self.scale);
        }
        self.published = layer.extent.div_ceil(layer.stride);
    }

    /// A convolution, and behind it a residual sum, an activation, a gate, or nothing.
    fn single(&mut self, start: NodeId, layer: &Layer, window: Window, rng: &mut impl Rng) -> NodeId {
        let conv = self.conv(start, layer.out_channels, window, layer.groups);
        let sums = self.builder.shape(conv) == self.builder.shape(start) && chance(rng, WITH_SUM);
        let mut tip = if sums { self.add(Op::Add(Add), &[conv, start]) } else { conv };
        let choice = rng.random_range(0..=ACTIVATIONS.len());
        if let Some(activation) = ACTIVATIONS.get(choice) {
            tip = self.add(Op::Activation(*activation), &[tip]);
        }
        if layer.groups > 1 && chance(rng, WITH_GATE) {
            return self.gate(tip, rng);
        }
        let halves = layer.out_channels.is_multiple_of(2) && chance(rng, WITH_SHUFFLE);
        if halves { self.shuffle(tip) } else { tip }
    }

    /// Squeeze and excitation (Hu et al., 2018), as convolutions of one position.
    fn gate(&mut self, input: NodeId, rng: &mut impl Rng) -> NodeId {
        let channels = self.builder.shape(input).channels();
        let window = || Window::new(2, 1, 1, AutoPad::Same);
        let with_bias = |out_channels, window| Op::Conv(Conv { out_channels, window, groups: 1, bias: true });
        let pooled = self.add(Op::GlobalAvgPool(GlobalAvgPool), &[input]);
        let squeezed = self.add(with_bias((channels / SQUEEZE).max(1), window()), &[pooled]);
        let (inner, outer) = match chance(rng, 0.5) {
            true => (Activation::Relu, Activation::HardSigmoid),
            false => (Activation::Silu, Activation::Sigmoid),
        };
        let squeezed = self.add(Op::Activation(inner), &[squeezed]);
        let excited = self.add(with_bias(channels, window()), &[squeezed]);
        let gate = self.add(Op::Activation(outer), &[excited]);
        self.add(Op::Mul(Mul), &[input, gate])
    }

    /// Halves of the channels, of which one goes on by itself, joined and mixed (ShuffleNetV2, Ma et al., 2018).
    fn shuffle(&mut self, input: NodeId) -> NodeId {
        let shape = self.builder.shape(input).clone();
        let (half, [height, width]) = (shape.channels() / 2, [shape.dims()[1], shape.dims()[2]]);
        let [kept, changed] = [0, half].map(|start| {
            let slice = Slice { axis: 0, start, length: half };
            self.add(Op::Slice(slice), &[input])
        });
        let changed = self.add(Op::Activation(Activation::Relu), &[changed]);
        let joined = self.add(Op::Concat(Concat { axis: 0 }), &[kept, changed]);
        let pairs = Reshape { shape: Shape::new([2, half, height, width]) };
        let pairs = self.add(Op::Reshape(pairs), &[joined]);
        let mixed = self.add(Op::Transpose(Transpose { permutation: vec![1, 0, 2, 3] }), &[pairs]);
        self.add(Op::Reshape(Reshape { shape }), &[mixed])
    }

    /// Two convolutions of the same input, side by side and joined.
    fn branches(&mut self, input: NodeId, channels: usize, window: Window) -> NodeId {
        let pointwise = Window::new(2, 1, window.stride[0], AutoPad::Same);
        let sides = [window, pointwise].map(|window| {
            let conv = self.conv(input, channels, window, 1);
            self.add(Op::Activation(Activation::Relu), &[conv])
        });
        self.add(Op::Concat(Concat { axis: 0 }), &sides)
    }

    fn finish(mut self) -> Graph {
        let pooled = self.add(Op::GlobalAvgPool(GlobalAvgPool), &[self.tip]);
        let flat = self.add(Op::Flatten(Flatten), &[pooled]);
        let logits = self.add(Op::Dense(Dense { out_features: CLASSES, bias: true }), &[flat]);
        self.builder.finish(&[logits]).expect("it has an input and an output")
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes::{Layer, LayerKind};
    use super::Stacks;

    fn layers() -> Vec<Layer> {
        let conv = |extent, in_channels, out_channels, kernel, stride, groups| Layer {
            kind: LayerKind::Conv,
            extent,
            in_channels,
            out_channels,
            kernel,
            stride,
            groups,
        };
        vec![
            conv(32, 3, 16, 3, 2, 1),
            conv(16, 16, 16, 3, 1, 16),
            conv(16, 16, 24, 1, 1, 1),
            conv(16, 24, 24, 5, 2, 24),
            Layer { kind: LayerKind::MaxPool, ..conv(16, 24, 24, 2, 2, 1) },
        ]
    }

    #[test]
    fn every_layer_is_used_soon_and_the_same_seeds_draw_the_same_networks() {
        let draw_all = || {
            let mut stacks = Stacks::new(layers());
            let graphs: Vec<String> = (0..30).map(|seed| stacks.draw(seed).to_string()).collect();
            (graphs, stacks.used)
        };
        let (graphs, used) = draw_all();
        assert!(used.iter().all(|used| *used > 0), "{used:?}");
        assert_eq!(draw_all().0, graphs);
        assert!(graphs.iter().any(|text| text.contains("hard_swish")), "activations vary");
        assert!(graphs.iter().any(|text| text.contains("transpose")), "channels are shuffled");
    }
}
