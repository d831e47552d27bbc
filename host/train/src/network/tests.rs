//! Kernels against burn's own operations and against the graph's definition, forward and backward.

use burn::tensor::{Device, Tensor, TensorData};
use edgefit_graph::testing::{every_operator, random_graph, random_tensor, random_weights, run as define};
use edgefit_graph::{Graph, Shape};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::value::{Layout, Value, padded};
use super::{Mode, Network, Operations, run};

const BOTH: [Operations; 2] = [Operations::Kernels, Operations::Burn];

fn choices(seed: u64) -> impl FnMut(usize) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move |n| rng.random_range(0..n)
}

fn networks() -> Vec<(String, Graph)> {
    let random = (0..60).map(|seed| (format!("random {seed}"), random_graph(&mut choices(seed))));
    every_operator().into_iter().map(|(name, graph)| (name.to_string(), graph)).chain(random).collect()
}

fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    let size = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance * size, "{what}[{i}]: {g} where {w} is right (largest {size})");
    }
}

#[test]
fn inference_is_as_the_graph_defines() {
    for (name, graph) in networks() {
        let mut choose = choices(7);
        let weights = random_weights(&graph, &mut choose);
        let inputs: Vec<_> = graph.inputs().map(|id| random_tensor(&graph.node(id).shape, &mut choose)).collect();
        let want = define(&graph, &weights, &inputs).unwrap();
        for operations in BOTH {
            let got = run(&graph, &weights, &inputs, operations).unwrap();
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got.shape, want.shape, "{name} {operations:?}");
                close(&format!("{name} {operations:?}"), &got.data, &want.data, 1e-4);
            }
        }
    }
}

fn batch(shape: &Shape, samples: usize, choose: &mut dyn FnMut(usize) -> usize, device: &Device) -> Value {
    let data: Vec<f32> = (0..samples).flat_map(|_| random_tensor(shape, choose).data).collect();
    let data = TensorData::new(data, padded(samples, shape.dims()).to_vec());
    Value::new(Tensor::from_data(data, device).autodiff(), shape, Layout::First)
}

/// Outputs, batch statistics and gradients of a training pass whose loss weighs the outputs at random.
fn pass(graph: &Graph, operations: Operations) -> Vec<(String, Vec<f32>)> {
    let device = Device::flex();
    let mut choose = choices(11);
    let weights = random_weights(graph, &mut choose);
    let network = Network::new(graph, &weights, operations, &device).unwrap();
    let shapes: Vec<Shape> = graph.inputs().map(|id| graph.node(id).shape.clone()).collect();
    let inputs: Vec<Value> = shapes.iter().map(|shape| batch(shape, 3, &mut choose, &device)).collect();
    let inputs: Vec<Tensor<6>> = inputs.into_iter().map(|v| v.tensor().require_grad()).collect();
    let tracked: Vec<Tensor<1>> = network.parameters.iter().map(|p| p.clone().autodiff().require_grad()).collect();
    let values = inputs.iter().zip(&shapes).map(|(t, shape)| Value::new(t.clone(), shape, Layout::First)).collect();
    let mut seen = Vec::new();
    let outputs = network.forward(values, &tracked, Mode::Train(&mut seen));
    let mut loss = Tensor::<1>::zeros([1], &device).autodiff();
    let mut results = Vec::new();
    for (i, output) in outputs.into_iter().enumerate() {
        let shape = output.shape().clone();
        let y = output.in_order();
        results.push((format!("output {i}"), y.to_data().try_to_vec().unwrap()));
        let factors = batch(&shape, 3, &mut choose, &device).tensor();
        loss = loss + (y * factors).sum();
    }
    for (i, seen) in seen.iter().enumerate().filter_map(|(i, s)| Some((i, s.as_ref()?))) {
        results.push((format!("statistics {i}"), seen.to_data().try_to_vec().unwrap()));
    }
    if !loss.is_tracked() {
        return results;
    }
    let gradients = loss.backward();
    let blocks = tracked.iter().map(|p| p.grad(&gradients).map(|g| g.into_data()));
    let inputs = inputs.iter().map(|x| x.grad(&gradients).map(|g| g.into_data()));
    for (i, gradient) in blocks.chain(inputs).enumerate() {
        let numbers = gradient.map_or_else(Vec::new, |g| g.try_to_vec().unwrap());
        results.push((format!("gradient {i}"), numbers));
    }
    results
}

#[test]
fn kernels_train_as_burn_does() {
    for (name, graph) in networks() {
        let (kernels, burn) = (pass(&graph, Operations::Kernels), pass(&graph, Operations::Burn));
        assert_eq!(kernels.len(), burn.len(), "{name}");
        for ((what, got), (_, want)) in kernels.iter().zip(&burn) {
            close(&format!("{name}: {what}"), got, want, 2e-3);
        }
    }
}
