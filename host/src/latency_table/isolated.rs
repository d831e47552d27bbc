//! Kernels alone, for tables of general use: where no network out of layer shapes leads to a kernel, nothing else would tell of it.
//!
//! In a network a kernel is measured in place, with caches as they are, and one process measures thirty of them; alone, a kernel costs as
//! much time as such a network. So a kernel stands alone only when it is a dense layer that was asked for, which no convolution leads to, or of
//! a kind that hardly any measured network has, such as those of attention.

use std::collections::BTreeSet;

use edgefit_graph::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, GlobalAvgPool, LayerNorm, MatMul, MaxPool, Mul, Op,
    Slice, Softmax, Transpose,
};
use edgefit_graph::{AutoPad, Digest, Graph, GraphBuilder, Shape, Window};
use edgefit_latency::{KernelKind, KernelSet, Table};

use super::shapes::{Layer, LayerKind};

/// Sizes of each kind; a kind that so many networks have needs no kernel alone.
const SIZES: [usize; 3] = [1, 2, 4];

/// Most weights of a dense layer: larger ones are inferred, since their models of 100 MB and more would take the time of ten networks.
const MOST_WEIGHTS: usize = 1 << 24;

/// Kernels that may be measured alone, in their order.
pub(super) struct Isolated {
    kernels: Vec<Alone>,
    /// Digests of those that were drawn, whatever became of them.
    drawn: BTreeSet<String>,
}

struct Alone {
    graph: Graph,
    digest: String,
    /// The kind that it is there for; `None` for a layer that was asked for.
    kind: Option<KernelKind>,
}

impl Isolated {
    /// The dense ones of these layers, and each kind at a few sizes; of them, those in the table count as drawn.
    pub(super) fn of(layers: &[Layer]) -> Self {
        let is_small = |layer: &&Layer| layer.in_channels.saturating_mul(layer.out_channels) <= MOST_WEIGHTS;
        let dense = layers.iter().filter(|layer| layer.kind == LayerKind::Dense).filter(is_small);
        let asked_for = dense.map(|layer| Alone::new(dense_layer(layer.in_channels, layer.out_channels), None));
        let kinds = KernelKind::ALL.into_iter();
        let sized = kinds.flat_map(|kind| SIZES.map(|size| Some(Alone::new(of_kind(kind, size)?, Some(kind)))));
        Self { kernels: asked_for.chain(sized.flatten()).collect(), drawn: BTreeSet::new() }
    }

    /// How many were drawn, in this process or for the table before.
    pub(super) fn drawn(&mut self, table: &Table) -> usize {
        let known: BTreeSet<&str> = table.samples().iter().map(|sample| sample.id.as_str()).collect();
        let measured = self.kernels.iter().filter(|kernel| known.contains(kernel.digest.as_str()));
        self.drawn.extend(measured.map(|kernel| kernel.digest.clone()));
        self.drawn.len()
    }

    /// The next one that the table lacks.
    pub(super) fn next(&mut self, table: &Table) -> Option<Graph> {
        let next =
            self.kernels.iter().find(|kernel| !self.drawn.contains(&kernel.digest) && kernel.is_lacking(table))?;
        self.drawn.insert(next.digest.clone());
        Some(next.graph.clone())
    }
}

impl Alone {
    fn new(graph: Graph, kind: Option<KernelKind>) -> Self {
        Self { digest: Digest::of(&graph).to_string(), graph, kind }
    }

    /// Whether the runtime runs such a kernel, and the table has too little of it.
    fn is_lacking(&self, table: &Table) -> bool {
        let set = KernelSet::of(&self.graph, table.rule());
        let [kernel] = set.kernels() else { return false };
        let has = |is_such: &dyn Fn(&edgefit_latency::Kernel) -> bool| {
            table.samples().iter().filter(|sample| sample.kernels.kernels().iter().any(is_such)).count()
        };
        match self.kind {
            Some(kind) => kernel.kind == kind && has(&|other| other.kind == kind) < SIZES.len(),
            None => has(&|other| other.hash == kernel.hash) == 0,
        }
    }
}

fn dense_layer(inputs: usize, outputs: usize) -> Graph {
    alone(Op::Dense(Dense { out_features: outputs, bias: true }), &[Shape::new([inputs])])
}

