//! The networks that training speed is measured on; `pytorch_throughput.py` builds the same ones.

use edgefit_graph::op::{Activation, Add, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool, MaxPool, Mul};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, GraphError, NodeId, Op, Shape, Window};

/// Builds graphs of convolutional blocks.
struct Builder {
    graph: GraphBuilder,
    at: NodeId,
    count: usize,
}

impl Builder {
    fn new(channels: usize, size: usize) -> Result<Self, GraphError> {
        let mut graph = GraphBuilder::new();
        let at = graph.input("image", Shape::new([channels, size, size]))?;
        Ok(Self { graph, at, count: 0 })
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.count += 1;
        let name = format!("{}_{}", op.name(), self.count);
        self.at = self.graph.add(name, op, inputs)?;
        Ok(self.at)
    }

    fn then(&mut self, op: Op) -> Result<NodeId, GraphError> {
        let at = self.at;
        self.add(op, &[at])
    }

    fn channels(&self) -> usize {
        self.graph.shape(self.at).channels()
    }

    /// Convolution, batch norm and, if any, a nonlinearity.
    fn conv(
        &mut self,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
        activation: Option<Activation>,
    ) -> Result<NodeId, GraphError> {
        let window = Window::new(2, kernel, stride, AutoPad::Same);
        self.then(Op::Conv(Conv { out_channels, window, groups, bias: false }))?;
        self.then(Op::BatchNorm(BatchNorm::default()))?;
        match activation {
            Some(activation) => self.then(Op::Activation(activation)),
            None => Ok(self.at),
        }
    }

    /// Squeeze-and-excitation with a fourth of the channels.
    fn excite(&mut self) -> Result<(), GraphError> {
        let (x, channels) = (self.at, self.channels());
        self.then(Op::GlobalAvgPool(GlobalAvgPool))?;
        let point = |out_channels| {
            let window = Window::new(2, 1, 1, AutoPad::Valid);
            Op::Conv(Conv { out_channels, window, groups: 1, bias: true })
        };
        self.then(point(channels / 4))?;
        self.then(Op::Activation(Activation::Relu))?;
        self.then(point(channels))?;
        let factors = self.then(Op::Activation(Activation::HardSigmoid))?;
        self.add(Op::Mul(Mul), &[x, factors])?;
        Ok(())
    }

    /// Inverted residual block.
    fn mbconv(
        &mut self,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        expansion: usize,
        activation: Activation,
        excite: bool,
    ) -> Result<(), GraphError> {
        let (x, channels) = (self.at, self.channels());
        let wide = channels * expansion;
        self.conv(wide, 1, 1, 1, Some(activation))?;
        self.conv(wide, kernel, stride, wide, Some(activation))?;
        if excite {
            self.excite()?;
        }
        let y = self.conv(out_channels, 1, 1, 1, None)?;
        if stride == 1 && channels == out_channels {
            self.add(Op::Add(Add), &[y, x])?;
        }
        Ok(())
    }

    /// Residual block of two 3x3 convolutions.
    fn basic(&mut self, out_channels: usize, stride: usize) -> Result<(), GraphError> {
        let x = self.at;
        let plain = stride == 1 && self.channels() == out_channels;
        self.conv(out_channels, 3, stride, 1, Some(Activation::Relu))?;
        let y = self.conv(out_channels, 3, 1, 1, None)?;
        self.at = x;
        let x = if plain { x } else { self.conv(out_channels, 1, stride, 1, None)? };
        self.add(Op::Add(Add), &[y, x])?;
        self.then(Op::Activation(Activation::Relu))?;
        Ok(())
    }

    fn finish(mut self, classes: usize) -> Result<Graph, GraphError> {
        self.then(Op::GlobalAvgPool(GlobalAvgPool))?;
        self.then(Op::Flatten(Flatten))?;
        let scores = self.then(Op::Dense(Dense { out_features: classes, bias: true }))?;
        self.graph.finish(&[scores])
    }
}

