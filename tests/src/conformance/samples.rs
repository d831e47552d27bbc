//! Runs a case where one sample is run at a time: in the trainer, on burn, and in plain loops.

use edgefit_graph::testing;
use edgefit_graph::{Shape, Tensor};
use edgefit_train::Operations;

use super::cases::Case;

/// The outputs of the case in burn, as training computes them or by burn's own operations.
pub(super) fn in_burn(case: &Case, operations: Operations) -> Result<Vec<Tensor>, String> {
    let run = |inputs: &[Tensor]| edgefit_train::run(&case.graph, &case.weights, inputs, operations);
    each(case, |inputs| run(inputs).map_err(|error| format!("burn: {error}")))
}

/// The outputs of the case in plain loops of 64-bit floats.
pub(super) fn in_plain_loops(case: &Case) -> Result<Vec<Tensor>, String> {
    each(case, |inputs| testing::run(&case.graph, &case.weights, inputs))
}

/// Runs sample after sample and puts their outputs together.
fn each(case: &Case, run: impl Fn(&[Tensor]) -> Result<Vec<Tensor>, String>) -> Result<Vec<Tensor>, String> {
    let inputs_of = |sample| case.inputs.iter().map(|input| part(input, sample)).collect::<Vec<_>>();
    let samples: Vec<Vec<Tensor>> =
        (0..case.batch()).map(|sample| run(&inputs_of(sample))).collect::<Result<_, _>>()?;
    Ok((0..case.graph.outputs().len()).map(|output| joined(samples.iter().map(|sample| &sample[output]))).collect())
}

fn part(input: &Tensor, sample: usize) -> Tensor {
    let shape = Shape::from(input.shape.spatial());
    let size = shape.elements() as usize;
    Tensor { shape, data: input.data[sample * size..(sample + 1) * size].to_vec() }
}

fn joined<'a>(samples: impl Iterator<Item = &'a Tensor>) -> Tensor {
    let samples: Vec<_> = samples.collect();
    let mut dims = vec![samples.len()];
    dims.extend(samples[0].shape.dims());
    Tensor { shape: Shape::new(dims), data: samples.iter().flat_map(|sample| &sample.data).copied().collect() }
}
