//! The layers that spaces are built from, added to a graph under names that read well in a viewer.
//!
//! Convolutions pad so that only their stride changes the resolution, and have no bias where a batch norm follows.

use edgefit_graph::op::{
    Activation, Add, AvgPool, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, MaxPool, Mul, Op, Zero,
};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, GraphError, NodeId, Window};

use super::Task;

/// A network under construction: a builder and the node that the next layer continues from.
pub(crate) struct Layers {
    builder: GraphBuilder,
    axes: usize,
    at: NodeId,
}

/// A convolution's choices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Convolution {
    pub(crate) width: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

impl Layers {
    /// A network that so far is its input, named `input`.
    pub(crate) fn new(task: &Task) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder::new();
        let at = builder.input("input", task.input.clone())?;
        Ok(Self { builder, axes: task.input.spatial().len(), at })
    }

    /// The node that the next layer continues from.
    pub(crate) fn at(&self) -> NodeId {
        self.at
    }

    /// Channels there.
    pub(crate) fn channels(&self) -> usize {
        self.builder.shape(self.at).channels()
    }

    /// Continues from another node; the one that it was at.
    pub(crate) fn go_to(&mut self, node: NodeId) -> NodeId {
        std::mem::replace(&mut self.at, node)
    }

    /// Convolution `name`, then its batch norm `name.norm`.
    pub(crate) fn conv(&mut self, name: &str, conv: Convolution) -> Result<(), GraphError> {
        self.normed(name, conv, 1)
    }

    /// Depthwise convolution `name`, then its batch norm.
    pub(crate) fn depthwise(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let width = self.channels();
        self.normed(name, Convolution { width, kernel, stride }, width)
    }

    /// Nonlinearity `name.act` behind layer `name`.
    pub(crate) fn activation(&mut self, name: &str, activation: Activation) -> Result<(), GraphError> {
        self.append(format!("{name}.act"), Op::Activation(activation))
    }

    /// Maximum over 3 positions an axis, halving the resolution.
    pub(crate) fn max_pool(&mut self, name: &str) -> Result<(), GraphError> {
        let window = Window::new(self.axes, 3, 2, AutoPad::Same);
        self.append(name.to_owned(), Op::MaxPool(MaxPool { window }))
    }

    /// Mean over `kernel` positions an axis, at the border over those that are there.
    pub(crate) fn average_pool(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let window = Window::new(self.axes, kernel, stride, AutoPad::Same);
        self.append(name.to_owned(), Op::AvgPool(AvgPool { window, count_include_pad: false }))
    }

    /// Batch norm `name`.
    pub(crate) fn norm(&mut self, name: &str) -> Result<(), GraphError> {
        self.append(name.to_owned(), Op::BatchNorm(BatchNorm::default()))
    }

    /// Zeros.
    pub(crate) fn zero(&mut self, name: &str) -> Result<(), GraphError> {
        self.append(name.to_owned(), Op::Zero(Zero))
    }

    /// Adds the output of another node of the same shape.
    pub(crate) fn add(&mut self, name: &str, other: NodeId) -> Result<(), GraphError> {
        self.at = self.builder.add(name.to_owned(), Op::Add(Add), &[other, self.at])?;
        Ok(())
    }

    /// Squeeze-and-excitation (Hu et al. 2018): gates the channels by what is in all of them.
    pub(crate) fn squeeze_excitation(&mut self, name: &str, squeezed: usize) -> Result<(), GraphError> {
        let (features, width) = (self.at, self.channels());
        self.append(format!("{name}.pool"), Op::GlobalAvgPool(GlobalAvgPool))?;
        self.pointwise_with_bias(format!("{name}.reduce"), squeezed)?;
        self.activation(&format!("{name}.reduce"), Activation::Relu)?;
        self.pointwise_with_bias(format!("{name}.expand"), width)?;
        self.append(format!("{name}.gate"), Op::Activation(Activation::HardSigmoid))?;
        self.at = self.builder.add(format!("{name}.scale"), Op::Mul(Mul), &[features, self.at])?;
        Ok(())
    }

    /// Adds the output of `from` when its shape allows.
    pub(crate) fn skip(&mut self, name: &str, from: NodeId) -> Result<(), GraphError> {
        if self.builder.shape(from) == self.builder.shape(self.at) {
            self.add(&format!("{name}.add"), from)?;
        }
        Ok(())
    }

    /// The mean over all positions and one logit a class; the finished network.
    pub(crate) fn classify(mut self, classes: usize) -> Result<Graph, GraphError> {
        self.append("head.pool".into(), Op::GlobalAvgPool(GlobalAvgPool))?;
        self.append("head.flatten".into(), Op::Flatten(Flatten))?;
        self.append("head.classifier".into(), Op::Dense(Dense { out_features: classes, bias: true }))?;
        self.builder.finish(&[self.at])
    }

    fn normed(&mut self, name: &str, conv: Convolution, groups: usize) -> Result<(), GraphError> {
        let window = Window::new(self.axes, conv.kernel, conv.stride, AutoPad::Same);
        let op = Conv { out_channels: conv.width, window, groups, bias: false };
        self.append(name.to_owned(), Op::Conv(op))?;
        self.norm(&format!("{name}.norm"))
    }

    fn pointwise_with_bias(&mut self, name: String, width: usize) -> Result<(), GraphError> {
        let window = Window::new(self.axes, 1, 1, AutoPad::Valid);
        self.append(name, Op::Conv(Conv { out_channels: width, window, groups: 1, bias: true }))
    }

    fn append(&mut self, name: String, op: Op) -> Result<(), GraphError> {
        self.at = self.builder.add(name, op, &[self.at])?;
        Ok(())
    }
}
