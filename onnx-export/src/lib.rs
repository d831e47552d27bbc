//! Networks as ONNX files: [`export()`] writes a graph with its weights, [`export_int8()`] in 8 bits, [`import()`]
//! reads one, [`ModelSummary`] looks at any, [`inline_external`] puts inside what a model keeps in other files.
//!
//! One opset, [`OPSET`]: the first with layer normalization as an operator of its own, which also has hard-swish; ONNX Runtime 1.17
//! and later and tract take it. Gelu is written as its formula with `Erf`, in the order that runtimes recognize.
//!
//! This crate reads and writes bytes in memory; it opens no file and runs no network.

mod export;
mod external;
mod import;
pub mod limits;
pub mod metadata;
mod summary;
#[cfg(test)]
mod tests;
mod wire;

pub use export::{
    BATCH_DIMENSION, DEFAULT_INPUT, DEFAULT_OUTPUT, ExportError, ExportOptions, InputNormalization, Lowered, export,
    export_int8,
};
pub use external::{ExternalData, inline_external};
pub use import::{ImportError, ImportOptions, Imported, import, import_with};
pub use summary::{ModelSummary, TensorSummary};

/// The opset of every file that is written.
pub const OPSET: i64 = 17;

/// The version of the ONNX format of every file that is written; that of opset 17's release.
pub const IR_VERSION: i64 = 8;

/// The producer that every file names.
pub const PRODUCER: &str = "edgefit";
