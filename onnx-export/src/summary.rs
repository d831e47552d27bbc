//! What a file says about itself, of any ONNX model: read from the protobuf alone, nothing is interpreted.

use std::collections::{BTreeMap, BTreeSet};

use rten_onnx::onnx::{DataType, Dimension, GraphProto, ModelProto, TensorProto, ValueInfoProto};

use crate::import::{ImportError, decode, metadata, opset};

/// An ONNX model at a glance, also of one with operators that edgefit's graph does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// Size of the file.
    pub file_bytes: u64,
    /// Opset of ONNX's own operators, if there are any.
    pub opset: Option<i64>,
    /// Name and version of the program that wrote it.
    pub producer: String,
    /// Number of nodes of each operator type; of another domain than ONNX's own, as `domain.Type`. Subgraphs not counted.
    pub nodes_by_type: BTreeMap<String, usize>,
    /// The inputs that must be given.
    pub inputs: Vec<TensorSummary>,
    /// The outputs.
    pub outputs: Vec<TensorSummary>,
    /// Elements of all floating-point constants of the graph, quantized ones included: computed, not trained parameters
    /// alone.
    pub parameters: u64,
    /// Bytes of all constants of the graph.
    pub parameter_bytes: u64,
    /// The file's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

/// Name, type and shape of an input or an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSummary {
    /// Its name.
    pub name: String,
    /// Its element type by ONNX's name, `FLOAT` for example.
    pub data_type: String,
    /// Its dimensions as numbers or names, `?` where the file says nothing; none when it has no shape.
    pub dims: Option<Vec<String>>,
}

impl ModelSummary {
    /// Summarizes a file.
    ///
    /// # Errors
    /// When it is damaged, too large or no ONNX.
    pub fn of(file: &[u8]) -> Result<Self, ImportError> {
        let model = decode(file)?;
        let graph = model.graph.as_ref().ok_or(ImportError::Missing("graph"))?;
        Ok(Self {
            file_bytes: file.len() as u64,
            opset: opset(&model),
            producer: producer(&model),
            nodes_by_type: nodes_by_type(graph),
            inputs: inputs(graph),
            outputs: graph.output.iter().map(tensor).collect(),
            parameters: sum(graph, |t| if is_number(t.data_type) { elements(t) } else { 0 }),
            parameter_bytes: sum(graph, |t| elements(t).saturating_mul(element_bits(t.data_type)) / 8),
            metadata: metadata(&model),
        })
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.nodes_by_type.values().sum()
    }
}

fn producer(model: &ModelProto) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{} {}", part(&model.producer_name), part(&model.producer_version)).trim().to_owned()
}

fn nodes_by_type(graph: &GraphProto) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.node {
        let op_type = node.op_type.clone().unwrap_or_default();
        let name = match node.domain.as_deref() {
            None | Some("" | "ai.onnx") => op_type,
            Some(domain) => format!("{domain}.{op_type}"),
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

fn inputs(graph: &GraphProto) -> Vec<TensorSummary> {
    let constants: BTreeSet<&str> = graph.initializer.iter().filter_map(|t| t.name.as_deref()).collect();
    let given = |info: &&ValueInfoProto| !constants.contains(info.name.as_deref().unwrap_or_default());
    graph.input.iter().filter(given).map(tensor).collect()
}

fn tensor(info: &ValueInfoProto) -> TensorSummary {
    let kind = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let data_type = kind.and_then(|t| t.elem_type).map_or_else(|| "?".to_owned(), |t| t.to_string());
    let shape = kind.and_then(|t| t.shape.as_ref());
    TensorSummary {
        name: info.name.clone().unwrap_or_default(),
        data_type,
        dims: shape.map(|shape| shape.dim.iter().map(dim).collect()),
    }
}

fn dim(dim: &Dimension) -> String {
    dim.dim_value.map(|n| n.to_string()).or_else(|| dim.dim_param.clone()).unwrap_or_else(|| "?".to_owned())
}

/// Over the constants of the graph, those of `Constant` nodes included.
fn sum(graph: &GraphProto, count: impl Fn(&TensorProto) -> u64) -> u64 {
    let constants = graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Constant"));
    let of_nodes = constants.flat_map(|node| &node.attribute).filter_map(|attribute| attribute.t.as_ref());
    graph.initializer.iter().chain(of_nodes).map(count).fold(0, u64::saturating_add)
}

fn elements(tensor: &TensorProto) -> u64 {
    tensor.dims.iter().fold(1, |n, &dim| n.saturating_mul(u64::try_from(dim).unwrap_or(0)))
}

/// Whether a constant of this type holds weights rather than shapes, axes or text.
fn is_number(kind: Option<DataType>) -> bool {
    !matches!(kind, None | Some(DataType::INT64 | DataType::STRING | DataType::BOOL))
}

fn element_bits(kind: Option<DataType>) -> u64 {
    match kind.unwrap_or(DataType(0)) {
        DataType::FLOAT | DataType::INT32 | DataType::UINT32 => 32,
        DataType::DOUBLE | DataType::INT64 | DataType::UINT64 | DataType::COMPLEX64 => 64,
        DataType::FLOAT16 | DataType::BFLOAT16 | DataType::INT16 | DataType::UINT16 => 16,
        DataType::COMPLEX128 => 128,
        DataType::INT4 | DataType::UINT4 | DataType::FLOAT4E2M1 => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ModelSummary, TensorSummary};
    use crate::tests::foreign::{Foreign, int};

    #[test]
    fn summarizes_models_that_cannot_be_read() {
        let file = Foreign::new(21)
            .input("x", &[-1, 3, 8, 8])
            .floats("w", &[4, 3, 2, 2], |_| 0.0)
            .shape("sizes", &[1, 4, 16, 16])
            .node("Conv", &["x", "w"], "c", vec![])
            .node("Resize", &["c", "", "", "sizes"], "r", vec![])
            .node("Conv", &["r", "w"], "y", vec![int("group", 1)])
            .file("y");
        let summary = ModelSummary::of(&file).unwrap();
        let x = TensorSummary {
            name: "x".to_owned(),
            data_type: "FLOAT".to_owned(),
            dims: Some(["N", "3", "8", "8"].map(str::to_owned).to_vec()),
        };
        let expected = ModelSummary {
            file_bytes: file.len() as u64,
            opset: Some(21),
            producer: String::new(),
            nodes_by_type: BTreeMap::from([("Conv".to_owned(), 2), ("Resize".to_owned(), 1)]),
            inputs: vec![x],
            outputs: vec![TensorSummary { name: "y".to_owned(), data_type: "?".to_owned(), dims: None }],
            parameters: 48,
            parameter_bytes: 48 * 4 + 4 * 8,
            metadata: BTreeMap::new(),
        };
        assert_eq!(summary, expected);
        assert_eq!(summary.nodes(), 3);
    }
}
