//! The network as it is written: simplified, batch norm folded into what it follows, the input normalization put in front.
//!
//! Structure first, numbers second: [`Lowered::of`] needs no weights, so that a network which is not trained yet can be
//! looked at in the form in which it will run; [`Lowered::weights`] then computes the numbers of that form.

use std::collections::BTreeMap;

use edgefit_graph::op::{BatchNorm, Conv, Dense, Op};
use edgefit_graph::{Graph, GraphBuilder, GraphError, NodeId, Weights};

use super::ExportError;
use super::normalization::{Affine, InputNormalization};
use super::recipe::{Origin, Recipe};

/// Name of the node that normalizes the input, where one is needed.
const NORMALIZATION_NODE: &str = "normalize";

/// A network in the form in which it is written to ONNX, and how its weights come from those of the network it is made of.
#[derive(Debug, Clone)]
pub struct Lowered {
    graph: Graph,
    recipes: Vec<Recipe>,
}

impl Lowered {
    /// Lowers a network: identities and dead nodes go, batch norm is folded into a preceding convolution or dense layer that
    /// nothing else uses, the normalization is folded into a first convolution as far as that is exact.
    ///
    /// # Errors
    /// When the normalization does not fit the first input.
    pub fn of(graph: &Graph, normalization: Option<&InputNormalization>) -> Result<Self, ExportError> {
        let (simple, origins) = graph.simplified();
        let affine = normalization.map(|n| checked(n, &simple)).transpose()?;
        let plan = Plan::of(&simple, affine.as_ref());
        Ok(Lowering { simple: &simple, origins: &origins, plan }.run()?)
    }

    /// The structure that is written.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The weights of [`Lowered::graph`], computed in 64 bits from those of the network that was lowered.
    ///
    /// # Panics
    /// When `weights` are not those of the network that was lowered.
    pub fn weights(&self, weights: &Weights) -> Weights {
        let mut lowered = Weights::new();
        for ((id, node), recipe) in self.graph.iter().zip(&self.recipes) {
            recipe.fill(id, node, &self.graph, weights, &mut lowered);
        }
        lowered
    }
}

fn checked(normalization: &InputNormalization, graph: &Graph) -> Result<Affine, ExportError> {
    let first = graph.inputs().next().expect("a graph has an input");
    match normalization.defect(graph.node(first).shape.channels()) {
        Some(defect) => Err(ExportError::Normalization { input: graph.node(first).name.clone(), defect }),
        None => Ok(normalization.affine()),
    }
}

/// What becomes of the parts that are folded.
struct Plan {
    /// For each node, the node that takes its place: itself, or what a folded batch norm is folded into.
    becomes: Vec<NodeId>,
    /// The batch norms folded into a node, in order.
    norms: BTreeMap<NodeId, Vec<NodeId>>,
    /// What is done to the first input.
    normalization: Option<Normalization>,
}

/// The input normalization, split between a node in front and the convolution behind it.
struct Normalization {
    /// Folded into this convolution.
    folded: Option<(NodeId, Affine)>,
    /// A node of its own.
    explicit: Option<Affine>,
}

impl Plan {
    fn of(graph: &Graph, affine: Option<&Affine>) -> Self {
        let uses = graph.use_counts();
        let mut becomes: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
        let mut norms: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (id, node) in graph.iter() {
            let into = node.inputs.first().map(|source| (uses[source.index()], becomes[source.index()]));
            match (&node.op, into) {
                (Op::BatchNorm(_), Some((1, root))) if takes_batch_norm(graph, root) => {
                    norms.entry(root).or_default().push(id);
                    becomes.push(root);
                }
                _ => becomes.push(id),
            }
        }
        let normalization = affine.map(|affine| Normalization::of(graph, affine, &uses));
        Self { becomes, norms, normalization }
    }
}

/// A convolution's output channels are the batch norm's; a dense layer's are so only for a feature vector.
fn takes_batch_norm(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    matches!(node.op, Op::Conv(_)) || (matches!(node.op, Op::Dense(_)) && node.shape.rank() == 1)
}

impl Normalization {
    /// The scale goes into a first convolution exactly, since a zero of its padding stays one. The shift does only without
    /// padding; otherwise it stays in front, in units of the raw input.
    fn of(graph: &Graph, affine: &Affine, uses: &[usize]) -> Self {
        let Some((conv, is_padded)) = sole_convolution(graph, uses) else {
            return Self { folded: None, explicit: Some(affine.clone()) };
        };
        if affine.is_shiftless() || !is_padded {
            return Self { folded: Some((conv, affine.clone())), explicit: None };
        }
        let channels = affine.scale.len();
        let scaling = Affine { scale: affine.scale.clone(), shift: vec![0.0; channels] };
        let shifting = Affine { scale: vec![1.0; channels], shift: affine.shift_before_scale() };
        Self { folded: Some((conv, scaling)), explicit: Some(shifting) }
    }
}

