//! Going on with a network of a run: trained to the end, and exported in floats and in 8 bits.

use std::process::Command;

use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::python;
use crate::{process, repository};

use super::scene::{LIMIT, Scene, TINY, code, expect};

/// A candidate that was no finalist is trained, and its file is what `export` then writes.
pub(crate) fn a_trial_is_trained_and_exported() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&[])?, code::DONE, &[])?;
    let number = (0..6).find(|n| !scene.path(format!("run/finalists/trial-{n}.onnx")).exists());
    let number = number.ok_or("every trial was a finalist")?.to_string();
    let export = ["export", "run", "--trial", &number, "--out", "model.onnx"];
    expect(&scene.run(&export)?, code::USAGE, &["edgefit train run --trial"])?;
    let ended = scene.run(&["train", "run", "--trial", &number, "--epochs", "4", "--json"])?;
    expect(&ended, code::DONE, &["epoch 4/4"])?;
    let trained: Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!(trained["epochs"].as_array().map(Vec::len), Some(4), "{trained:#}");
    for share in ["accuracy", "balanced_accuracy", "macro_f1", "top_3_accuracy", "worst_class_accuracy"] {
        assert!(trained[share].as_f64().is_some_and(|x| (0.0..=1.0).contains(&x)), "{share}: {trained:#}");
    }
    assert!(trained["top_3_accuracy"].as_f64() >= trained["accuracy"].as_f64(), "{trained:#}");
    expect(&scene.run(&export)?, code::DONE, &[])?;
    let same = std::fs::read(scene.path("model.onnx"))?
        == std::fs::read(scene.path(format!("run/trained/trial-{number}.onnx")))?;
    assert!(same, "the exported file is not the trained one");
    expect(&scene.run(&["export", "run", "--trial", "99", "--out", "x.onnx"])?, code::USAGE, &["no trial 99"])?;
    expect(&scene.run(&["train", "nowhere"])?, code::USAGE, &["nowhere", "no run"])
}

/// The winner in 8 bits is a correct file, has integers in it, and classifies the test samples about as well as its floats.
pub(crate) fn eight_bits_classify_as_well() -> Outcome {
    let scene = Scene::new(&TINY.replace("limit = 300", "limit = 900").replace("epochs = 2", "epochs = 6"))?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &[])?;
    let mut edgefit = scene.edgefit(&["export", "run", "--out", "int8.onnx", "--int8", "--json"])?;
    edgefit.env("ORT_DYLIB_PATH", python::onnx_runtime()?);
    let ended = process::finish(&mut edgefit, LIMIT)?;
    expect(&ended, code::DONE, &[])?;
    let exported: Value = serde_json::from_str(&ended.stdout)?;
    let figure = |model: &str, name: &str| exported["check"][model][name].as_f64().ok_or(format!("{exported:#}"));
    let (float, int8) = (figure("float", "accuracy")?, figure("int8", "accuracy")?);
    assert!(float > 0.5, "the floats reach only {float}");
    assert!((float - int8).abs() <= 0.03, "floats reach {float}, 8 bits {int8}");
    assert!(figure("int8", "latency_ms")? > 0.0);
    let script = repository::root().join("tests/python/check_int8.py");
    let printed = process::succeed(Command::new(python::interpreter()?).arg(script).arg(scene.path("int8.onnx")))?;
    let found: Value = serde_json::from_str(&printed)?;
    assert!(found["int8_weights"].as_u64() >= Some(3) && found["float_weights"] == 0, "{found}");
    Ok(())
}
