//! The operators as ONNX nodes, one file for each kind.

mod activation;
mod conv;
mod dense;
mod elementwise;
mod layout;
mod matrix;
mod normalization;
mod pool;

use edgefit_graph::op::Op;

use super::writer::Site;

/// How an operator is written.
pub(super) trait Emit {
    /// Writes the nodes and constants of one graph node.
    fn emit(&self, site: &mut Site<'_>);
}

/// Writes one graph node; an input is no ONNX node.
pub(super) fn emit(op: &Op, site: &mut Site<'_>) {
    match op {
        Op::Input(_) => {}
        Op::Conv(op) => op.emit(site),
        Op::BatchNorm(op) => op.emit(site),
        Op::Activation(op) => op.emit(site),
        Op::MaxPool(op) => op.emit(site),
        Op::AvgPool(op) => op.emit(site),
        Op::GlobalAvgPool(op) => op.emit(site),
        Op::Dense(op) => op.emit(site),
        Op::Add(op) => op.emit(site),
        Op::Mul(op) => op.emit(site),
        Op::Concat(op) => op.emit(site),
        Op::Slice(op) => op.emit(site),
        Op::Softmax(op) => op.emit(site),
        Op::LayerNorm(op) => op.emit(site),
        Op::MatMul(op) => op.emit(site),
        Op::Reshape(op) => op.emit(site),
        Op::Transpose(op) => op.emit(site),
        Op::Flatten(op) => op.emit(site),
        Op::Identity(op) => op.emit(site),
        Op::Zero(op) => op.emit(site),
    }
}
