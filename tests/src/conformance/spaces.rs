//! Networks of every search space: tract computes what burn computes and says the same shapes, and a step of training moves
//! the weights.

use std::ops::ControlFlow;

use edgefit_graph::{Graph, Op, Role, Shape};
use edgefit_protocol::runtime::RuntimeName;
use edgefit_search::{Space, SpaceSettings, Task, draw, space};
use edgefit_train::data::{Dataset, Normalization, Numbers, SampleShape, Samples, Values};
use edgefit_train::{Operations, Optimizer, Recipe, initial_weights, train};

use crate::harness::Outcome;

use super::cases::Case;
use super::{difference, runtimes, samples, tract_fault};

/// Images, one of odd sides, and a series.
const INPUTS: [&[usize]; 4] = [&[1, 8, 8], &[3, 32, 32], &[1, 15, 21], &[2, 150]];

/// Networks that are drawn of each space for each input, beside the smallest.
const DRAWN: u64 = 3;

const CLASSES: usize = 3;

/// The space that users begin their own with.
const OWN: &str = include_str!("../../../host/examples/spaces/my-space.toml");

/// Samples of the step of training.
const SAMPLES: usize = 8;

/// Least share of the trained tensors that a step moves; units that no sample reaches keep theirs.
const LEAST_MOVED: f64 = 0.8;

/// tract gives what burn gives for networks of every space.
pub(crate) fn tract_agrees_on_every_space() -> Outcome {
    let tract = edgefit_agent::runtimes::start(RuntimeName::Tract, None)?;
    let mut failures = String::new();
    for (name, graph) in networks()? {
        if tract_fault::concerns(&graph) {
            failures += &format!("{name}: is of a kind that tract gets wrong\n");
            continue;
        }
        let mut case = Case::of(&name, graph);
        case.weights = initial_weights(&case.graph, 1);
        let expected = samples::in_burn(&case, Operations::Kernels)?;
        let found = runtimes::outputs(tract.as_ref(), &case).and_then(|found| difference(&expected, &found));
        if let Err(reason) = found {
            failures += &format!("{name}: {reason}\n");
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.into()) }
}

/// A step of gradient descent moves the weights of networks of every space, and leaves them finite.
pub(crate) fn every_space_is_trained() -> Outcome {
    for (name, graph) in networks()?.into_iter().filter(|(_, graph)| takes_images(graph) && is_connected(graph)) {
        let before = initial_weights(&graph, 1);
        let recipe = Recipe {
            epochs: 1,
            batch: SAMPLES,
            optimizer: Optimizer::Sgd,
            weight_decay: 0.0,
            warmup: 0.0,
            ..Recipe::default()
        };
        let outcome = train(&graph, &noise(&graph), &recipe, 1, &mut |_| ControlFlow::Continue(()))
            .map_err(|error| format!("{name}: {error}"))?;
        let trained: Vec<_> = graph.params().filter(|(id, _)| is_kernel(id.role)).collect();
        let mut moved = 0;
        for (id, _) in &trained {
            let (Some(before), Some(after)) = (before.get(id.node, id.role), outcome.weights.get(id.node, id.role))
            else {
                return Err(format!("{name}: no {id:?}").into());
            };
            assert!(after.data.iter().all(|weight| weight.is_finite()), "{name}: {id:?} is not finite");
            moved += usize::from(before.data != after.data);
        }
        let share = moved as f64 / trained.len() as f64;
        assert!(share >= LEAST_MOVED, "{name}: {moved} of {} tensors moved\n{graph}", trained.len());
    }
    Ok(())
}

/// Data sets are of images.
fn takes_images(graph: &Graph) -> bool {
    graph.inputs().all(|id| graph.node(id).shape.rank() == 3)
}

/// A cell that gives zeros lets nothing before it learn.
fn is_connected(graph: &Graph) -> bool {
    !graph.nodes().iter().any(|node| matches!(node.op, Op::Zero(_)))
}

fn is_kernel(role: Role) -> bool {
    role == Role::Weight
}

/// Networks of every space for every input, each with a name.
fn networks() -> Result<Vec<(String, Graph)>, String> {
    let mut networks = Vec::new();
    let own = SpaceSettings::custom(toml::from_str(OWN).map_err(|error| error.to_string())?);
    for settings in space::names().map(SpaceSettings::preset).chain([own]) {
        for input in INPUTS {
            let task = Task { input: Shape::from(input), classes: CLASSES };
            let space = space::build(&settings, &task).map_err(|error| error.to_string())?;
            networks.extend(drawn(space.as_ref())?);
        }
    }
    Ok(networks)
}

fn drawn(space: &dyn Space) -> Result<Vec<(String, Graph)>, String> {
    let genotypes = (0..DRAWN).map(|number| space.sample(&mut draw::stream(number, 0)));
    let of = |genotype| {
        let graph = space.decode(&genotype).map_err(|error| error.to_string())?;
        Ok((format!("{} for {}", space.text(&genotype), space.task().input), graph))
    };
    std::iter::once(space.smallest()).chain(genotypes).map(of).collect()
}

/// Images of noise to train with, of the size that the network takes.
fn noise(graph: &Graph) -> Dataset {
    let input = graph.inputs().map(|id| graph.node(id).shape.clone()).next().unwrap_or_else(|| Shape::new([1, 1, 1]));
    let shape =
        SampleShape::Image { height: input.spatial()[0], width: input.spatial()[1], channels: input.channels() };
    let samples = |count: usize, seed: u64| {
        let mut rng = draw::stream(seed, 0);
        let mut byte = || rand::RngExt::random_range(&mut rng, 0..=u8::MAX);
        let bytes = (0..count * shape.size()).map(|_| byte()).collect();
        let labels = (0..count).map(|sample| (sample % CLASSES) as u32).collect();
        Samples { values: Values { shape, numbers: Numbers::Bytes(bytes) }, labels }
    };
    let channels = shape.channels();
    Dataset {
        classes: (0..CLASSES).map(|class| class.to_string()).collect(),
        train: samples(SAMPLES, 1),
        validation: samples(CLASSES, 2),
        test: samples(CLASSES, 3),
        normalization: Normalization { divisor: 255.0, mean: vec![0.5; channels], deviation: vec![0.3; channels] },
        preparation: None,
        validation_groups: None,
        test_groups: None,
    }
}
