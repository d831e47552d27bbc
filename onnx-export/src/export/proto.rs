//! Small builders of ONNX protobuf messages, and the two fields that the message types lack.

use std::cell::RefCell;

use edgefit_graph::{Shape, Tensor};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};
use rten_onnx::protobuf::{EncodeMessage, MessageWriter, ProtobufError, WriteValue};

/// Name of the symbolic leading dimension of every input and output.
pub const BATCH_DIMENSION: &str = "batch";

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind), ..AttributeProto::default() }
}

/// An attribute of one integer.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::INT) }
}

/// An attribute of one number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::FLOAT) }
}

/// An attribute of several integers.
pub(super) fn ints(name: &str, values: impl IntoIterator<Item = usize>) -> AttributeProto {
    let ints = values.into_iter().map(|v| v as i64).collect();
    AttributeProto { ints, ..attribute(name, AttributeType::INTS) }
}

/// A constant of 32-bit floats.
pub(super) fn floats_tensor(name: &str, tensor: &Tensor) -> TensorProto {
    raw_tensor(name, DataType::FLOAT, tensor.shape.dims(), tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect())
}

/// A constant of one 32-bit float, without dimensions.
pub(super) fn scalar_tensor(name: &str, value: f32) -> TensorProto {
    raw_tensor(name, DataType::FLOAT, &[], value.to_le_bytes().to_vec())
}

/// A constant list of 64-bit integers.
pub(super) fn ints_tensor(name: &str, values: &[i64]) -> TensorProto {
    let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    raw_tensor(name, DataType::INT64, &[values.len()], bytes)
}

fn raw_tensor(name: &str, kind: DataType, dims: &[usize], raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(kind),
        dims: dims.iter().map(|&d| d as i64).collect(),
        raw_data: Some(RefCell::new(raw_data)),
        ..TensorProto::default()
    }
}

/// Name and type of a tensor of floats, `[batch, shape...]`.
pub(super) fn value_info(name: &str, shape: &Shape) -> ValueInfoProto {
    let batch = Dimension { dim_param: Some(BATCH_DIMENSION.to_owned()), dim_value: None };
    let fixed = shape.dims().iter().map(|&size| Dimension { dim_value: Some(size as i64), dim_param: None });
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(fixed).collect() };
    let tensor = TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape: Some(shape) };
    let kind = TypeProto { tensor_type: Some(tensor), sequence: None };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(kind) }
}

/// One entry of `metadata_props`.
pub(super) fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}

/// A model whose graph has a name, which the ONNX standard demands.
pub(super) struct NamedModel {
    /// Everything but the graph.
    pub(super) model: ModelProto,
    pub(super) graph: NamedGraph,
}

/// A graph and its name.
pub(super) struct NamedGraph {
    pub(super) name: String,
    pub(super) graph: GraphProto,
}

impl NamedModel {
    const GRAPH: u64 = 7;
}

impl NamedGraph {
    const NAME: u64 = 2;
}

impl EncodeMessage for NamedModel {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<'_, W>) -> Result<(), ProtobufError> {
        self.model.encode_fields(fields)?;
        fields.write_message(Self::GRAPH, &self.graph)
    }
}

impl EncodeMessage for NamedGraph {
    fn encode_fields<W: WriteValue>(&self, fields: &mut MessageWriter<'_, W>) -> Result<(), ProtobufError> {
        self.graph.encode_fields(fields)?;
        fields.write_string(Self::NAME, &self.name)
    }
}
