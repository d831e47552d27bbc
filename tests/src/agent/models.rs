//! Two hundred damaged models to one agent: each runs or is an error that names what happened, and a model that is right still
//! computes what it did before.

use std::time::{Duration, Instant};

use edgefit::device::{Device, DeviceError, LocalOptions, OutputsRequest, RunOn, SampleOutputs, canary};
use edgefit_protocol::error::ErrorKind;
use edgefit_protocol::runtime::RuntimeName;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::Outcome;
use crate::needs::{program, python};

const MODELS: usize = 200;

/// Damaged models between two that are right.
const CHECK_EVERY: usize = 20;

/// Longest time of all models together.
const LIMIT: Duration = Duration::from_secs(60);

/// With tract.
pub(crate) fn damaged_models_do_no_harm() -> Outcome {
    check(&run_on(RuntimeName::Tract, None))
}

/// With ONNX Runtime.
pub(crate) fn damaged_models_do_no_harm_in_onnx_runtime() -> Outcome {
    check(&run_on(RuntimeName::Ort, Some(python::onnx_runtime()?.display().to_string())))
}

fn run_on(runtime: RuntimeName, library: Option<String>) -> RunOn {
    let mut run_on = RunOn { timeout_ns: 5_000_000_000, memory_limit_bytes: Some(4 << 30), ..RunOn::new(runtime) };
    run_on.settings.ort.library = library;
    run_on
}

fn check(run_on: &RunOn) -> Outcome {
    let executable = program::edgefit().map_err(|missing| missing.to_string())?.to_owned();
    let options = LocalOptions { executable: Some(executable), retries: 0, ..LocalOptions::default() };
    let mut device = Device::local(&options)?;
    let mut outputs =
        |model: &[u8]| device.outputs(model, &OutputsRequest { run_on: run_on.clone(), samples: None, seed: 1 });
    let whole = canary::model();
    let right: Vec<SampleOutputs> = outputs(&whole)?;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let begun = Instant::now();
    for round in 0..MODELS {
        match outputs(&damaged(&whole, &mut rng)) {
            Ok(said) => assert!(said.len() <= 1, "model {round} has {} samples of outputs", said.len()),
            Err(DeviceError::Job { cause, .. }) => {
                assert_ne!(cause.kind, ErrorKind::Internal, "model {round}: {cause}");
            }
            Err(error) => return Err(format!("model {round}: {error}").into()),
        }
        if round % CHECK_EVERY == 0 {
            assert_eq!(outputs(&whole)?, right, "after model {round}, the right model computes something else");
        }
        assert!(begun.elapsed() < LIMIT, "{round} models took more than {LIMIT:?}");
    }
    assert_eq!(outputs(&whole)?, right);
    Ok(())
}

/// A few bytes changed; every fourth is also cut.
fn damaged(whole: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut model = whole.to_vec();
    // The weights are most of the file, and any number is a weight: the structure is in the rest.
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..model.len());
        model[at] = rng.random_range(0..=255);
        let near_the_start = rng.random_range(0..model.len().min(600));
        model[near_the_start] = rng.random_range(0..=255);
    }
    if rng.random_range(0..4) == 0 {
        model.truncate(rng.random_range(0..model.len()));
    }
    model
}
