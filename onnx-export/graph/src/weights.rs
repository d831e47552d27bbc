//! The numbers of a network, apart from its structure: which parameters each operator has, and a store for their values.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

/// What a parameter is to its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Kernel of a convolution (`[out, in / groups, kernel...]`) or matrix of a dense layer (`[in, out]`).
    Weight,
    /// Added to each output channel, `[out]`.
    Bias,
    /// Learned scale of a normalization, `[channels]`.
    Scale,
    /// Learned shift of a normalization, `[channels]`.
    Shift,
    /// Running mean of batch norm, `[channels]`; gathered in training, not learned by gradient.
    RunningMean,
    /// Running variance of batch norm (biased), `[channels]`; gathered in training, not learned by gradient.
    RunningVariance,
}

impl Role {
    /// Whether gradient descent moves it.
    pub fn is_trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }

    /// Whether weight decay applies: to kernels and matrices, never to biases and normalizations.
    pub fn is_decayed(self) -> bool {
        self == Self::Weight
    }

    /// Lower-case name, as used in files and viewers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Shift => "shift",
            Self::RunningMean => "running_mean",
            Self::RunningVariance => "running_variance",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A parameter that an operator needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// What it is to the operator.
    pub role: Role,
    /// Its shape (parameters have no batch).
    pub shape: Shape,
}

impl ParamSpec {
    pub(crate) fn new(role: Role, dims: impl Into<Vec<usize>>) -> Self {
        Self { role, shape: Shape::new(dims) }
    }
}

/// One parameter of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParamId {
    /// The node that owns it.
    pub node: NodeId,
    /// What it is to the node's operator.
    pub role: Role,
}

/// A dense tensor of 32-bit floats in row-major order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Its dimensions.
    pub shape: Shape,
    /// Its elements, `shape.elements()` of them.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of one value.
    pub fn filled(shape: Shape, value: f32) -> Self {
        let data = vec![value; shape.elements() as usize];
        Self { shape, data }
    }

    /// Whether the number of elements is what the shape says.
    pub fn is_consistent(&self) -> bool {
        self.data.len() as u64 == self.shape.elements()
    }
}

/// Values of a graph's parameters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Weights(BTreeMap<ParamId, Tensor>);

impl Weights {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one parameter and returns the value that it replaced.
    pub fn insert(&mut self, id: ParamId, tensor: Tensor) -> Option<Tensor> {
        self.0.insert(id, tensor)
    }

    /// The value of a node's parameter.
    pub fn get(&self, node: NodeId, role: Role) -> Option<&Tensor> {
        self.0.get(&ParamId { node, role })
    }

    /// All values, by node and role.
    pub fn iter(&self) -> impl Iterator<Item = (ParamId, &Tensor)> {
        self.0.iter().map(|(&id, tensor)| (id, tensor))
    }

    /// Number of parameters (tensors).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What keeps these values from belonging to `graph`: the first parameter that is missing or has another shape.
    pub fn mismatch(&self, graph: &Graph) -> Option<String> {
        graph.params().find_map(|(id, spec)| {
            let name = || format!("{}.{}", graph.node(id.node).name, spec.role);
            match self.get(id.node, spec.role) {
                None => Some(format!("{} has no value", name())),
                Some(t) if t.shape != spec.shape => {
                    Some(format!("{} has shape {} where {} is needed", name(), t.shape, spec.shape))
                }
                Some(t) if !t.is_consistent() => Some(format!("{} has the wrong number of elements", name())),
                Some(_) => None,
            }
        })
    }
}
