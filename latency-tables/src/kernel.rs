//! One kernel: what a runtime executes in one go, with the features that have a physical reason to take time.
//!
//! It says what the kernel is, not how long it takes: times belong to samples and predictors.

use std::fmt;

use edgefit_graph::op::{Activation, Op};
use edgefit_graph::{Graph, Node, Window};

/// What a kernel mainly does; the part of it that sets the shape of its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KernelKind {
    /// Convolution with a 1x1 window and stride 1: a matrix product.
    PointwiseConv,
    /// Convolution whose output channels see one input channel each.
    DepthwiseConv,
    /// Convolution in more than one group that is not depthwise.
    GroupedConv,
    /// Any other convolution.
    FullConv,
    /// Fully connected layer.
    Dense,
    /// Product of two computed matrices.
    MatMul,
    /// Maximum over a window.
    MaxPool,
    /// Mean over a window.
    AvgPool,
    /// Mean over all positions.
    GlobalAvgPool,
    /// Sum of two tensors.
    Add,
    /// Product of two tensors.
    Mul,
    /// Batch norm that no convolution took in.
    BatchNorm,
    /// Rectifier.
    Relu,
    /// Rectifier with a bound.
    Relu6,
    /// Hard swish.
    HardSwish,
    /// Hard sigmoid.
    HardSigmoid,
    /// Sigmoid.
    Sigmoid,
    /// Sigmoid-weighted linear unit.
    Silu,
    /// Gaussian error linear unit.
    Gelu,
    /// Softmax.
    Softmax,
    /// Layer norm.
    LayerNorm,
    /// Joining tensors.
    Concat,
    /// Taking a run of elements.
    Slice,
    /// Another order of the dimensions.
    Transpose,
    /// Writing zeros.
    Zero,
    /// Moving bytes without arithmetic: views that a runtime copies.
    Copy,
}

impl KernelKind {
    /// All kinds; a kind's position here is [`KernelKind::index`].
    pub const ALL: [Self; 26] = [
        Self::PointwiseConv,
        Self::DepthwiseConv,
        Self::GroupedConv,
        Self::FullConv,
        Self::Dense,
        Self::MatMul,
        Self::MaxPool,
        Self::AvgPool,
        Self::GlobalAvgPool,
        Self::Add,
        Self::Mul,
        Self::BatchNorm,
        Self::Relu,
        Self::Relu6,
        Self::HardSwish,
        Self::HardSigmoid,
        Self::Sigmoid,
        Self::Silu,
        Self::Gelu,
        Self::Softmax,
        Self::LayerNorm,
        Self::Concat,
        Self::Slice,
        Self::Transpose,
        Self::Zero,
        Self::Copy,
    ];

    /// Position in [`KernelKind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name in files and reports, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::PointwiseConv => "pointwise_conv",
            Self::DepthwiseConv => "depthwise_conv",
            Self::GroupedConv => "grouped_conv",
            Self::FullConv => "full_conv",
            Self::Dense => "dense",
            Self::MatMul => "matmul",
            Self::MaxPool => "max_pool",
            Self::AvgPool => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::BatchNorm => "batch_norm",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::HardSwish => "hard_swish",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::Softmax => "softmax",
            Self::LayerNorm => "layer_norm",
            Self::Concat => "concat",
            Self::Slice => "slice",
            Self::Transpose => "transpose",
            Self::Zero => "zero",
            Self::Copy => "copy",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of a node that starts a kernel; `None` for network inputs, which are not executed.
    pub fn of(graph: &Graph, node: &Node) -> Option<Self> {
        Some(match &node.op {
            Op::Input(_) => return None,
            Op::Conv(conv) if conv.is_depthwise(graph.input_shapes(node)[0]) => Self::DepthwiseConv,
            Op::Conv(conv) if conv.groups > 1 => Self::GroupedConv,
            Op::Conv(conv) if conv.window.is_pointwise() => Self::PointwiseConv,
            Op::Conv(_) => Self::FullConv,
            Op::BatchNorm(_) => Self::BatchNorm,
            Op::Activation(activation) => Self::of_activation(*activation),
            Op::MaxPool(_) => Self::MaxPool,
            Op::AvgPool(_) => Self::AvgPool,
            Op::GlobalAvgPool(_) => Self::GlobalAvgPool,
            Op::Dense(_) => Self::Dense,
            Op::Add(_) => Self::Add,
            Op::Mul(_) => Self::Mul,
            Op::Concat(_) => Self::Concat,
            Op::Slice(_) => Self::Slice,
            Op::Softmax(_) => Self::Softmax,
            Op::LayerNorm(_) => Self::LayerNorm,
            Op::MatMul(_) => Self::MatMul,
            Op::Reshape(_) | Op::Flatten(_) | Op::Identity(_) => Self::Copy,
            Op::Transpose(_) => Self::Transpose,
            Op::Zero(_) => Self::Zero,
        })
    }

    fn of_activation(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::HardSwish => Self::HardSwish,
            Activation::HardSigmoid => Self::HardSigmoid,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Silu => Self::Silu,
            Activation::Gelu => Self::Gelu,
        }
    }
}

/// The identity of a kernel: equal keys are the same work. Readable, as in
/// `conv 16x8x8>48x8x8 out=48 kernel=1x1 ... +relu`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelKey(String);

