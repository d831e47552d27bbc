//! An ONNX file as a network with its weights.
//!
//! The file is first scanned for its limits ([`scan`]), then decoded, then read node by node into drafts ([`op`]); operators that
//! exporters compose are put together ([`fuse`]), and the drafts that outputs need become the graph ([`build`]). The first
//! dimension of every computed tensor is the batch; shapes of the graph are per sample and fixed.

mod build;
mod constant;
mod draft;
mod error;
mod file;
mod fuse;
mod inputs;
mod op;
mod scan;
mod site;
mod value;

use std::collections::BTreeMap;
use std::rc::Rc;

use edgefit_graph::{Graph, MAX_NODES, Weights};
use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto};

use constant::Constant;
pub use error::ImportError;
pub(crate) use file::decode;
use site::{Reading, Site, node_name};
use value::Value;

use crate::limits::OPSETS;

/// What the file leaves open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Full shape of an input, the batch first, by its name: for inputs whose dimensions are not fixed in the file.
    pub input_shapes: BTreeMap<String, Vec<usize>>,
}

/// A network read from ONNX.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Its structure; input nodes have the names of the inputs.
    pub graph: Graph,
    /// Its weights.
    pub weights: Weights,
    /// Names of the outputs in the file.
    pub output_names: Vec<String>,
    /// The file's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// The opset of the file.
    pub opset: i64,
}

/// Reads a file whose inputs have fixed shapes.
///
/// # Errors
/// When the file is damaged or too large, or holds what edgefit's graph does not have; the error names the node.
pub fn import(file: &[u8]) -> Result<Imported, ImportError> {
    import_with(file, &ImportOptions::default())
}

/// Reads a file; `options` fixes what it leaves open.
///
/// # Errors
/// As [`import()`], and when a shape that is given does not fit.
pub fn import_with(file: &[u8], options: &ImportOptions) -> Result<Imported, ImportError> {
    let model = decode(file)?;
    let opset = supported_opset(&model)?;
    let proto = model.graph.as_ref().ok_or(ImportError::Missing("graph"))?;
    let reading = read(proto, opset, options)?;
    let outputs = outputs(proto, &reading)?;
    let output_names = proto.output.iter().map(|info| info.name.clone().unwrap_or_default()).collect();
    let mut drafts = reading.drafts;
    fuse::fuse(&mut drafts, &outputs)?;
    let (graph, weights) = build::build(drafts, &outputs)?;
    Ok(Imported { graph, weights, output_names, metadata: metadata(&model), opset })
}

/// The opset of ONNX's own operators.
pub(crate) fn opset(model: &ModelProto) -> Option<i64> {
    let own = model.opset_import.iter().find(|set| is_own_domain(set.domain.as_deref()));
    own.and_then(|set| set.version)
}

/// Keys and values of `metadata_props`; of a key that repeats, the last.
pub(crate) fn metadata(model: &ModelProto) -> BTreeMap<String, String> {
    let entries = model.metadata_props.iter();
    entries.map(|e| (e.key.clone().unwrap_or_default(), e.value.clone().unwrap_or_default())).collect()
}

fn is_own_domain(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

fn supported_opset(model: &ModelProto) -> Result<i64, ImportError> {
    let opset = opset(model).ok_or(ImportError::Missing("opset_import for ONNX's own operators"))?;
    if !OPSETS.contains(&opset) {
        return Err(ImportError::UnsupportedOpset { opset, least: *OPSETS.start(), most: *OPSETS.end() });
    }
    Ok(opset)
}

fn read(proto: &GraphProto, opset: i64, options: &ImportOptions) -> Result<Reading, ImportError> {
    if proto.node.len() > MAX_NODES {
        return Err(ImportError::TooComplex { what: "nodes", limit: MAX_NODES as u64 });
    }
    let mut reading = Reading { drafts: Vec::new(), values: BTreeMap::new(), opset, batch: None };
    for tensor in &proto.initializer {
        let value = Constant::read(tensor).map_or_else(Value::Unreadable, |c| Value::Constant(Rc::new(c)));
        define(&mut reading, tensor.name.as_deref().unwrap_or_default(), value)?;
    }
    inputs::read(proto, options, &mut reading)?;
    for node in &proto.node {
        read_node(node, &mut reading)?;
    }
    Ok(reading)
}

fn define(reading: &mut Reading, name: &str, value: Value) -> Result<(), ImportError> {
    match reading.values.insert(name.to_owned(), value) {
        Some(_) => Err(ImportError::DuplicateValue(name.to_owned())),
        None => Ok(()),
    }
}

fn read_node(node: &NodeProto, reading: &mut Reading) -> Result<(), ImportError> {
    let op_type = node.op_type.clone().unwrap_or_default();
    let own = is_own_domain(node.domain.as_deref());
    let Some(read) = op::reader(&op_type).filter(|_| own) else {
        let prefix = node.domain.as_deref().filter(|_| !own).map(|d| format!("{d}.")).unwrap_or_default();
        return Err(ImportError::UnsupportedOperator { node: node_name(node), op_type: prefix + &op_type });
    };
    let mut site = Site::new(reading, node);
    let value = read(&mut site)?;
    site.check_attributes()?;
    let others = site.others();
    // Outputs that the reader did not give are not known to any later node, so that only a use of them is an error.
    let names = node.output.iter().map(String::as_str).chain(node.output.is_empty().then_some(""));
    for (name, value) in names.zip(std::iter::once(value).chain(others)) {
        define(reading, name, value)?;
    }
    Ok(())
}

/// The drafts that are the outputs.
fn outputs(proto: &GraphProto, reading: &Reading) -> Result<Vec<usize>, ImportError> {
    let draft = |name: &str| match reading.values.get(name) {
        Some(Value::Feature(draft)) => Ok(*draft),
        Some(_) => Err(ImportError::Malformed(format!("output `{name}` does not depend on the input"))),
        None => Err(ImportError::UnknownValue { node: "output".to_owned(), value: name.to_owned() }),
    };
    proto.output.iter().map(|info| draft(info.name.as_deref().unwrap_or_default())).collect()
}
