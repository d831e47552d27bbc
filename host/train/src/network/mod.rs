//! A graph as a burn module: an interpreter over its plan, with the parameters as burn tensors.
//!
//! On Flex the operations are the kernels of this crate; on other backends, and on request, each node is composed of burn's own
//! operations. Both give the same results within rounding.

mod block;
mod composed;
mod fuse;
mod initial;
mod mixed;
mod plan;
mod run;
mod value;

use burn::tensor::{Device, Tensor, TensorData};
use edgefit_graph::{Graph, NodeId, Shape, Weights};

use crate::backend::{self, Images};
use crate::error::TrainError;
use plan::{Action, ChainStep, Plan, Step};
use value::{Layout, Value, padded};

pub(crate) use block::Block;
pub use initial::initial_weights;
pub(crate) use initial::normal;
pub(crate) use mixed::Gating;
pub use run::run;

/// What computes the operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operations {
    /// This crate's kernels; the device must be Flex.
    Kernels,
    /// Burn's own operations, on any device.
    Burn,
}

/// A graph ready to run.
pub(crate) struct Network {
    graph: Graph,
    plan: Plan,
    operations: Operations,
    device: Device,
    /// Trainable numbers of each block.
    pub(crate) parameters: Vec<Tensor<1>>,
    /// Running statistics of each block.
    pub(crate) statistics: Vec<Tensor<1>>,
}

