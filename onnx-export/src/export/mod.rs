//! A network with its weights as an ONNX file.
//!
//! The network is first lowered (batch norm folded, the input normalization put in front), then every node is written by its
//! operator's file under [`op`]. The same network gives the same bytes.

mod error;
mod lower;
mod names;
mod normalization;
mod op;
mod proto;
mod quantize;
mod recipe;
mod writer;

use std::collections::BTreeMap;

use edgefit_graph::op::Op;
use edgefit_graph::{Graph, NodeId, Weights};
use rten_onnx::onnx::{GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto};
use rten_onnx::protobuf::{EncodeMessage, ValueWriter};

pub use error::ExportError;
pub use lower::Lowered;
pub use names::{DEFAULT_INPUT, DEFAULT_OUTPUT};
pub use normalization::InputNormalization;
pub use proto::BATCH_DIMENSION;

use crate::metadata;
use crate::{IR_VERSION, OPSET, PRODUCER};
use names::Names;
use proto::{NamedGraph, NamedModel};
use writer::{Site, Writer};

/// Largest protobuf message, in bytes.
const MAX_BYTES: u64 = i32::MAX as u64;

/// What a file says beside the network itself. The default names nothing and normalizes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExportOptions {
    /// Name of the graph, for viewers; `edgefit` when empty.
    pub graph_name: String,
    /// One name an input, or none for [`DEFAULT_INPUT`] (numbered when there are several).
    pub input_names: Vec<String>,
    /// One name an output, or none for [`DEFAULT_OUTPUT`] (numbered when there are several).
    pub output_names: Vec<String>,
    /// Applied to the first input inside the network, so that it takes raw values.
    pub normalization: Option<InputNormalization>,
    /// Written to `metadata_props`, see [`crate::metadata`] for the keys.
    pub metadata: BTreeMap<String, String>,
}

/// Writes a network and its weights as ONNX of opset [`OPSET`].
///
/// Inputs and outputs are `[batch, shape...]` with a symbolic batch. Nodes have the names of the graph's, parameters are
/// called `node.weight`, `node.bias` and so on.
///
/// # Errors
/// When the weights do not belong to the graph, the options do not fit it, or the file would be too large.
pub fn export(graph: &Graph, weights: &Weights, options: &ExportOptions) -> Result<Vec<u8>, ExportError> {
    if let Some(mismatch) = weights.mismatch(graph) {
        return Err(ExportError::Weights(mismatch));
    }
    let lowered = Lowered::of(graph, options.normalization.as_ref())?;
    encode(&model(lowered.graph(), &lowered.weights(weights), options, None)?)
}

/// As [`export`], in 8 bits. `ranges` has the lowest and the highest value that was seen of each node of [`Lowered::graph`], in the order
/// of the nodes.
///
/// # Errors
/// As [`export`].
pub fn export_int8(
    graph: &Graph,
    weights: &Weights,
    options: &ExportOptions,
    ranges: &[(f32, f32)],
) -> Result<Vec<u8>, ExportError> {
    if let Some(mismatch) = weights.mismatch(graph) {
        return Err(ExportError::Weights(mismatch));
    }
    let lowered = Lowered::of(graph, options.normalization.as_ref())?;
    encode(&model(lowered.graph(), &lowered.weights(weights), options, Some(ranges))?)
}

fn encode(model: &NamedModel) -> Result<Vec<u8>, ExportError> {
    let fail = |error: rten_onnx::protobuf::ProtobufError| ExportError::Encode(error.to_string());
    let bytes = model.encoded_len().map_err(fail)?;
    if bytes > MAX_BYTES {
        return Err(ExportError::TooLarge { bytes, limit: MAX_BYTES });
    }
    let mut encoded = Vec::with_capacity(bytes as usize);
    model.encode(ValueWriter::new(&mut encoded)).map_err(fail)?;
    Ok(encoded)
}

fn model(
    graph: &Graph,
    weights: &Weights,
    options: &ExportOptions,
    ranges: Option<&[(f32, f32)]>,
) -> Result<NamedModel, ExportError> {
    let mut metadata = options.metadata.clone();
    if let Some(normalization) = &options.normalization {
        metadata.insert(metadata::INPUT_NORMALIZATION.to_owned(), metadata::describe(normalization));
    }
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        producer_name: Some(PRODUCER.to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        metadata_props: metadata.iter().map(|(key, value)| proto::entry(key, value)).collect(),
        graph: None,
    };
    Ok(NamedModel { model, graph: named_graph(graph, weights, options, ranges)? })
}

fn named_graph(
    graph: &Graph,
    weights: &Weights,
    options: &ExportOptions,
    ranges: Option<&[(f32, f32)]>,
) -> Result<NamedGraph, ExportError> {
    let mut writer = Writer::new(Names::of(graph, options)?);
    for (id, node) in graph.iter() {
        op::emit(&node.op, &mut Site { writer: &mut writer, graph, weights, id });
    }
    let output = write_outputs(graph, &mut writer);
    let names = &writer.names;
    let info = |id: NodeId| proto::value_info(names.value(id), &graph.node(id).shape);
    let inner = graph.iter().filter(|(id, n)| !matches!(n.op, Op::Input(_)) && !graph.outputs().contains(id));
    let mut proto = GraphProto {
        input: graph.inputs().map(info).collect(),
        output,
        value_info: inner.map(|(id, _)| info(id)).collect(),
        node: writer.nodes,
        initializer: writer.constants,
    };
    if let Some(ranges) = ranges {
        let named = graph.iter().zip(ranges).map(|((id, _), &range)| (writer.names.value(id).to_owned(), range));
        let ranges = named.collect();
        quantize::quantize(&mut proto, &mut writer.names, &ranges);
    }
    let name = if options.graph_name.is_empty() { PRODUCER.to_owned() } else { options.graph_name.clone() };
    Ok(NamedGraph { name, graph: proto })
}

/// Names and types of the outputs. One that is an input, or a node that is an output already, gets an identity of its own.
fn write_outputs(graph: &Graph, writer: &mut Writer) -> Vec<ValueInfoProto> {
    let outputs = graph.outputs().iter().zip(writer.names.outputs().to_vec());
    let mut infos = Vec::with_capacity(graph.outputs().len());
    for (&id, name) in outputs {
        let value = writer.names.value(id).to_owned();
        if value != name {
            let node = writer.names.fresh(&format!("{name}/identity"));
            writer.node("Identity", &node, vec![value], &name, Vec::new());
        }
        infos.push(proto::value_info(&name, &graph.node(id).shape));
    }
    infos
}