/// A kernel of a kind; `None` for what runs nothing by itself. The sizes are those of small to middling layers: from 3,136 to 200,704 elements
/// where there is little arithmetic.
fn of_kind(kind: KernelKind, size: usize) -> Option<Graph> {
    let (channels, extent) = (16 * size, 14 * size);
    let (image, tokens) = (Shape::new([channels, extent, extent]), Shape::new([49 * size, 64 * size]));
    let conv = |kernel: usize, groups: usize| {
        let window = Window::new(2, kernel, 1, AutoPad::Same);
        Some(alone(Op::Conv(Conv { out_channels: channels, window, groups, bias: true }), std::slice::from_ref(&image)))
    };
    let halved = || Window::new(2, 2, 2, AutoPad::Valid);
    let of_image = |op: Op| Some(alone(op, std::slice::from_ref(&image)));
    let of_images = |op: Op| Some(alone(op, &[image.clone(), image.clone()]));
    let of_tokens = |op: Op| Some(alone(op, std::slice::from_ref(&tokens)));
    let activation = |activation: Activation| of_image(Op::Activation(activation));
    match kind {
        KernelKind::PointwiseConv => conv(1, 1),
        KernelKind::DepthwiseConv => conv(3, channels),
        KernelKind::GroupedConv => conv(3, 4),
        KernelKind::FullConv => conv(3, 1),
        KernelKind::Dense => Some(dense_layer(256 * size, 256 * size)),
        KernelKind::MatMul => {
            let heads = [[4, 49 * size, 16 * size], [4, 16 * size, 49 * size]];
            Some(alone(Op::MatMul(MatMul), &heads.map(Shape::new)))
        }
        KernelKind::MaxPool => of_image(Op::MaxPool(MaxPool { window: halved() })),
        KernelKind::AvgPool => of_image(Op::AvgPool(AvgPool { window: halved(), count_include_pad: false })),
        KernelKind::GlobalAvgPool => of_image(Op::GlobalAvgPool(GlobalAvgPool)),
        KernelKind::Add => of_images(Op::Add(Add)),
        KernelKind::Mul => of_images(Op::Mul(Mul)),
        KernelKind::BatchNorm => of_image(Op::BatchNorm(BatchNorm::default())),
        KernelKind::Relu => activation(Activation::Relu),
        KernelKind::Relu6 => activation(Activation::Relu6),
        KernelKind::HardSwish => activation(Activation::HardSwish),
        KernelKind::HardSigmoid => activation(Activation::HardSigmoid),
        KernelKind::Sigmoid => activation(Activation::Sigmoid),
        KernelKind::Silu => activation(Activation::Silu),
        KernelKind::Gelu => of_tokens(Op::Activation(Activation::Gelu)),
        KernelKind::Softmax => of_tokens(Op::Softmax(Softmax { axis: 1 })),
        KernelKind::LayerNorm => of_tokens(Op::LayerNorm(LayerNorm::default())),
        KernelKind::Concat => of_images(Op::Concat(Concat { axis: 0 })),
        KernelKind::Slice => of_image(Op::Slice(Slice { axis: 0, start: 0, length: channels / 2 })),
        KernelKind::Transpose => of_tokens(Op::Transpose(Transpose { permutation: vec![1, 0] })),
        // Zeros do not depend on an input, and views move nothing.
        KernelKind::Zero | KernelKind::Copy => None,
    }
}

fn alone(op: Op, shapes: &[Shape]) -> Graph {
    let mut builder = GraphBuilder::new();
    let mut input = |(at, shape): (usize, &Shape)| {
        builder.input(format!("input{at}"), shape.clone()).expect("inputs have names of their own")
    };
    let inputs: Vec<_> = shapes.iter().enumerate().map(&mut input).collect();
    let output = builder.add("alone", op, &inputs).expect("the operator fits its shapes");
    builder.finish(&[output]).expect("it has an input and an output")
}

#[cfg(test)]
mod tests {
    use edgefit_latency::{KernelKind, KernelSet, Measured, NodeTime, Provenance, Table};

    use super::super::shapes::{Layer, LayerKind};
    use super::{Isolated, SIZES};

    fn table(runtime: &str) -> Table {
        let (device, runtime_version, agent_version) = ("d".into(), "1".into(), "1".into());
        let runtime = runtime.to_owned();
        Table::new(Provenance { device, runtime, runtime_version, threads: 1, agent_version, governor: None }).unwrap()
    }

    fn dense(in_channels: usize) -> Layer {
        let (kernel, stride, groups) = (1, 1, 1);
        Layer { kind: LayerKind::Dense, extent: 1, in_channels, out_channels: 20, kernel, stride, groups }
    }

    /// Draws and adds kernels until none is lacking; their keys.
    fn fill(table: &mut Table, isolated: &mut Isolated) -> Vec<String> {
        let mut keys = Vec::new();
        while let Some(graph) = isolated.next(table) {
            let set = KernelSet::of(&graph, table.rule());
            let profile = vec![NodeTime { name: "alone".into(), op: "Op".into(), time_ns: 1e4 }];
            let measured = Measured { latency_ns: vec![1.2e4], profile, ..Measured::default() };
            table.add(edgefit_graph::Digest::of(&graph).to_string(), &graph, measured).unwrap();
            assert!(table.samples().last().unwrap().is_alone());
            keys.push(set.kernels()[0].key.to_string());
        }
        keys
    }

    #[test]
    fn every_kind_that_the_table_lacks_is_filled_and_nothing_else() {
        for runtime in ["tract", "ort"] {
            let (mut table, mut isolated) = (table(runtime), Isolated::of(&[dense(32), dense(1 << 20)]));
            let keys = fill(&mut table, &mut isolated);
            assert!(keys[0].starts_with("dense 32>20"), "{keys:?}");
            for kind in KernelKind::ALL {
                let of_kind = table.samples().iter().filter(|sample| sample.kernels.kernels()[0].kind == kind).count();
                let expected = match kind {
                    KernelKind::Zero | KernelKind::Copy => 0,
                    _ => SIZES.len(),
                };
                assert_eq!(of_kind, expected, "{} in {runtime}", kind.name());
            }
            // Another process goes on where this one ended.
            let mut again = Isolated::of(&[dense(32), dense(1 << 20)]);
            assert_eq!(again.drawn(&table), keys.len());
            assert!(again.next(&table).is_none());
        }
    }
}
