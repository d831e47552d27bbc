//! `edgefit compare`: models side by side, with intervals, accuracies and scores.

use edgefit::device::canary;
use edgefit_graph::op::{Dense, Flatten, Op};
use edgefit_graph::testing::random_weights;
use edgefit_graph::{Graph, GraphBuilder, GraphError, Shape};
use edgefit_onnx::{ExportOptions, export};
use serde_json::Value;

use crate::harness::Outcome;

use super::bench::{json, number};
use super::scene::{Scene, code, expect};

const SHORT: [&str; 6] = ["--min-secs", "0.05", "--max-secs", "1", "--processes", "3"];

/// A linear classifier of digits with weights that nobody trained.
fn classifier(classes: usize, seed: usize) -> Result<Vec<u8>, String> {
    let graph = classifier_graph(classes).map_err(|error| error.to_string())?;
    let mut state = seed;
    let mut choose = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    export(&graph, &random_weights(&graph, &mut choose), &ExportOptions::default()).map_err(|error| error.to_string())
}

fn classifier_graph(classes: usize) -> Result<Graph, GraphError> {
    let mut builder = GraphBuilder::new();
    let image = builder.input("image", Shape::new([1, 8, 8]))?;
    let flat = builder.add("flat", Op::Flatten(Flatten), &[image])?;
    let scores = builder.add("scores", Op::Dense(Dense { out_features: classes, bias: true }), &[flat])?;
    builder.finish(&[scores])
}

/// A folder with two classifiers of digits, one of another number of classes, and the canary.
fn scene() -> Result<Scene, String> {
    let scene = Scene::new("")?;
    scene.write("a.onnx", classifier(10, 1)?)?;
    scene.write("b.onnx", classifier(10, 2)?)?;
    scene.write("five.onnx", classifier(5, 3)?)?;
    scene.write("canary.onnx", canary::model())?;
    Ok(scene)
}

/// Latencies with the intervals of their ratios, the canary, accuracies of the test images, and the score by its rule.
pub(crate) fn models_stand_side_by_side() -> Outcome {
    let scene = scene()?;
    let data = ["--data", "digits", "--lambda", "0.5", "--reference-ms", "2", "--seed", "3", "--json"];
    let ended = scene.run(&[["compare", "a.onnx", "b.onnx"].as_slice(), &SHORT, &data].concat())?;
    expect(&ended, code::DONE, &["job 6/6"])?;
    let comparison = json(&ended)?;
    assert_eq!(comparison["schema"], "edgefit-compare/1");
    assert_eq!(comparison["data"], serde_json::json!({ "name": "digits", "images": 359, "seed": 3 }));
    assert_eq!(
        comparison["score"],
        serde_json::json!({ "lambda": 0.5, "normalization": "given", "reference_ms": 2.0 })
    );
    assert!(comparison["canary"]["medians_ms"].as_array().is_some_and(|medians| medians.len() >= 2), "{comparison:#}");
    let models = comparison["models"].as_array().ok_or("there are no models")?;
    assert_eq!(models[0]["ratio"], 1.0);
    for model in models {
        let [low, high] = [number(model, "/ratio_ci95/0")?, number(model, "/ratio_ci95/1")?];
        assert!(0.0 < low && low <= high, "{model:#}");
        assert_eq!(model["within_noise"], low <= 1.0 && 1.0 <= high, "{model:#}");
        let (accuracy, median) = (number(model, "/accuracy")?, number(model, "/median_ms")?);
        let images = accuracy * 359.0;
        assert!((images - images.round()).abs() < 1e-9, "{accuracy} is no share of 359 images");
        assert!((number(model, "/score")? - (accuracy - 0.5 * median / 2.0)).abs() < 1e-12, "{model:#}");
        assert_eq!(model["params"], 650);
        assert_eq!(model["macs"], 640);
        assert!(number(model, "/peak_rss_kb")? > 0.0);
    }
    Ok(())
}

/// The table names its statistics, the order and the data; two models that are the same are within the noise of accuracy.
pub(crate) fn the_table_says_what_its_numbers_are() -> Outcome {
    let scene = scene()?;
    std::fs::create_dir(scene.path("copy"))?;
    scene.write("copy/a.onnx", classifier(10, 1)?)?;
    let ended = scene.run(&[["compare", "a.onnx", "copy/a.onnx", "--data", "digits"].as_slice(), &SHORT].concat())?;
    expect(&ended, code::DONE, &[])?;
    let same = "a.onnx and copy/a.onnx: the difference in accuracy is within the noise";
    for part in ["3 rounds in random order, seed 0", "median ms", "ratio", "95 % interval", "359 test images", same] {
        assert!(ended.stdout.contains(part), "{part} is not in:\n{}", ended.stdout);
    }
    Ok(())
}

/// A model that fails is named, with its exit code, also in the JSON.
pub(crate) fn failures_name_the_model() -> Outcome {
    let scene = scene()?;
    scene.write("text.onnx", "no model")?;
    let check = |arguments: &[&str], exit: i32, kind: &str, name: &str| -> Outcome {
        let ended = scene.run(&[["compare"].as_slice(), arguments, &SHORT, &["--json"]].concat())?;
        expect(&ended, exit, &[name])?;
        let comparison: Value = json(&ended)?;
        assert_eq!(comparison["error"]["kind"], kind, "{comparison:#}");
        assert!(comparison["error"]["message"].as_str().is_some_and(|said| said.contains(name)), "{comparison:#}");
        Ok(())
    };
    check(&["a.onnx", "no-such.onnx"], code::STORAGE, "storage", "no-such.onnx")?;
    check(&["a.onnx", "text.onnx"], code::RUNTIME, "model-unreadable", "text.onnx")?;
    check(&["a.onnx", "five.onnx", "--data", "digits"], code::DATA, "data", "five.onnx")?;
    check(&["a.onnx", "canary.onnx", "--data", "digits"], code::USAGE, "usage", "canary.onnx")?;
    check(&["a.onnx", "b.onnx", "--data", "no-such-data"], code::USAGE, "usage", "no-such-data")?;
    check(&["a.onnx", "b.onnx", "--data", "idx:no-such-data"], code::DATA, "data", "no-such-data")?;
    check(&["a.onnx", "b.onnx", "--device", "raspberry"], code::USAGE, "usage", "raspberry")?;
    expect(&scene.run(&["compare", "a.onnx"])?, code::USAGE, &["2"])?;
    expect(&scene.run(&["compare", "a.onnx", "b.onnx", "--lambda", "1"])?, code::USAGE, &["--data"])
}
