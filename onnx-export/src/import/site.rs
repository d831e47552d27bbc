//! What one ONNX node is read through: its tensors, its attributes, and the drafts that it adds.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use edgefit_graph::op::Op;
use edgefit_graph::{Role, Shape, Tensor};
use rten_onnx::onnx::{AttributeProto, AttributeType, NodeProto, TensorProto};

use super::ImportError;
use super::constant::Constant;
use super::draft::{Draft, Kind};
use super::value::{Dims, Value};

/// Everything read so far.
pub(super) struct Reading {
    pub(super) drafts: Vec<Draft>,
    pub(super) values: BTreeMap<String, Value>,
    pub(super) opset: i64,
    /// The batch, when the file fixes it.
    pub(super) batch: Option<i64>,
}

/// One node of the file.
pub(super) struct Site<'a> {
    pub(super) reading: &'a mut Reading,
    node: &'a NodeProto,
    /// Attributes that were asked for.
    known: RefCell<BTreeSet<&'static str>>,
    /// Its outputs behind the first.
    others: Vec<Value>,
}

type Result<T> = std::result::Result<T, ImportError>;

impl<'a> Site<'a> {
    pub(super) fn new(reading: &'a mut Reading, node: &'a NodeProto) -> Self {
        Self { reading, node, known: RefCell::default(), others: Vec::new() }
    }

    /// Name of the node, or of its first output.
    pub(super) fn name(&self) -> String {
        node_name(self.node)
    }

    pub(super) fn op_type(&self) -> &str {
        self.node.op_type.as_deref().unwrap_or_default()
    }

    pub(super) fn opset(&self) -> i64 {
        self.reading.opset
    }

    /// A form of the operator that is not supported.
    pub(super) fn unsupported(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Unsupported { node: self.name(), op_type: self.op_type().to_owned(), reason: reason.into() }
    }

    /// Shapes that do not fit.
    pub(super) fn bad_shape(&self, reason: impl Into<String>) -> ImportError {
        ImportError::BadShape { node: self.name(), op_type: self.op_type().to_owned(), reason: reason.into() }
    }

