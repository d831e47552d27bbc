//! Tests of writing and reading together, against the reference of `edgefit_graph::testing`.

pub(crate) mod foreign;
mod hostile;
mod lowering;
mod refusals;
mod round_trip;
mod written;

use edgefit_graph::testing::{random_tensor, run};
use edgefit_graph::{Graph, Tensor, Weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Random choices for networks and weights.
fn choices(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    move |n| random.random_range(0..n)
}

/// Checks that two networks yield the same on random inputs.
#[track_caller]
fn assert_same_function(what: &str, one: (&Graph, &Weights), other: (&Graph, &Weights)) {
    let mut choose = choices(1);
    let inputs: Vec<Tensor> = one.0.inputs().map(|id| random_tensor(&one.0.node(id).shape, &mut choose)).collect();
    let expected = run(one.0, one.1, &inputs).unwrap();
    let found = run(other.0, other.1, &inputs).unwrap();
    assert_close(what, &expected, &found);
}

/// Checks that two lists of tensors are equal up to the rounding of 32-bit weights.
#[track_caller]
fn assert_close(what: &str, expected: &[Tensor], found: &[Tensor]) {
    assert_eq!(expected.len(), found.len(), "{what}: number of outputs");
    for (expected, found) in expected.iter().zip(found) {
        assert_eq!(expected.shape, found.shape, "{what}");
        let largest = expected.data.iter().fold(1f32, |most, x| most.max(x.abs()));
        for (e, f) in expected.data.iter().zip(&found.data) {
            assert!((e - f).abs() <= 2e-5 * largest, "{what}: {f} where {e} was expected");
        }
    }
}
