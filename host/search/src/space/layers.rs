//! The layers that spaces are built from, added to a graph under names that read well in a viewer.
//!
//! Convolutions and poolings pad so that only their stride changes the resolution, to `ceil(extent / stride)`, and
//! convolutions have no bias where a batch norm follows.

mod attention;
mod block;

use edgefit_graph::op::{
    Activation, Add, AvgPool, BatchNorm, Concat, Conv, Dense, Flatten, GlobalAvgPool, Identity, MaxPool, Mul, Op,
    Reshape, Zero,
};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, GraphError, NodeId, Shape, Window};

pub(crate) use attention::{Attention, Mlp};
pub(crate) use block::InvertedResidual;

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

impl Convolution {
    /// A convolution of single positions.
    pub(crate) fn pointwise(width: usize) -> Self {
        Self { width, kernel: 1, stride: 1 }
    }
}

impl Layers {
    /// A network that so far is its input, named `input`.
    pub(crate) fn new(task: &Task) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder::new();
        let at = builder.input("input", task.input.clone())?;
        Ok(Self { builder, axes: task.input.spatial().len(), at })
    }

    /// Reads an image as a series along its width: each row of each channel becomes a channel. A series stays as it is.
    pub(crate) fn read_as_series(&mut self) -> Result<(), GraphError> {
        let [channels, height, width] = *self.builder.shape(self.at).dims() else { return Ok(()) };
        self.axes = 1;
        let shape = Shape::new([channels * height, width]);
        self.append("input.series".to_owned(), Op::Reshape(Reshape { shape }))
    }

    /// The node that the next layer continues from.
    pub(crate) fn at(&self) -> NodeId {
        self.at
    }

    /// Channels there.
    pub(crate) fn channels(&self) -> usize {
        self.builder.shape(self.at).channels()
    }

    /// Positions there along each axis.
    pub(crate) fn spatial(&self) -> &[usize] {
        self.builder.shape(self.at).spatial()
    }

    /// Continues from another node; the one that it was at.
    pub(crate) fn go_to(&mut self, node: NodeId) -> NodeId {
        std::mem::replace(&mut self.at, node)
    }

    /// Convolution `name`, then its batch norm `name.norm`.
    pub(crate) fn conv(&mut self, name: &str, conv: Convolution) -> Result<(), GraphError> {
        self.dilated(name, conv, 1)
    }

    /// The first convolution of most spaces, and its activation: it sees every position, and more than one, whatever its stride.
    pub(crate) fn stem(&mut self, width: usize, stride: usize, activation: Activation) -> Result<(), GraphError> {
        self.conv("stem.conv", Convolution { width, kernel: (2 * stride - 1).max(3), stride })?;
        self.activation("stem.conv", activation)
    }

    /// Convolution `name` whose taps are `dilation` positions apart, then its batch norm.
    pub(crate) fn dilated(&mut self, name: &str, conv: Convolution, dilation: usize) -> Result<(), GraphError> {
        self.normed(name, conv, dilation, 1)
    }

    /// Depthwise convolution `name`, then its batch norm.
    pub(crate) fn depthwise(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let width = self.channels();
        self.normed(name, Convolution { width, kernel, stride }, 1, width)
    }

    /// Separable convolution (Sifre and Mallat 2014): a depthwise one over the positions, perhaps a nonlinearity, and a
    /// pointwise one over the channels, each with its batch norm.
    pub(crate) fn separable(
        &mut self,
        name: &str,
        conv: Convolution,
        dilation: usize,
        between: Option<Activation>,
    ) -> Result<(), GraphError> {
        let (over_positions, channels) = (format!("{name}.depthwise"), self.channels());
        self.normed(&over_positions, Convolution { width: channels, ..conv }, dilation, channels)?;
        if let Some(activation) = between {
            self.activation(&over_positions, activation)?;
        }
        self.conv(&format!("{name}.pointwise"), Convolution::pointwise(conv.width))
    }

    /// Nonlinearity `name.act` behind layer `name`.
    pub(crate) fn activation(&mut self, name: &str, activation: Activation) -> Result<(), GraphError> {
        self.append(format!("{name}.act"), Op::Activation(activation))
    }

    /// Maximum over `kernel` positions an axis, an odd number.
    pub(crate) fn max_pool(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let window = Window::new(self.axes, kernel, stride, AutoPad::Same);
        self.append(name.to_owned(), Op::MaxPool(MaxPool { window }))
    }

    /// Mean over `kernel` positions an axis, an odd number, at the border over those that are there.
    pub(crate) fn average_pool(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let window = Window::new(self.axes, kernel, stride, AutoPad::Same);
        self.append(name.to_owned(), Op::AvgPool(AvgPool { window, count_include_pad: false }))
    }

    /// Mean over blocks of `factor` positions an axis, at the far border over those that are there.
    pub(crate) fn shrink(&mut self, name: &str, factor: usize) -> Result<(), GraphError> {
        let window = self.tiles(factor);
        self.append(name.to_owned(), Op::AvgPool(AvgPool { window, count_include_pad: false }))
    }

    /// Half the resolution of the mean, then a pointwise convolution to this width: what a shortcut past a stride does
    /// (He et al. 2019, ResNet-D).
    pub(crate) fn shortcut(&mut self, name: &str, width: usize) -> Result<(), GraphError> {
        self.shrink(&format!("{name}.pool"), 2)?;
        self.conv(name, Convolution::pointwise(width))
    }

    /// Windows that lie side by side and leave out no position.
    fn tiles(&self, extent: usize) -> Window {
        let mut window = Window::new(self.axes, extent, extent, AutoPad::Valid);
        let left = self.spatial().iter().map(|positions| positions.next_multiple_of(extent) - positions);
        window.padding_end = left.collect();
        window
    }

    /// Batch norm `name`.
    pub(crate) fn norm(&mut self, name: &str) -> Result<(), GraphError> {
        self.append(name.to_owned(), Op::BatchNorm(BatchNorm::default()))
    }

    /// Zeros.
    pub(crate) fn zero(&mut self, name: &str) -> Result<(), GraphError> {
        self.append(name.to_owned(), Op::Zero(Zero))
    }

    /// What is there, unchanged, as a node of its own.
    pub(crate) fn identity(&mut self, name: &str) -> Result<(), GraphError> {
        self.append(name.to_owned(), Op::Identity(Identity))
    }

    /// Adds the output of another node of the same shape.
    pub(crate) fn add(&mut self, name: &str, other: NodeId) -> Result<(), GraphError> {
        self.at = self.builder.add(name.to_owned(), Op::Add(Add), &[other, self.at])?;
        Ok(())
    }

    /// The channels of several nodes together.
    pub(crate) fn concat(&mut self, name: &str, nodes: &[NodeId]) -> Result<(), GraphError> {
        self.at = match nodes {
            [only] => *only,
            several => self.builder.add(name.to_owned(), Op::Concat(Concat { axis: 0 }), several)?,
        };
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

    /// What has been built so far, as a network of its own.
    pub(crate) fn finish(self) -> Result<Graph, GraphError> {
        self.builder.finish(&[self.at])
    }

    /// The mean over all positions and one logit a class; the finished network.
    pub(crate) fn classify(mut self, classes: usize) -> Result<Graph, GraphError> {
        self.append("head.pool".into(), Op::GlobalAvgPool(GlobalAvgPool))?;
        self.append("head.flatten".into(), Op::Flatten(Flatten))?;
        self.append("head.classifier".into(), Op::Dense(Dense { out_features: classes, bias: true }))?;
        self.builder.finish(&[self.at])
    }

    fn normed(&mut self, name: &str, conv: Convolution, dilation: usize, groups: usize) -> Result<(), GraphError> {
        let window = Window::dilated(self.axes, conv.kernel, conv.stride, dilation, AutoPad::Same);
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