    /// Number of inputs, absent optional ones at the end not counted.
    pub(super) fn input_count(&self) -> usize {
        self.node.input.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1)
    }

    /// Number of outputs.
    pub(super) fn output_count(&self) -> usize {
        self.node.output.len()
    }

    /// Says what the outputs behind the first are.
    pub(super) fn leave(&mut self, others: Vec<Value>) {
        self.others = others;
    }

    /// What the outputs behind the first are, as far as that was said.
    pub(super) fn others(self) -> Vec<Value> {
        self.others
    }

    /// An optional input.
    pub(super) fn optional(&self, position: usize) -> Result<Option<&Value>> {
        let Some(name) = self.node.input.get(position).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        match self.reading.values.get(name) {
            Some(Value::Unreadable(error)) => Err(error.clone()),
            Some(value) => Ok(Some(value)),
            None => Err(ImportError::UnknownValue { node: self.name(), value: name.clone() }),
        }
    }

    /// An input.
    pub(super) fn value(&self, position: usize) -> Result<&Value> {
        let missing = || self.bad_shape(format!("input {position} is missing"));
        self.optional(position)?.ok_or_else(missing)
    }

    /// An input that is computed: its draft.
    pub(super) fn feature(&self, position: usize) -> Result<usize> {
        match self.value(position)? {
            Value::Feature(draft) => Ok(*draft),
            _ => Err(self.unsupported(format!("input {position} is a constant"))),
        }
    }

    /// An input that is a constant of floats.
    pub(super) fn floats(&self, position: usize) -> Result<Rc<Constant>> {
        match self.value(position)? {
            Value::Constant(constant) if constant.floats().is_some() => Ok(Rc::clone(constant)),
            _ => Err(self.unsupported(format!("input {position} is not a constant of floats"))),
        }
    }

    /// An input that is a constant of floats, as a parameter of a graph.
    pub(super) fn tensor(&self, position: usize) -> Result<Tensor> {
        Ok(self.floats(position)?.tensor().expect("it holds floats"))
    }

    /// As [`Site::tensor`], or `None` when there is no such input.
    pub(super) fn optional_tensor(&self, position: usize) -> Result<Option<Tensor>> {
        Ok(match self.optional(position)? {
            Some(_) => Some(self.tensor(position)?),
            None => None,
        })
    }

    /// An input that is one constant float, or `None` when there is no such input.
    pub(super) fn optional_float(&self, position: usize) -> Result<Option<f32>> {
        let Some(tensor) = self.optional_tensor(position)? else { return Ok(None) };
        match tensor.data.as_slice() {
            [one] => Ok(Some(*one)),
            _ => Err(self.bad_shape(format!("input {position} is not one number"))),
        }
    }

    /// An input that lists dimensions, axes or positions.
    pub(super) fn dims(&self, position: usize) -> Result<Dims> {
        let dims = match self.value(position)? {
            Value::Dims(dims) => Some(dims.clone()),
            Value::Constant(constant) => Dims::of(constant),
            _ => None,
        };
        dims.ok_or_else(|| self.unsupported(format!("input {position} is not a known list of integers")))
    }

    /// An input of known integers, or `None` when there is no such input.
    pub(super) fn optional_ints(&self, position: usize) -> Result<Option<Vec<i64>>> {
        if self.optional(position)?.is_none() {
            return Ok(None);
        }
        let known = self.dims(position)?.known();
        known.map(Some).ok_or_else(|| self.unsupported(format!("input {position} depends on the batch")))
    }

    /// As [`Site::optional_ints`], of sizes.
    pub(super) fn optional_sizes(&self, position: usize) -> Result<Option<Vec<usize>>> {
        let Some(ints) = self.optional_ints(position)? else { return Ok(None) };
        let size = |&i: &i64| usize::try_from(i).map_err(|_| self.unsupported(format!("input {position} has {i}")));
        ints.iter().map(size).collect::<Result<Vec<usize>>>().map(Some)
    }

    /// Per-sample shape of a draft.
    pub(super) fn shape(&self, draft: usize) -> &Shape {
        &self.reading.drafts[draft].shape
    }

    /// Adds an operator of the graph under the node's name.
    pub(super) fn op(&mut self, op: Op, inputs: &[usize], params: Vec<(Role, Tensor)>) -> Result<Value> {
        let name = self.name();
        self.named_op(name, op, inputs, params)
    }

    /// Adds a step that another operator of the same node takes, as `node/part`.
    pub(super) fn part(&mut self, part: &str, op: Op, input: usize) -> Result<usize> {
        let name = format!("{}/{part}", self.name());
        self.named_op(name, op, &[input], Vec::new())?;
        Ok(self.reading.drafts.len() - 1)
    }

    /// Adds the operator that gives an output of several, as `node/0` and so on.
    pub(super) fn numbered(&mut self, output: usize, op: Op, input: usize) -> Result<Value> {
        let name = format!("{}/{output}", self.name());
        self.named_op(name, op, &[input], Vec::new())
    }

    fn named_op(&mut self, name: String, op: Op, inputs: &[usize], params: Vec<(Role, Tensor)>) -> Result<Value> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = op.output_shape(&shapes).map_err(|reason| self.bad_shape(reason))?;
        if let Some(defect) = shape.defect() {
            return Err(self.bad_shape(format!("its output {defect}")));
        }
        let needed = op.params(&shapes);
        let fits = needed.len() == params.len()
            && needed
                .iter()
                .zip(&params)
                .all(|(spec, (role, tensor))| spec.role == *role && spec.shape == tensor.shape);
        if !fits {
            return Err(self.bad_shape(misfit(&needed, &params)));
        }
        Ok(self.draft(name, Kind::Op(op), inputs.to_vec(), shape, params))
    }

    /// Adds a piece of an operator; its output has the shape of its input.
    pub(super) fn piece(&mut self, kind: Kind, input: usize) -> Value {
        let shape = self.shape(input).clone();
        let name = self.name();
        self.draft(name, kind, vec![input], shape, Vec::new())
    }

    fn draft(
        &mut self,
        name: String,
        kind: Kind,
        inputs: Vec<usize>,
        shape: Shape,
        params: Vec<(Role, Tensor)>,
    ) -> Value {
        let op_type = self.op_type().to_owned();
        self.reading.drafts.push(Draft { name, op_type, kind, inputs, shape, params });
        Value::Feature(self.reading.drafts.len() - 1)
    }

    fn attribute(&self, name: &'static str, kinds: &[AttributeType]) -> Result<Option<&AttributeProto>> {
        self.known.borrow_mut().insert(name);
        let Some(attribute) = self.node.attribute.iter().find(|a| a.name.as_deref() == Some(name)) else {
            return Ok(None);
        };
        match attribute.r#type {
            Some(kind) if !kinds.contains(&kind) => Err(self.unsupported(format!("attribute {name} has another type"))),
            _ => Ok(Some(attribute)),
        }
    }

    /// An attribute of one integer.
    pub(super) fn int(&self, name: &'static str) -> Result<Option<i64>> {
        Ok(self.attribute(name, &[AttributeType::INT])?.map(|a| a.i.unwrap_or(0)))
    }

    /// An attribute of one float.
    pub(super) fn float(&self, name: &'static str) -> Result<Option<f32>> {
        Ok(self.attribute(name, &[AttributeType::FLOAT])?.map(|a| a.f.unwrap_or(0.0)))
    }

    /// An attribute of several integers.
    pub(super) fn ints(&self, name: &'static str) -> Result<Option<Vec<i64>>> {
        Ok(self.attribute(name, &[AttributeType::INTS])?.map(|a| a.ints.clone()))
    }

    /// An attribute of several floats.
    pub(super) fn float_list(&self, name: &'static str) -> Result<Option<Vec<f32>>> {
        Ok(self.attribute(name, &[AttributeType::FLOATS])?.map(|a| a.floats.clone()))
    }

    /// An attribute of several sizes, one an axis.
    pub(super) fn sizes(&self, name: &'static str) -> Result<Option<Vec<usize>>> {
        let Some(ints) = self.ints(name)? else { return Ok(None) };
        let size = |&i: &i64| usize::try_from(i).map_err(|_| self.unsupported(format!("attribute {name} has {i}")));
        ints.iter().map(size).collect::<Result<Vec<usize>>>().map(Some)
    }

    /// An attribute of text.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>> {
        Ok(self.attribute(name, &[AttributeType::STRING])?.map(|a| a.s.as_deref().unwrap_or_default()))
    }

    /// An attribute of a constant.
    pub(super) fn tensor_attribute(&self, name: &'static str) -> Result<Option<&TensorProto>> {
        Ok(self.attribute(name, &[AttributeType::TENSOR])?.and_then(|a| a.t.as_ref()))
    }

    /// Attributes that do not change what inference yields.
    pub(super) fn ignore(&self, names: &[&'static str]) {
        self.known.borrow_mut().extend(names);
    }

    /// An attribute that was not asked for is a form that is not supported.
    pub(super) fn check_attributes(&self) -> Result<()> {
        let known = self.known.borrow();
        let names = self.node.attribute.iter().map(|a| a.name.as_deref().unwrap_or_default());
        match names.into_iter().find(|name| !known.contains(name)) {
            Some(name) => Err(self.unsupported(format!("attribute {name} is not understood"))),
            None => Ok(()),
        }
    }

    /// An axis of `[batch, shape...]`, counted from the end when negative.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
        let found = from_start.and_then(|a| usize::try_from(a).ok()).filter(|&a| a < rank);
        found.ok_or_else(|| self.bad_shape(format!("axis {axis} is not one of {rank}")))
    }

    /// An axis of a computed tensor, as an axis of one sample.
    pub(super) fn sample_axis(&self, axis: i64, draft: usize) -> Result<usize> {
        let axis = self.axis(axis, self.shape(draft).rank() + 1)?;
        axis.checked_sub(1).ok_or_else(|| self.unsupported("works along the batch"))
    }
}

fn misfit(needed: &[edgefit_graph::ParamSpec], given: &[(Role, Tensor)]) -> String {
    let needed: Vec<String> = needed.iter().map(|spec| format!("{} {}", spec.role, spec.shape)).collect();
    let given: Vec<String> = given.iter().map(|(role, tensor)| format!("{role} {}", tensor.shape)).collect();
    format!("needs {} and has {}", needed.join(", "), given.join(", "))
}

/// Name of a node, or of its first output when it has none.
pub(super) fn node_name(node: &NodeProto) -> String {
    let named = node.name.clone().filter(|name| !name.is_empty());
    named.or_else(|| node.output.first().cloned()).unwrap_or_default()
}
