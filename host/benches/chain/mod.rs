//! Published networks, layer by layer, for the benchmarks that need them.

use edgefit_graph::op::{Activation, Add, BatchNorm, Conv, Dense, Flatten, GlobalAvgPool};
use edgefit_graph::{AutoPad, Graph, GraphBuilder, NodeId, Op, Shape, Window};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A graph that grows at its end.
pub(crate) struct Chain {
    pub(crate) graph: GraphBuilder,
    /// The node that the next one continues from.
    pub(crate) at: NodeId,
    count: usize,
}

impl Chain {
    pub(crate) fn new(input: impl Into<Vec<usize>>) -> Outcome<Self> {
        let mut graph = GraphBuilder::new();
        let at = graph.input("input", Shape::new(input))?;
        Ok(Self { graph, at, count: 0 })
    }

    pub(crate) fn add(&mut self, op: Op, inputs: &[NodeId]) -> Outcome<NodeId> {
        self.count += 1;
        self.at = self.graph.add(format!("{}_{}", op.name(), self.count), op, inputs)?;
        Ok(self.at)
    }

    pub(crate) fn then(&mut self, op: Op) -> Outcome<NodeId> {
        self.add(op, &[self.at])
    }

    fn channels(&self) -> usize {
        self.graph.shape(self.at).channels()
    }

    pub(crate) fn conv(
        &mut self,
        out: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
        act: Option<Activation>,
    ) -> Outcome<NodeId> {
        self.windowed(out, Window::new(2, kernel, stride, AutoPad::Same), groups, act)
    }

    pub(crate) fn windowed(
        &mut self,
        out_channels: usize,
        window: Window,
        groups: usize,
        act: Option<Activation>,
    ) -> Outcome<NodeId> {
        self.then(Op::Conv(Conv { out_channels, window, groups, bias: false }))?;
        self.then(Op::BatchNorm(BatchNorm::default()))?;
        match act {
            Some(act) => self.then(Op::Activation(act)),
            None => Ok(self.at),
        }
    }

    pub(crate) fn classify(mut self, classes: usize) -> Outcome<Graph> {
        self.then(Op::GlobalAvgPool(GlobalAvgPool))?;
        self.then(Op::Flatten(Flatten))?;
        let scores = self.then(Op::Dense(Dense { out_features: classes, bias: true }))?;
        Ok(self.graph.finish(&[scores])?)
    }

    /// The body of MobileNetV2 (Sandler et al. 2018, table 2), with the strides of its first convolution, of its second stage and
    /// of its third, which images smaller than 224x224 do without, and each width as `scaled` has it.
    pub(crate) fn mobilenet_v2(
        &mut self,
        first_strides: [usize; 3],
        scaled: impl Fn(usize) -> usize,
    ) -> Outcome<NodeId> {
        let [stem, second, third] = first_strides;
        let stages = [
            (1, 16, 1, 1),
            (6, 24, 2, second),
            (6, 32, 3, third),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ];
        self.conv(scaled(32), 3, stem, 1, Some(Activation::Relu6))?;
        for (expansion, out, repeats, stride) in stages {
            for repeat in 0..repeats {
                self.inverted_residual(expansion, scaled(out), if repeat == 0 { stride } else { 1 })?;
            }
        }
        self.conv(scaled(1280), 1, 1, 1, Some(Activation::Relu6))
    }

    fn inverted_residual(&mut self, expansion: usize, out: usize, stride: usize) -> Outcome<()> {
        let (x, channels) = (self.at, self.channels());
        let wide = channels * expansion;
        if expansion > 1 {
            self.conv(wide, 1, 1, 1, Some(Activation::Relu6))?;
        }
        self.conv(wide, 3, stride, wide, Some(Activation::Relu6))?;
        let y = self.conv(out, 1, 1, 1, None)?;
        if stride == 1 && channels == out {
            self.add(Op::Add(Add), &[y, x])?;
        }
        Ok(())
    }

    /// Two convolutions beside a shortcut (He et al. 2016).
    pub(crate) fn basic_block(&mut self, out: usize, stride: usize) -> Outcome<()> {
        let x = self.at;
        let is_plain = stride == 1 && self.channels() == out;
        self.conv(out, 3, stride, 1, Some(Activation::Relu))?;
        let y = self.conv(out, 3, 1, 1, None)?;
        self.at = x;
        let x = if is_plain { x } else { self.conv(out, 1, stride, 1, None)? };
        self.add(Op::Add(Add), &[y, x])?;
        self.then(Op::Activation(Activation::Relu))?;
        Ok(())
    }
}
