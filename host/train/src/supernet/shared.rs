//! The shared weights: one tensor for each place, kind and role, of which a network takes a part.

use std::collections::BTreeMap;
use std::ops::Range;

use edgefit_graph::{Graph, Node, NodeId, Op, ParamId, Role, Shape, Tensor, Weights};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::TrainError;
use crate::kernel::update::{AdamStep, SgdStep, adam, sgd};
use crate::network::normal;
use crate::optimizer::{BETAS, MOMENTUM};
use crate::recipe::{Optimizer, Recipe};

/// The first axis of a kernel's taps in `[out, in, taps...]`.
const FIRST_TAP: usize = 2;

/// Node, kind of operation, role.
type Key = (String, &'static str, Role);

/// The weights of all networks.
pub(super) struct Shared {
    tensors: BTreeMap<Key, Entry>,
    steps: i32,
}

/// One tensor, as large as the largest part of it.
struct Entry {
    dims: Vec<usize>,
    values: Vec<f32>,
    /// What the optimizer remembers: the velocity, or the first and second moments.
    memory: [Vec<f32>; 2],
    gradient: Vec<f32>,
    /// Gradients that were added since the last step, for each number.
    added: Vec<u16>,
}

impl Shared {
    /// Weights for every network that has no place and no extent that these do not have.
    pub(super) fn covering(graphs: &[Graph], seed: u64) -> Self {
        let mut extents: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for graph in graphs {
            for (id, spec) in graph.params().filter(|(id, _)| id.role.is_trainable()) {
                let dims = extents.entry(key(graph, id)).or_insert_with(|| vec![1; spec.shape.rank()]);
                dims.iter_mut().zip(spec.shape.dims()).for_each(|(most, extent)| *most = (*most).max(*extent));
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn = extents.into_iter().map(|(key, dims)| {
            let entry = Entry::drawn(&key, dims, &mut rng);
            (key, entry)
        });
        Self { tensors: drawn.collect(), steps: 0 }
    }

    /// Number of weights.
    pub(super) fn parameters(&self) -> usize {
        self.tensors.values().map(|entry| entry.values.len()).sum()
    }

    /// Steps that were made.
    pub(super) fn steps(&self) -> i32 {
        self.steps
    }

    /// Weights and what the optimizer remembers, tensor by tensor.
    pub(super) fn blocks(&self) -> Vec<Vec<f32>> {
        let of = |entry: &Entry| [entry.values.clone(), entry.memory[0].clone(), entry.memory[1].clone()];
        self.tensors.values().flat_map(of).collect()
    }

    /// Goes on from blocks of the same networks.
    pub(super) fn restore(&mut self, steps: i32, blocks: Vec<Vec<f32>>) -> Result<(), TrainError> {
        let own = self.tensors.values_mut().flat_map(|entry| {
            let [first, second] = &mut entry.memory;
            [&mut entry.values, first, second]
        });
        let own: Vec<&mut Vec<f32>> = own.collect();
        let is_alike =
            own.len() == blocks.len() && own.iter().zip(&blocks).all(|(own, block)| own.len() == block.len());
        if !is_alike {
            return Err(TrainError::Paused("it is of another supernet"));
        }
        own.into_iter().zip(blocks).for_each(|(own, block)| *own = block);
        self.steps = steps;
        Ok(())
    }

    /// The weights of one network; running statistics are those of normal numbers.
    pub(super) fn gather(&self, graph: &Graph) -> Result<Weights, TrainError> {
        let mut weights = Weights::new();
        for (id, spec) in graph.params() {
            let tensor = match id.role {
                Role::RunningMean => Tensor::filled(spec.shape, 0.0),
                Role::RunningVariance => Tensor::filled(spec.shape, 1.0),
                _ => {
                    let entry = self.tensors.get(&key(graph, id)).filter(|entry| entry.holds(&spec.shape));
                    let entry = entry.ok_or_else(|| {
                        TrainError::node(
                            graph,
                            id.node,
                            "is not a part of the supernet's largest networks, so it has no weights there",
                        )
                    })?;
                    let data = entry.runs(&spec.shape).flat_map(|run| &entry.values[run]).copied().collect();
                    Tensor { shape: spec.shape, data }
                }
            };
            weights.insert(id, tensor);
        }
        Ok(weights)
    }

    /// Adds the gradients of a network that was gathered.
    pub(super) fn scatter(&mut self, graph: &Graph, gradients: &Weights) {
        for (id, tensor) in gradients.iter().filter(|(id, _)| id.role.is_trainable()) {
            let Some(entry) = self.tensors.get_mut(&key(graph, id)) else { continue };
            let positions = entry.runs(&tensor.shape).flatten();
            for (at, gradient) in positions.zip(&tensor.data) {
                entry.gradient[at] += gradient;
                entry.added[at] += 1;
            }
        }
    }

    /// Moves every weight that has a gradient against the mean of its gradients; false where those are no numbers.
    pub(super) fn step(&mut self, recipe: &Recipe, rate: f64) -> bool {
        let mut squares = 0.0;
        for entry in self.tensors.values_mut() {
            for (gradient, added) in entry.gradient.iter_mut().zip(&entry.added) {
                *gradient /= f32::from((*added).max(1));
                squares += f64::from(*gradient) * f64::from(*gradient);
            }
        }
        let norm = squares.sqrt();
        self.steps = self.steps.saturating_add(1);
        let clip = recipe.clip_norm.filter(|most| norm > *most).map_or(1.0, |most| most / norm) as f32;
        for ((_, _, role), entry) in &mut self.tensors {
            let decay = if role.is_decayed() { recipe.weight_decay } else { 0.0 };
            entry.step(recipe.optimizer, [rate as f32, decay as f32, clip], self.steps);
        }
        norm.is_finite()
    }
}

impl Entry {
    fn drawn(key: &Key, dims: Vec<usize>, rng: &mut ChaCha8Rng) -> Self {
        let count = dims.iter().product();
        let values: Vec<f32> = match key.2 {
            Role::Weight => {
                let (gain, fan_in) = match key.1 {
                    DENSE => (1.0, dims[0]),
                    _ => (2.0, dims[1..].iter().product()),
                };
                let deviation = (gain / fan_in as f64).sqrt();
                (0..count).map(|_| (deviation * normal(rng)) as f32).collect()
            }
            Role::Scale => vec![1.0; count],
            _ => vec![0.0; count],
        };
        let zeros = vec![0.0; count];
        Self { dims, values, memory: [zeros.clone(), zeros.clone()], gradient: zeros, added: vec![0; count] }
    }

    fn holds(&self, shape: &Shape) -> bool {
        let dims = shape.dims();
        dims.len() == self.dims.len() && dims.iter().zip(&self.dims).all(|(extent, most)| extent <= most)
    }

    /// Where the numbers of a part are, in its order: those of the leading channels and of the taps in the middle.
    fn runs(&self, shape: &Shape) -> impl Iterator<Item = Range<usize>> + use<> {
        let (part, all) = (shape.dims().to_vec(), self.dims.clone());
        // Behind the last axis that is shorter, everything lies together.
        let split = (0..part.len()).rev().find(|&axis| part[axis] < all[axis]).unwrap_or(0);
        let inner: usize = all[split + 1..].iter().product();
        let length = part[split] * inner;
        let offset = |axis: usize| if axis >= FIRST_TAP { (all[axis] - part[axis]) / 2 } else { 0 };
        let offsets: Vec<usize> = (0..part.len()).map(offset).collect();
        (0..part[..split].iter().product()).map(move |index: usize| {
            let (mut rest, mut stride) = (index, inner * all[split]);
            let mut start = offsets[split] * inner;
            for axis in (0..split).rev() {
                start += (rest % part[axis] + offsets[axis]) * stride;
                rest /= part[axis];
                stride *= all[axis];
            }
            start..start + length
        })
    }

    /// One step of the numbers that have a gradient, which is forgotten then.
    fn step(&mut self, optimizer: Optimizer, [rate, decay, clip]: [f32; 3], steps: i32) {
        let mut at = 0;
        for same in self.added.chunk_by(|a, b| a == b) {
            let run = at..at + same.len();
            at = run.end;
            if same[0] == 0 {
                continue;
            }
            let [first, second] = &mut self.memory;
            let (values, gradient) = (&mut self.values[run.clone()], &self.gradient[run.clone()]);
            match optimizer {
                Optimizer::Sgd => {
                    let step = SgdStep { rate, momentum: MOMENTUM as f32, decay, clip };
                    sgd(step, values, gradient, &mut first[run]);
                }
                Optimizer::Adamw => {
                    let betas = BETAS.map(|beta| beta as f32);
                    let corrections = BETAS.map(|beta| (1.0 / (1.0 - beta.powi(steps))) as f32);
                    let step = AdamStep { rate, betas, corrections, decay, clip };
                    adam(step, values, gradient, &mut first[run.clone()], &mut second[run]);
                }
            }
        }
        self.gradient.fill(0.0);
        self.added.fill(0);
    }
}

/// The kind of a dense layer.
const DENSE: &str = "dense";

fn key(graph: &Graph, id: ParamId) -> Key {
    let node = graph.node(id.node);
    (node.name.clone(), kind(graph, node), id.role)
}

/// What a node does; a batch norm is of the kind of what it follows, so that each has its own.
fn kind(graph: &Graph, node: &Node) -> &'static str {
    let input = |at: usize| -> Option<NodeId> { node.inputs.get(at).copied() };
    match &node.op {
        Op::Conv(conv) if conv.groups > 1 => "depthwise",
        Op::Conv(conv) if conv.window.kernel.iter().all(|extent| *extent == 1) => "pointwise",
        Op::Conv(_) => "spatial",
        Op::Dense(_) => DENSE,
        Op::BatchNorm(_) => input(0).map_or("norm", |id| match &graph.node(id).op {
            Op::Conv(_) => kind(graph, graph.node(id)),
            _ => "norm",
        }),
        other => other.name(),
    }
}