/// How a pass treats batch norm.
pub(crate) enum Mode<'a> {
    /// With the batch's statistics, which are returned for each block that has any.
    Train(&'a mut Vec<Option<Tensor<1>>>),
    /// With the running statistics.
    Infer,
    /// As in training, for a network without batch norm, while the numbers stay in range: whenever a node's output is all that
    /// the rest of the network depends on, it is divided by its largest magnitude, whose logarithm is added here. Every path
    /// from input to output then has the same factors.
    Flow(&'a mut f64),
}

impl Network {
    /// Plans a graph with its outputs and puts the weights on the device.
    ///
    /// # Errors
    /// If the graph cannot be run or the weights do not fit it.
    pub(crate) fn new(
        graph: &Graph,
        weights: &Weights,
        operations: Operations,
        device: &Device,
    ) -> Result<Self, TrainError> {
        Self::with_outputs(graph, graph.outputs().to_vec(), weights, operations, device)
    }

    /// As [`Network::new`] for a classifier; its only output is the scores, before any softmax.
    ///
    /// # Errors
    /// As [`Network::new`], and if the graph is no classifier.
    pub(crate) fn classifier(
        graph: &Graph,
        weights: &Weights,
        operations: Operations,
        device: &Device,
    ) -> Result<Self, TrainError> {
        Self::with_outputs(graph, vec![plan::scores(graph)?], weights, operations, device)
    }

    fn with_outputs(
        graph: &Graph,
        outputs: Vec<NodeId>,
        weights: &Weights,
        operations: Operations,
        device: &Device,
    ) -> Result<Self, TrainError> {
        if let Some(mismatch) = weights.mismatch(graph) {
            return Err(TrainError::Weights(mismatch));
        }
        let plan = Plan::new(graph, outputs)?;
        let on_device = |values: Vec<f32>| {
            let len = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [len]), device)
        };
        let (mut parameters, mut statistics) = (Vec::new(), Vec::new());
        for block in &plan.blocks {
            let (trainable, running) = block.pack(weights);
            parameters.push(on_device(trainable));
            statistics.push(on_device(running));
        }
        Ok(Self { graph: graph.clone(), plan, operations, device: device.clone(), parameters, statistics })
    }

    /// These numbers on the device.
    pub(crate) fn on_device(&self, numbers: Vec<f32>) -> Tensor<1> {
        let len = numbers.len();
        Tensor::from_data(TensorData::new(numbers, [len]), &self.device)
    }

    /// The blocks of parameters.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.plan.blocks
    }

    /// The operations in use.
    pub(crate) fn operations(&self) -> Operations {
        self.operations
    }

    /// Number of classes of a classifier.
    pub(crate) fn classes(&self) -> usize {
        self.graph.node(self.plan.outputs[0]).shape.last()
    }

    /// Shape of a sample of the first input.
    pub(crate) fn input_shape(&self) -> &Shape {
        &self.graph.node(self.plan.inputs[0]).shape
    }

    /// The weights as they are on the device, given the numbers of each block.
    pub(crate) fn weights(&self, parameters: &[Tensor<1>], statistics: &[Tensor<1>]) -> Weights {
        let mut weights = Weights::new();
        for (at, block) in self.plan.blocks.iter().enumerate() {
            block.unpack(&self.graph, &numbers(&parameters[at]), &numbers(&statistics[at]), &mut weights);
        }
        weights
    }

    /// A batch of samples as an input, from floats with the channels last.
    pub(crate) fn input(&self, floats: Vec<f32>) -> Value {
        self.input_value(self.input_tensor(floats))
    }

    /// As [`Network::input`], as a tensor that autodiff may track.
    pub(crate) fn input_tensor(&self, floats: Vec<f32>) -> Images {
        let shape = self.input_shape();
        let batch = floats.len() / shape.elements() as usize;
        let mut dims = shape.dims().to_vec();
        dims.rotate_left(1);
        Tensor::from_data(TensorData::new(floats, padded(batch, &dims).to_vec()), &self.device)
    }

    /// What [`Network::input_tensor`] gave as an input.
    pub(crate) fn input_value(&self, tensor: Images) -> Value {
        Value::new(tensor, self.input_shape(), Layout::Last)
    }

    /// Scores of a classifier, `[batch, classes]`. `parameters` are those of the network or copies that autodiff tracks.
    pub(crate) fn scores(&self, input: Value, parameters: &[Tensor<1>], mode: Mode<'_>) -> Tensor<2> {
        let scores = self.forward(vec![input], parameters, mode).remove(0);
        let batch = scores.batch();
        scores.tensor().reshape([batch, self.classes()])
    }

    /// The outputs for a batch of inputs, one value for each input of the graph.
    pub(crate) fn forward(&self, inputs: Vec<Value>, parameters: &[Tensor<1>], mut mode: Mode<'_>) -> Vec<Value> {
        if let Mode::Train(statistics) = &mut mode {
            statistics.clear();
            statistics.resize_with(self.plan.blocks.len(), || None);
        }
        let mut uses = self.uses();
        let mut values: Vec<Option<Value>> = (0..self.graph.nodes().len()).map(|_| None).collect();
        for (id, input) in self.plan.inputs.iter().zip(inputs) {
            values[id.index()] = Some(input);
        }
        for step in &self.plan.steps {
            let inputs = step.inputs.iter().map(|&id| take(&mut values, &mut uses, id)).collect();
            let output = self.run(step, inputs, parameters, &mut mode);
            values[step.output.index()] = Some(match &mut mode {
                Mode::Flow(logarithm) if values.iter().all(Option::is_none) => scaled(output, logarithm),
                _ => output,
            });
        }
        self.plan.outputs.iter().map(|&id| take(&mut values, &mut uses, id)).collect()
    }

    /// How often each node's output is read.
    fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.graph.nodes().len()];
        let read = self.plan.steps.iter().flat_map(|s| &s.inputs).chain(&self.plan.outputs);
        read.for_each(|id| uses[id.index()] += 1);
        uses
    }

    fn run(&self, step: &Step, mut inputs: Vec<Value>, parameters: &[Tensor<1>], mode: &mut Mode<'_>) -> Value {
        let shape = &self.graph.node(step.output).shape;
        let kernels = self.operations == Operations::Kernels;
        let first = inputs.remove(0);
        match &step.action {
            Action::Chain(chain) => self.chain(chain, first, shape, parameters, mode),
            Action::Pool(call) if kernels => {
                Value::new(backend::pool(first.in_layout(Layout::Last), call), shape, Layout::Last)
            }
            Action::GlobalMean if kernels => {
                Value::new(backend::global_mean(first.in_layout(Layout::Last)), shape, Layout::Last)
            }
            Action::Gate if kernels => {
                let factors = inputs.remove(0).in_layout(Layout::Last);
                Value::new(backend::gate(first.in_layout(Layout::Last), factors), shape, Layout::Last)
            }
            Action::Pool(call) => composed::pool(call, first, shape),
            Action::GlobalMean => composed::global_mean(first, shape),
            Action::Gate | Action::Mul => composed::binary(first, inputs.remove(0), shape, |a, b| a * b),
            Action::Add => composed::binary(first, inputs.remove(0), shape, |a, b| a + b),
            Action::Concat(axis) => composed::concat(*axis, first, inputs, shape),
            Action::Slice(slice) => composed::slice(slice, first, shape),
            Action::Softmax(axis) => composed::softmax(*axis, first, shape),
            Action::LayerNorm(block, epsilon) => composed::layer_norm(first, &parameters[*block], *epsilon),
            Action::MatMul => {
                let product = first.in_order().matmul(inputs.remove(0).in_order());
                Value::new(product, shape, Layout::First)
            }
            Action::Reshape => {
                let batch = first.batch();
                Value::new(first.in_order().reshape(padded(batch, shape.dims())), shape, Layout::First)
            }
            Action::Transpose(permutation) => composed::transpose(permutation, first, shape),
            Action::Copy => first,
            Action::Zero => {
                let layout = first.layout();
                Value::new(first.tensor().zeros_like(), shape, layout)
            }
        }
    }

    fn chain(
        &self,
        step: &ChainStep,
        input: Value,
        shape: &Shape,
        parameters: &[Tensor<1>],
        mode: &mut Mode<'_>,
    ) -> Value {
        let parameters = &parameters[step.block];
        let statistics = &self.statistics[step.block];
        if self.operations == Operations::Burn {
            let block = &self.plan.blocks[step.block];
            let context =
                composed::ChainContext { graph: &self.graph, fused: &step.fused, block, parameters, statistics };
            let (y, seen) = context.run(input, !matches!(mode, Mode::Infer));
            if let Mode::Train(all) = mode {
                all[step.block] = seen;
            }
            return y;
        }
        let layout = match step.fused.family {
            fuse::Family::Images => Layout::Last,
            fuse::Family::Tokens | fuse::Family::Vectors => Layout::First,
        };
        let x = input.in_layout(layout);
        let y = match mode {
            Mode::Train(all) => {
                let (y, seen) = backend::chain_train(x, parameters.clone(), &step.call);
                all[step.block] = (self.plan.blocks[step.block].statistics > 0).then_some(seen);
                y
            }
            Mode::Flow(_) => backend::chain_train(x, parameters.clone(), &step.call).0,
            Mode::Infer => backend::chain_infer(x, parameters.clone(), statistics.clone(), &step.call),
        };
        Value::new(y, shape, layout)
    }
}

/// The numbers of a block.
pub(crate) fn numbers(block: &Tensor<1>) -> Vec<f32> {
    block.to_data().try_to_vec::<f32>().expect("parameters are 32-bit floats")
}

/// Divides by the largest magnitude and adds its logarithm; zeros stay.
fn scaled(value: Value, logarithm: &mut f64) -> Value {
    let (shape, layout) = (value.shape().clone(), value.layout());
    let tensor = value.tensor();
    let largest = tensor.clone().abs().max().into_scalar::<f32>();
    if !(largest.is_finite() && largest > 0.0) {
        return Value::new(tensor, &shape, layout);
    }
    *logarithm += f64::from(largest).ln();
    Value::new(tensor / largest, &shape, layout)
}

/// A node's output, moved out at its last use.
fn take(values: &mut [Option<Value>], uses: &mut [usize], id: NodeId) -> Value {
    let at = id.index();
    uses[at] -= 1;
    let value = if uses[at] == 0 { values[at].take() } else { values[at].clone() };
    value.expect("steps are in execution order")
}

#[cfg(test)]
mod tests;
