//! Why a network could not be written.

use edgefit_graph::GraphError;
use thiserror::Error;

/// Why a network could not be written to ONNX.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExportError {
    /// The weights are not those of the graph.
    #[error("the weights do not belong to the graph: {0}")]
    Weights(String),
    /// The input normalization does not fit the input.
    #[error("the normalization does not fit input `{input}`: {defect}")]
    Normalization {
        /// Name of the input node.
        input: String,
        /// What is wrong with it.
        defect: String,
    },
    /// As many names must be given as there are inputs or outputs, or none.
    #[error("{given} {side} names were given for {needed} {side}s; give one for each, or none")]
    NameCount {
        /// `input` or `output`.
        side: &'static str,
        /// How many names were given.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Two inputs or outputs were given the same name.
    #[error("two inputs or outputs are named `{0}`; their names must be unique")]
    DuplicateName(String),
    /// A file of ONNX's protobuf format cannot be that large.
    #[error("the model would be {bytes} bytes; ONNX files hold at most {limit}")]
    TooLarge {
        /// Size that the file would have.
        bytes: u64,
        /// Largest size of a protobuf message.
        limit: u64,
    },
    /// The written form is not a valid graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The protobuf library refused the message.
    #[error("the model could not be encoded: {0}")]
    Encode(String),
}