/// The convolution that alone takes the first input, and whether it pads.
fn sole_convolution(graph: &Graph, uses: &[usize]) -> Option<(NodeId, bool)> {
    let input = graph.inputs().next()?;
    let (id, node) = graph.iter().find(|(_, node)| node.inputs.contains(&input))?;
    match &node.op {
        Op::Conv(conv) if uses[input.index()] == 1 => Some((id, pads(conv))),
        _ => None,
    }
}

fn pads(conv: &Conv) -> bool {
    conv.window.padding_begin.iter().chain(&conv.window.padding_end).any(|&p| p > 0)
}

struct Lowering<'a> {
    simple: &'a Graph,
    origins: &'a [NodeId],
    plan: Plan,
}

impl Lowering<'_> {
    fn run(&self) -> Result<Lowered, GraphError> {
        let mut builder = GraphBuilder::new();
        let mut recipes = Vec::new();
        let mut new_ids: Vec<Option<NodeId>> = vec![None; self.simple.nodes().len()];
        let kept = self.simple.iter().filter(|(id, _)| self.plan.becomes[id.index()] == *id);
        for (id, node) in kept {
            let inputs: Vec<NodeId> = node.inputs.iter().map(|&i| self.replaced(i, &new_ids)).collect();
            let mut new_id = builder.add(node.name.clone(), self.op(id, &node.op), &inputs)?;
            recipes.push(self.recipe(id));
            if let Some(affine) = self.explicit_normalization(id) {
                new_id = builder.add(self.normalization_name(), affine_op(), &[new_id])?;
                recipes.push(Recipe::new(Origin::Affine(affine.clone())));
            }
            new_ids[id.index()] = Some(new_id);
        }
        let outputs: Vec<NodeId> = self.simple.outputs().iter().map(|&i| self.replaced(i, &new_ids)).collect();
        Ok(Lowered { graph: builder.finish(&outputs)?, recipes })
    }

    fn replaced(&self, id: NodeId, new_ids: &[Option<NodeId>]) -> NodeId {
        new_ids[self.plan.becomes[id.index()].index()].expect("what a node takes comes before it")
    }

    /// The operator, with a bias where something folded into it needs one.
    fn op(&self, id: NodeId, op: &Op) -> Op {
        let shifts = self.folded_normalization(id).is_some_and(|affine| !affine.is_shiftless());
        if !shifts && !self.plan.norms.contains_key(&id) {
            return op.clone();
        }
        match op {
            Op::Conv(conv) => Op::Conv(Conv { bias: true, ..conv.clone() }),
            Op::Dense(dense) => Op::Dense(Dense { bias: true, ..dense.clone() }),
            other => other.clone(),
        }
    }

    fn recipe(&self, id: NodeId) -> Recipe {
        let norms = self.plan.norms.get(&id).into_iter().flatten();
        let norm = |&norm: &NodeId| match &self.simple.node(norm).op {
            Op::BatchNorm(op) => (self.origins[norm.index()], op.clone()),
            other => unreachable!("only batch norms are folded, not {}", other.name()),
        };
        Recipe {
            origin: Origin::Node(self.origins[id.index()]),
            normalization: self.folded_normalization(id).cloned(),
            norms: norms.map(norm).collect(),
        }
    }

    fn folded_normalization(&self, id: NodeId) -> Option<&Affine> {
        let folded = self.plan.normalization.as_ref()?.folded.as_ref();
        folded.filter(|(conv, _)| *conv == id).map(|(_, affine)| affine)
    }

    fn explicit_normalization(&self, id: NodeId) -> Option<&Affine> {
        let explicit = self.plan.normalization.as_ref()?.explicit.as_ref();
        explicit.filter(|_| self.simple.inputs().next() == Some(id))
    }

    fn normalization_name(&self) -> String {
        let mut name = NORMALIZATION_NODE.to_owned();
        while self.simple.nodes().iter().any(|node| node.name == name) {
            name.push('_');
        }
        name
    }
}

/// A batch norm without epsilon: what remains of it is a scale and a shift of each channel.
fn affine_op() -> Op {
    Op::BatchNorm(BatchNorm { epsilon_millionths: 0 })
}
