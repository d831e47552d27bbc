//! Why a file could not be read as a network; each error names what it is about.

use edgefit_graph::GraphError;
use thiserror::Error;

/// Why an ONNX file could not be read as a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// The file is larger than is read.
    #[error("the file has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// The file ends before what it announces.
    #[error("the file is truncated: at byte {offset} it announces {announced} bytes and has {left}")]
    Truncated {
        /// Where in the file.
        offset: usize,
        /// Bytes that should follow.
        announced: u64,
        /// Bytes that follow in the message around it.
        left: u64,
    },
    /// The file is not protobuf of the ONNX schema.
    #[error("the file is not ONNX: {0}")]
    Malformed(String),
    /// The file would take far more memory than it has bytes.
    #[error("the file is refused: it has more than {limit} {what}")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much is read.
        limit: u64,
    },
    /// Something that every model has is missing.
    #[error("the model has no {0}")]
    Missing(&'static str),
    /// The operators are of a version that is not understood.
    #[error("the model uses opset {opset}; opsets {least} to {most} are read. Convert it with onnx.version_converter")]
    UnsupportedOpset {
        /// The opset of the file.
        opset: i64,
        /// Oldest opset that is read.
        least: i64,
        /// Newest opset that is read.
        most: i64,
    },
    /// An input has no fixed shape or is no tensor of floats.
    #[error("input `{input}`: {reason}")]
    Input {
        /// Name of the input.
        input: String,
        /// What is wrong, and what helps.
        reason: String,
    },
    /// An operator that edgefit's graph does not have.
    #[error("node `{node}`: operator {op_type} is not supported")]
    UnsupportedOperator {
        /// Name of the node, or of its output when it has none.
        node: String,
        /// Its operator, with the domain if it is not ONNX's own.
        op_type: String,
    },
    /// A form of an operator that edgefit's graph does not have.
    #[error("node `{node}` ({op_type}): {reason}")]
    Unsupported {
        /// Name of the node.
        node: String,
        /// Its operator.
        op_type: String,
        /// Which form it is.
        reason: String,
    },
    /// Shapes that do not fit the operator.
    #[error("node `{node}` ({op_type}): {reason}")]
    BadShape {
        /// Name of the node.
        node: String,
        /// Its operator.
        op_type: String,
        /// What does not fit.
        reason: String,
    },
    /// A node takes a tensor that no earlier node yields.
    #[error("node `{node}` takes `{value}`, which no node before it yields")]
    UnknownValue {
        /// Name of the node, or of the output.
        node: String,
        /// The tensor.
        value: String,
    },
    /// Two nodes yield a tensor of the same name.
    #[error("two nodes yield `{0}`; tensors of a model are written once")]
    DuplicateValue(String),
    /// A constant is stored in another file.
    #[error("constant `{0}` is stored outside of the file; save the model with its weights inside")]
    ExternalData(String),
    /// A constant has a type that is not read.
    #[error("constant `{tensor}` has type {data_type}; 32- and 64-bit floats and integers are read")]
    UnsupportedType {
        /// Name of the constant.
        tensor: String,
        /// Its element type.
        data_type: String,
    },
    /// A constant does not hold what it says.
    #[error("constant `{tensor}`: {reason}")]
    BadConstant {
        /// Name of the constant.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operators make no valid graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}
