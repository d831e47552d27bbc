//! The networks with weights and inputs on which all layers must agree.

use edgefit_graph::testing::{every_operator, random_graph, random_tensor, random_weights};
use edgefit_graph::{Graph, NodeId, Shape, Tensor, Weights};
use edgefit_onnx::{ExportOptions, export};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Random graphs, beside each operator alone.
const RANDOM_GRAPHS: u64 = 200;

/// Samples of a case: more than one, so that the batch is seen to be free, in every second case.
const BATCHES: [usize; 2] = [1, 3];

/// A network that can be run.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) graph: Graph,
    pub(super) weights: Weights,
    /// One for each input of the graph, with the batch as the first dimension.
    pub(super) inputs: Vec<Tensor>,
}

/// All cases, the same in every run.
pub(super) fn all() -> Vec<Case> {
    let alone = every_operator().into_iter().map(|(name, graph)| Case::of(&name, graph));
    let random = (0..RANDOM_GRAPHS).map(|seed| case(seed, format!("random graph {seed}"), random_graph));
    alone.chain(random).collect()
}

fn case(seed: u64, name: String, graph: impl FnOnce(&mut dyn FnMut(usize) -> usize) -> Graph) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut choose = |n: usize| random.random_range(0..n);
    let graph = graph(&mut choose);
    let weights = random_weights(&graph, &mut choose);
    let batch = BATCHES[choose(BATCHES.len())];
    let inputs = graph.inputs().map(|id| random_tensor(&batched(&graph, id, batch), &mut choose)).collect();
    Case { name, graph, weights, inputs }
}

/// The shape of a node's output for a batch of samples.
fn batched(graph: &Graph, id: NodeId, batch: usize) -> Shape {
    let mut dims = vec![batch];
    dims.extend(graph.node(id).shape.dims());
    Shape::new(dims)
}

impl Case {
    /// A case of this network, its values the same in every run.
    pub(super) fn of(name: &str, graph: Graph) -> Self {
        case(0, name.to_owned(), |_| graph)
    }

    /// The number of samples in each input.
    pub(super) fn batch(&self) -> usize {
        self.inputs[0].shape.channels()
    }

    /// The names of the inputs in the ONNX file.
    pub(super) fn input_names(&self) -> Vec<String> {
        self.graph.inputs().map(|id| self.graph.node(id).name.clone()).collect()
    }

    /// The network as an ONNX file.
    pub(super) fn onnx(&self) -> Result<Vec<u8>, String> {
        let options = ExportOptions { input_names: self.input_names(), ..ExportOptions::default() };
        export(&self.graph, &self.weights, &options).map_err(|error| format!("export: {error}"))
    }
}
