//! One network means the same everywhere: in burn, in tract and in ONNX Runtime, and the onnx checker takes its file.
//!
//! The cases are each operator alone, in every form, and random graphs of them ([`cases`]). All cases that disagree are
//! told at once, each with its graph.

mod cases;
mod checker;
mod runtimes;
mod samples;
mod spaces;
mod tract_fault;

use std::fmt::Write;

use edgefit_agent::runtimes::Runtime;
use edgefit_graph::Tensor;
use edgefit_protocol::runtime::RuntimeName;
use edgefit_train::Operations;

use crate::harness::Outcome;
use crate::needs::python;

use cases::Case;

pub(crate) use spaces::{every_space_is_trained, tract_agrees_on_every_space};

/// Largest difference of two outputs, relative to outputs larger than one.
const TOLERANCE: f32 = 1e-4;

/// burn computes what plain loops compute, with the kernels of training and with its own operations.
pub(crate) fn burn_agrees_with_plain_loops() -> Outcome {
    agree(|case| {
        let expected = samples::in_plain_loops(case)?;
        difference(&expected, &samples::in_burn(case, Operations::Kernels)?)?;
        difference(&expected, &samples::in_burn(case, Operations::Burn)?)
    })
}

/// tract computes what burn computes, but for one known fault.
pub(crate) fn tract_agrees_with_burn() -> Outcome {
    let tract = edgefit_agent::runtimes::start(RuntimeName::Tract, None)?;
    assert!(tract_fault::is_there(tract.as_ref())?, "tract is right now: remove tests/src/conformance/tract_fault.rs");
    agree(|case| match tract_fault::concerns(&case.graph) {
        true => Ok(()),
        false => agrees_with_burn(tract.as_ref(), case),
    })
}

/// ONNX Runtime computes what burn computes.
pub(crate) fn onnx_runtime_agrees_with_burn() -> Outcome {
    let library = python::onnx_runtime()?.to_string_lossy();
    let onnx_runtime = edgefit_agent::runtimes::start(RuntimeName::Ort, Some(&library))?;
    agree(|case| agrees_with_burn(onnx_runtime.as_ref(), case))
}

fn agrees_with_burn(runtime: &dyn Runtime, case: &Case) -> Result<(), String> {
    let expected = samples::in_burn(case, Operations::Kernels)?;
    difference(&expected, &runtimes::outputs(runtime, case)?)
}

/// An error that tells all cases for which `check` gives one.
fn agree(check: impl Fn(&Case) -> Result<(), String>) -> Outcome {
    let cases = cases::all();
    report(cases.iter().filter_map(|case| check(case).err().map(|reason| (case, reason))))
}

/// The onnx checker finds nothing in the files, with its shape inference on.
pub(crate) fn onnx_checker_accepts() -> Outcome {
    let cases = cases::all();
    let refused = checker::refused(&cases)?;
    report(refused.into_iter().map(|(index, reason)| (&cases[index], reason)))
}

/// An error where two lists of outputs differ by more than the tolerance.
fn difference(expected: &[Tensor], found: &[Tensor]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{} outputs where {} are expected", found.len(), expected.len()));
    }
    expected.iter().zip(found).enumerate().try_for_each(|(index, (expected, found))| {
        tensors_differ(expected, found).map_err(|reason| format!("output {index}: {reason}"))
    })
}

fn tensors_differ(expected: &Tensor, found: &Tensor) -> Result<(), String> {
    if expected.shape != found.shape {
        return Err(format!("shape {} where {} is expected", found.shape, expected.shape));
    }
    let values = expected.data.iter().zip(&found.data).enumerate();
    // A comparison with NaN is false, so `within` is asked for, not its opposite.
    let within = |a: f32, b: f32| (a - b).abs() <= TOLERANCE * a.abs().max(1.0);
    match values.into_iter().find(|(_, (a, b))| !within(**a, **b)) {
        None => Ok(()),
        Some((at, (a, b))) => Err(format!("element {at} is {b} where {a} is expected")),
    }
}

fn report<'a>(failures: impl Iterator<Item = (&'a Case, String)>) -> Outcome {
    let mut text = String::new();
    for (case, reason) in failures {
        writeln!(text, "{}: {reason}\n{}", case.name, case.graph)?;
    }
    match text.is_empty() {
        true => Ok(()),
        false => Err(text.into()),
    }
}