/// A network by name, with the side and the channels of its images.
pub(crate) struct Case {
    /// Name, the same in `pytorch_throughput.py`.
    pub(crate) name: &'static str,
    /// The network.
    pub(crate) graph: Graph,
    /// Pixels of a side.
    pub(crate) size: usize,
    /// Channels of an image.
    pub(crate) channels: usize,
    /// Images a step.
    pub(crate) batch: usize,
}

/// All networks.
///
/// # Errors
/// None; the graphs are correct.
pub(crate) fn cases() -> Result<Vec<Case>, GraphError> {
    Ok(vec![
        Case { name: "mbconv-8x8x1", graph: mbconv_digits()?, size: 8, channels: 1, batch: 32 },
        Case { name: "chain-8x8x1", graph: chain_digits()?, size: 8, channels: 1, batch: 32 },
        Case { name: "chain-28x28x1", graph: chain_mnist()?, size: 28, channels: 1, batch: 64 },
        Case { name: "mbconv-32x32x3", graph: mbconv_cifar()?, size: 32, channels: 3, batch: 64 },
        Case { name: "mbconv-se-32x32x3", graph: mbconv_excited()?, size: 32, channels: 3, batch: 64 },
        Case { name: "resnet8-32x32x3", graph: resnet8()?, size: 32, channels: 3, batch: 64 },
    ])
}

/// Stem 16; blocks to 16, 24 (stride 2), 24, expansion 3; about 11,000 parameters.
fn mbconv_digits() -> Result<Graph, GraphError> {
    let mut b = Builder::new(1, 8)?;
    b.conv(16, 3, 1, 1, Some(Activation::Relu))?;
    b.mbconv(16, 3, 1, 3, Activation::Relu, false)?;
    b.mbconv(24, 3, 2, 3, Activation::Relu, false)?;
    b.mbconv(24, 3, 1, 3, Activation::Relu, false)?;
    b.finish(10)
}

/// 3x3 convolutions to 16, 32 (stride 2) and 32.
fn chain_digits() -> Result<Graph, GraphError> {
    let mut b = Builder::new(1, 8)?;
    b.conv(16, 3, 1, 1, Some(Activation::Relu))?;
    b.conv(32, 3, 2, 1, Some(Activation::Relu))?;
    b.conv(32, 3, 1, 1, Some(Activation::Relu))?;
    b.finish(10)
}

/// 3x3 convolutions to 16, 32, 64 with max pooling between.
fn chain_mnist() -> Result<Graph, GraphError> {
    let mut b = Builder::new(1, 28)?;
    let pool = || Op::MaxPool(MaxPool { window: Window::new(2, 2, 2, AutoPad::Valid) });
    b.conv(16, 3, 1, 1, Some(Activation::Relu))?;
    b.then(pool())?;
    b.conv(32, 3, 1, 1, Some(Activation::Relu))?;
    b.then(pool())?;
    b.conv(64, 3, 1, 1, Some(Activation::Relu))?;
    b.finish(10)
}

/// Stem 16 and five blocks of 16 with expansion 3, all at full resolution.
fn mbconv_cifar() -> Result<Graph, GraphError> {
    let mut b = Builder::new(3, 32)?;
    b.conv(16, 3, 1, 1, Some(Activation::Relu))?;
    for _ in 0..5 {
        b.mbconv(16, 3, 1, 3, Activation::Relu, false)?;
    }
    b.finish(10)
}

/// Blocks with 5x5 kernels, hard-swish and squeeze-and-excitation at three resolutions.
fn mbconv_excited() -> Result<Graph, GraphError> {
    let mut b = Builder::new(3, 32)?;
    b.conv(16, 3, 1, 1, Some(Activation::HardSwish))?;
    for (out, stride) in [(24, 2), (24, 1), (40, 2), (40, 1), (64, 2)] {
        b.mbconv(out, 5, stride, 4, Activation::HardSwish, true)?;
    }
    b.finish(10)
}

/// The ResNet-8 of MLPerf Tiny: blocks of 16, 32 and 64.
fn resnet8() -> Result<Graph, GraphError> {
    let mut b = Builder::new(3, 32)?;
    b.conv(16, 3, 1, 1, Some(Activation::Relu))?;
    b.basic(16, 1)?;
    b.basic(32, 2)?;
    b.basic(64, 2)?;
    b.finish(10)
}
