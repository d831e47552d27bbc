//! The operators, a closed set: one file each, with its attributes, shape rule and cost.
//!
//! To add one, write its file, add it to [`Op`] and to the one match in `Op::operator`; the compiler then lists what else
//! must know it (the ONNX mapping and the trainer).

mod activation;
mod batch_norm;
mod concat;
mod conv;
mod dense;
mod elementwise;
mod flatten;
mod identity;
mod input;
mod layer_norm;
mod matmul;
mod pool;
mod reshape;
mod slice;
mod softmax;
mod transpose;
mod zero;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub use activation::Activation;
pub use batch_norm::BatchNorm;
pub use concat::Concat;
pub use conv::Conv;
pub use dense::Dense;
pub use elementwise::{Add, Mul};
pub use flatten::Flatten;
pub use identity::Identity;
pub use input::Input;
pub use layer_norm::LayerNorm;
pub use matmul::MatMul;
pub use pool::{AvgPool, GlobalAvgPool, MaxPool};
pub use reshape::Reshape;
pub use slice::Slice;
pub use softmax::Softmax;
pub use transpose::Transpose;
pub use zero::Zero;

use crate::shape::Shape;
use crate::weights::ParamSpec;

/// An operator with its attributes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Op {
    /// A network input.
    Input(Input),
    /// Convolution over a series or an image, grouped or not.
    Conv(Conv),
    /// Batch normalization over the channels.
    BatchNorm(BatchNorm),
    /// A nonlinearity applied to each element.
    Activation(Activation),
    /// Maximum over a window.
    MaxPool(MaxPool),
    /// Mean over a window.
    AvgPool(AvgPool),
    /// Mean over all positions of a channel.
    GlobalAvgPool(GlobalAvgPool),
    /// Matrix product of the innermost dimension with learned weights.
    Dense(Dense),
    /// Elementwise sum with broadcasting.
    Add(Add),
    /// Elementwise product with broadcasting.
    Mul(Mul),
    /// Joins tensors along an axis.
    Concat(Concat),
    /// A run of elements along an axis.
    Slice(Slice),
    /// Softmax along an axis.
    Softmax(Softmax),
    /// Normalization over the innermost dimension.
    LayerNorm(LayerNorm),
    /// Product of two computed matrices.
    MatMul(MatMul),
    /// Another shape for the same elements in the same order.
    Reshape(Reshape),
    /// Another order of the dimensions.
    Transpose(Transpose),
    /// All dimensions joined into one.
    Flatten(Flatten),
    /// Its input, unchanged.
    Identity(Identity),
    /// Zeros of its input's shape.
    Zero(Zero),
}

/// What every operator's file provides. Shapes are per sample.
pub(crate) trait Operator {
    /// Its name in text forms and errors, in snake case.
    fn name(&self) -> &'static str;

    /// How many inputs it takes.
    fn arity(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// Shape of its output, or why it does not take these inputs. The number of inputs has been checked.
    fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String>;

    /// Multiply-accumulates for one sample.
    fn macs(&self, _inputs: &[&Shape], _output: &Shape) -> u64 {
        0
    }

    /// Its parameters, given the shapes of its inputs.
    fn params(&self, _inputs: &[&Shape]) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// Every attribute as `key=value` words: what the text form shows and what the digest covers.
    fn attributes(&self) -> String {
        String::new()
    }

    /// Whether the order of its inputs does not matter.
    fn is_commutative(&self) -> bool {
        false
    }
}

impl Op {
    fn operator(&self) -> &dyn Operator {
        match self {
            Self::Input(op) => op,
            Self::Conv(op) => op,
            Self::BatchNorm(op) => op,
            Self::Activation(op) => op,
            Self::MaxPool(op) => op,
            Self::AvgPool(op) => op,
            Self::GlobalAvgPool(op) => op,
            Self::Dense(op) => op,
            Self::Add(op) => op,
            Self::Mul(op) => op,
            Self::Concat(op) => op,
            Self::Slice(op) => op,
            Self::Softmax(op) => op,
            Self::LayerNorm(op) => op,
            Self::MatMul(op) => op,
            Self::Reshape(op) => op,
            Self::Transpose(op) => op,
            Self::Flatten(op) => op,
            Self::Identity(op) => op,
            Self::Zero(op) => op,
        }
    }

    /// Its name in text forms and errors, in snake case.
    pub fn name(&self) -> &'static str {
        self.operator().name()
    }

    /// How many inputs it takes.
    pub fn arity(&self) -> RangeInclusive<usize> {
        self.operator().arity()
    }

    /// Per-sample shape of its output.
    ///
    /// # Errors
    /// A sentence that says why it does not take inputs of these shapes.
    pub fn output_shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        self.operator().output_shape(inputs)
    }

    /// Multiply-accumulates for one sample.
    pub fn macs(&self, inputs: &[&Shape], output: &Shape) -> u64 {
        self.operator().macs(inputs, output)
    }

    /// Its parameters, given the per-sample shapes of its inputs.
    pub fn params(&self, inputs: &[&Shape]) -> Vec<ParamSpec> {
        self.operator().params(inputs)
    }

    /// Every attribute as `key=value` words.
    pub fn attributes(&self) -> String {
        self.operator().attributes()
    }

    /// Whether the order of its inputs does not matter.
    pub fn is_commutative(&self) -> bool {
        self.operator().is_commutative()
    }

    /// Whether its output holds the elements of its input unchanged and in order, so that a runtime needs no memory for it.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Reshape(_) | Self::Flatten(_) | Self::Identity(_))
    }
}

/// `1x2x3`, the way the text form shows a list of numbers.
fn by_x(values: &[usize]) -> String {
    let words: Vec<String> = values.iter().map(usize::to_string).collect();
    words.join("x")
}

/// An error for an axis that the input does not have.
fn check_axis(axis: usize, input: &Shape) -> Result<(), String> {
    if axis < input.rank() {
        return Ok(());
    }
    Err(format!("axis {axis} is not one of the {} of {input}", input.rank()))
}

#[cfg(test)]
mod tests;
