//! How the weights of one written node come from those of the network it is made of.

use edgefit_graph::op::{BatchNorm, Op};
use edgefit_graph::{Graph, Node, NodeId, ParamId, Role, Shape, Tensor, Weights};

use super::normalization::Affine;

/// Where a written node comes from and what is folded into it.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) origin: Origin,
    /// Applied to the input of the node, before it.
    pub(crate) normalization: Option<Affine>,
    /// Batch norms applied to the output of the node, in order, by their id in the network that was lowered.
    pub(crate) norms: Vec<(NodeId, BatchNorm)>,
}

/// Where the weights of a written node come from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// From this node of the network that was lowered.
    Node(NodeId),
    /// From the input normalization.
    Affine(Affine),
}

impl Recipe {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { origin, normalization: None, norms: Vec::new() }
    }

    /// Adds the weights of the written node `id` to `out`.
    pub(crate) fn fill(&self, id: NodeId, node: &Node, graph: &Graph, weights: &Weights, out: &mut Weights) {
        match &self.origin {
            Origin::Affine(affine) => fill_affine(id, affine, out),
            Origin::Node(origin) if self.is_plain() => copy(*origin, id, node, graph, weights, out),
            Origin::Node(origin) => self.fill_folded(*origin, id, node, weights, out),
        }
    }

    fn is_plain(&self) -> bool {
        self.normalization.is_none() && self.norms.is_empty()
    }

    fn fill_folded(&self, origin: NodeId, id: NodeId, node: &Node, weights: &Weights, out: &mut Weights) {
        let mut folded = Folded::of(origin, node, weights);
        if let (Some(affine), Op::Conv(conv)) = (&self.normalization, &node.op) {
            folded.fold_input(affine, conv.groups);
        }
        for (norm, op) in &self.norms {
            folded.fold_output(&BatchNormAffine::of(*norm, op, weights).0);
        }
        folded.store(id, node, out);
    }
}

fn copy(origin: NodeId, id: NodeId, node: &Node, graph: &Graph, weights: &Weights, out: &mut Weights) {
    for spec in node.op.params(&graph.input_shapes(node)) {
        out.insert(ParamId { node: id, role: spec.role }, value(weights, origin, spec.role).clone());
    }
}

fn fill_affine(id: NodeId, affine: &Affine, out: &mut Weights) {
    let channels = affine.scale.len();
    let zero = vec![0.0; channels];
    let one = vec![1.0; channels];
    let values = [
        (Role::Scale, &affine.scale),
        (Role::Shift, &affine.shift),
        (Role::RunningMean, &zero),
        (Role::RunningVariance, &one),
    ];
    for (role, data) in values {
        let data = data.iter().map(|&x| x as f32).collect();
        out.insert(ParamId { node: id, role }, Tensor { shape: Shape::new([channels]), data });
    }
}

fn value(weights: &Weights, node: NodeId, role: Role) -> &Tensor {
    weights.get(node, role).expect("weights were checked against the graph")
}

/// A batch norm in inference, as a scale and a shift.
pub(crate) struct BatchNormAffine(pub(crate) Affine);

impl BatchNormAffine {
    /// `scale / sqrt(variance + epsilon)` and `shift - mean` times that (Jacob et al. 2018, section 3.2).
    pub(crate) fn of(id: NodeId, op: &BatchNorm, weights: &Weights) -> Self {
        let data = |role| value(weights, id, role).data.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let epsilon = f64::from(op.epsilon());
        let variance = data(Role::RunningVariance);
        let scale: Vec<f64> =
            data(Role::Scale).iter().zip(&variance).map(|(gamma, var)| gamma / (var + epsilon).sqrt()).collect();
        let shift = data(Role::Shift);
        let mean = data(Role::RunningMean);
        let shift =
            shift.iter().zip(mean.iter().zip(&scale)).map(|(beta, (mean, scale))| beta - mean * scale).collect();
        Self(Affine { scale, shift })
    }
}

/// Weight and bias of a convolution or a dense layer while something is folded into them.
struct Folded {
    shape: Shape,
    weight: Vec<f64>,
    bias: Vec<f64>,
    /// Whether the output channel is the outermost dimension (convolution) or the innermost (dense).
    is_conv: bool,
}

impl Folded {
    fn of(origin: NodeId, node: &Node, weights: &Weights) -> Self {
        let wide = |tensor: &Tensor| tensor.data.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let weight = value(weights, origin, Role::Weight);
        let channels = node.shape.channels();
        let bias = weights.get(origin, Role::Bias).map_or_else(|| vec![0.0; channels], wide);
        Self { shape: weight.shape.clone(), weight: wide(weight), bias, is_conv: matches!(node.op, Op::Conv(_)) }
    }

    /// `w (a x + b) = (w a) x + w b`: the input's scale goes into the weight, its shift into the bias.
    fn fold_input(&mut self, affine: &Affine, groups: usize) {
        let dims = self.shape.dims();
        let (outs, ins) = (dims[0], dims[1]);
        let taps: usize = dims[2..].iter().product();
        for (row, taps) in self.weight.chunks_mut(taps).enumerate() {
            let (out, within) = (row / ins, row % ins);
            let channel = out / (outs / groups) * ins + within;
            self.bias[out] += taps.iter().sum::<f64>() * affine.shift[channel];
            taps.iter_mut().for_each(|w| *w *= affine.scale[channel]);
        }
    }

    /// `a (w x + b) + c = (a w) x + (a b + c)` for each output channel.
    fn fold_output(&mut self, affine: &Affine) {
        let channels = self.bias.len();
        let per_channel = self.weight.len() / channels;
        for (index, w) in self.weight.iter_mut().enumerate() {
            let channel = if self.is_conv { index / per_channel } else { index % channels };
            *w *= affine.scale[channel];
        }
        for (bias, (scale, shift)) in self.bias.iter_mut().zip(affine.scale.iter().zip(&affine.shift)) {
            *bias = *bias * scale + shift;
        }
    }

    fn store(self, id: NodeId, node: &Node, out: &mut Weights) {
        let narrow = |data: Vec<f64>| data.into_iter().map(|x| x as f32).collect::<Vec<f32>>();
        let has_bias = matches!(&node.op, Op::Conv(c) if c.bias) || matches!(&node.op, Op::Dense(d) if d.bias);
        let channels = self.bias.len();
        out.insert(ParamId { node: id, role: Role::Weight }, Tensor { shape: self.shape, data: narrow(self.weight) });
        if has_bias {
            let bias = Tensor { shape: Shape::new([channels]), data: narrow(self.bias) };
            out.insert(ParamId { node: id, role: Role::Bias }, bias);
        }
    }
}