impl KernelKey {
    /// The key with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 64 bits that stand for it in lookups: FNV-1a of the text (Fowler, Noll and Vo), equal on every machine.
    pub fn hash64(&self) -> u64 {
        self.0.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}

impl fmt::Display for KernelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes a kernel take time, for one sample. Computed from shapes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Features {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Bytes of activations read.
    pub input_bytes: f64,
    /// Bytes of activations written.
    pub output_bytes: f64,
    /// Bytes of weights read.
    pub weight_bytes: f64,
    /// Output positions: the product of the output's dimensions but its channels.
    pub positions: f64,
    /// Channels of the first input.
    pub input_channels: f64,
    /// Channels of the output.
    pub output_channels: f64,
    /// Taps of the window; 1 without one.
    pub taps: f64,
    /// Product of the strides; 1 without a window.
    pub stride: f64,
    /// Groups of the convolution; 1 otherwise.
    pub groups: f64,
    /// Elements that fused elementwise operators work on.
    pub fused_elements: f64,
}

impl Features {
    /// Number of features.
    pub const COUNT: usize = 11;

    /// All of them, in the order of the fields.
    pub fn to_array(self) -> [f64; Self::COUNT] {
        [
            self.macs,
            self.input_bytes,
            self.output_bytes,
            self.weight_bytes,
            self.positions,
            self.input_channels,
            self.output_channels,
            self.taps,
            self.stride,
            self.groups,
            self.fused_elements,
        ]
    }

    /// The features of such an array.
    pub fn from_array(values: [f64; Self::COUNT]) -> Self {
        let [
            macs,
            input_bytes,
            output_bytes,
            weight_bytes,
            positions,
            input_channels,
            output_channels,
            taps,
            stride,
            groups,
            fused_elements,
        ] = values;
        Self {
            macs,
            input_bytes,
            output_bytes,
            weight_bytes,
            positions,
            input_channels,
            output_channels,
            taps,
            stride,
            groups,
            fused_elements,
        }
    }

    /// All activation and weight bytes moved.
    pub fn bytes(&self) -> f64 {
        self.input_bytes + self.output_bytes + self.weight_bytes
    }
}

/// One kernel of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// What it mainly does.
    pub kind: KernelKind,
    /// Its identity.
    pub key: KernelKey,
    /// [`KernelKey::hash64`] of the key, kept for lookups.
    pub hash: u64,
    /// What makes it take time.
    pub features: Features,
}

impl Kernel {
    /// A kernel with this identity.
    pub fn new(kind: KernelKind, key: KernelKey, features: Features) -> Self {
        Self { kind, hash: key.hash64(), key, features }
    }

    /// The kernel of nodes that run as one, `head` first; `None` when the head is not executed.
    pub(crate) fn of(graph: &Graph, head: &Node, fused: &[&Node]) -> Option<Self> {
        let kind = KernelKind::of(graph, head)?;
        Some(Self::new(kind, key(graph, head, fused), features(graph, head, fused)))
    }
}

fn key(graph: &Graph, head: &Node, fused: &[&Node]) -> KernelKey {
    let shapes: Vec<String> = graph.input_shapes(head).iter().map(ToString::to_string).collect();
    let executed = fused.iter().filter(|node| !matches!(node.op, Op::BatchNorm(_)));
    let words = [format!("{} {}>{}", head.op.name(), shapes.join(","), head.shape), head.op.attributes()];
    let fused_words = executed.map(|node| format!("+{}", node.op.name()));
    let words: Vec<String> = words.into_iter().chain(fused_words).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    KernelKey(text)
}

/// Batch norm that a convolution takes in costs nothing: the exporter folds it into the weights.
fn features(graph: &Graph, head: &Node, fused: &[&Node]) -> Features {
    let cost = graph.node_cost(head);
    let executed = || fused.iter().filter(|node| !matches!(node.op, Op::BatchNorm(_)));
    let extra_inputs: u64 = executed().map(|node| extra_input_bytes(graph, node)).sum();
    let window = window(&head.op);
    let product = |values: &[usize]| values.iter().product::<usize>() as f64;
    Features {
        macs: cost.macs as f64,
        input_bytes: (cost.input_bytes + extra_inputs) as f64,
        output_bytes: cost.output_bytes as f64,
        weight_bytes: cost.weight_bytes() as f64,
        positions: product(head.shape.spatial()),
        input_channels: graph.input_shapes(head).first().map_or(1, |shape| shape.channels()) as f64,
        output_channels: head.shape.channels() as f64,
        taps: window.map_or(1.0, |w| w.taps() as f64),
        stride: window.map_or(1.0, |w| product(&w.stride)),
        groups: if let Op::Conv(conv) = &head.op { conv.groups as f64 } else { 1.0 },
        fused_elements: executed().map(|node| node.shape.elements() as f64).sum(),
    }
}

/// Bytes that a fused node reads besides the output of the node it is fused into.
fn extra_input_bytes(graph: &Graph, node: &Node) -> u64 {
    graph.input_shapes(node).iter().skip(1).map(|shape| shape.bytes()).sum()
}

fn window(op: &Op) -> Option<&Window> {
    match op {
        Op::Conv(conv) => Some(&conv.window),
        Op::MaxPool(pool) => Some(&pool.window),
        Op::AvgPool(pool) => Some(&pool.window),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Features, KernelKey, KernelKind};

    #[test]
    fn kinds_are_listed_in_the_order_of_their_index_and_found_by_name() {
        for (index, kind) in KernelKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index);
            assert_eq!(KernelKind::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn hash_is_the_published_one() {
        assert_eq!(KernelKey::new("").hash64(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(KernelKey::new("foobar").hash64(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn features_survive_the_array() {
        let array: [f64; Features::COUNT] = std::array::from_fn(|i| i as f64);
        assert_eq!(Features::from_array(array).to_array(), array);
    }
}
