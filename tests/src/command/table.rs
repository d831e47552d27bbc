//! Latency tables as commands: built, shown, merged, evaluated, and asked about a model.

use std::process::Command;
use std::time::Duration;

use edgefit_graph::Shape;
use edgefit_onnx::{ExportOptions, export};
use edgefit_search::{SpaceSettings, Task, space};
use edgefit_train::initial_weights;
use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::data;
use crate::process;

use super::scene::{LIMIT, Scene, code, expect};

/// A table of small networks is measured in a second or two.
const SPACE: [&str; 6] = ["--space", "chain", "--input", "1x8x8", "--processes", "1"];

fn build(scene: &Scene, out: &str, more: &[&str]) -> Result<process::Ended, String> {
    scene.run(&[&["table", "build", "--out", out], SPACE.as_slice(), more].concat())
}

fn json(ended: &process::Ended) -> Result<Value, String> {
    serde_json::from_str(&ended.stdout).map_err(|error| format!("{error}:\n{}", ended.stdout))
}

/// The predictor of this name in an evaluation.
fn figures<'a>(evaluation: &'a Value, predictor: &str) -> Result<&'a Value, String> {
    let all = evaluation["predictors"].as_array().ok_or("no predictors")?;
    all.iter().find(|row| row["predictor"] == predictor).ok_or_else(|| format!("no {predictor} in {evaluation}"))
}

/// A table is built, is not overwritten, goes on with `--resume`, and says what is in it.
pub(crate) fn a_table_is_built_and_goes_on() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "5"])?, code::DONE, &["table: measuring"])?;
    let before = scene.read("a.table")?;
    expect(&build(&scene, "a.table", &["--models", "7"])?, code::USAGE, &["a.table", "--resume"])?;
    assert_eq!(scene.read("a.table")?, before, "a table was overwritten");
    expect(&build(&scene, "a.table", &["--models", "7", "--resume", "--threads", "2"])?, code::USAGE, &["threads"])?;
    expect(&build(&scene, "a.table", &["--models", "7", "--resume"])?, code::DONE, &["going on after 5 of 7"])?;
    let shown = scene.run(&["table", "show", "a.table", "--json"])?;
    expect(&shown, code::DONE, &[])?;
    let shown = json(&shown)?;
    assert_eq!(shown["models"], 7, "{shown}");
    assert_eq!(shown["space"]["input"], serde_json::json!([1, 8, 8]), "{shown}");
    assert!(shown["measured"][0].as_str().is_some_and(|date| date.starts_with("20")), "{shown}");
    let text = scene.run(&["table", "show", "a.table"])?.stdout;
    assert!(text.contains("runtime  tract") && text.contains("full_conv") && text.contains("operator-count"), "{text}");
    assert!(text.contains("covers   of the kernels of 200 random networks"), "{text}");
    let shares = ["seen", "inferred", "unknown"].map(|key| shown["coverage"]["space"][key].as_f64().unwrap_or(-1.0));
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares[0] > 0.0, "{shown}");
    Ok(())
}

/// Ctrl-C while a table is built keeps what was measured.
pub(crate) fn an_interrupted_table_is_kept() -> Outcome {
    let scene = Scene::new("")?;
    let arguments = [&["table", "build", "--out", "a.table", "--models", "5000"], SPACE.as_slice()].concat();
    let building = scene.start(&arguments)?;
    scene.wait_for("a.table")?;
    process::succeed(Command::new("kill").args(["-INT", &building.id().to_string()]))?;
    let ended = building.finish(Duration::from_secs(60).min(LIMIT))?;
    expect(&ended, code::INTERRUPTED, &["a.table", "--resume"])?;
    let shown = json(&scene.run(&["table", "show", "a.table", "--json"])?)?;
    assert!(shown["models"].as_u64().is_some_and(|models| models > 0), "{shown}");
    Ok(())
}

/// Tables of one device join; those of different settings do not.
pub(crate) fn tables_are_merged() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "4"])?, code::DONE, &[])?;
    expect(&build(&scene, "b.table", &["--models", "4", "--seed", "1"])?, code::DONE, &[])?;
    expect(&scene.run(&["table", "merge", "a.table", "b.table", "--out", "both.table"])?, code::DONE, &[])?;
    let shown = json(&scene.run(&["table", "show", "both.table", "--json"])?)?;
    assert_eq!(shown["models"], 8, "{shown}");
    expect(&build(&scene, "c.table", &["--models", "4", "--threads", "2"])?, code::DONE, &[])?;
    let refused = scene.run(&["table", "merge", "a.table", "c.table", "--out", "odd.table"])?;
    expect(&refused, code::USAGE, &["c.table", "threads: 1 and 2"])?;
    assert!(!scene.path("odd.table").exists());
    Ok(())
}

/// A table starts from another of another thread count, says whether that helped, goes on, and keeps its source.
pub(crate) fn another_table_is_transferred() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "10"])?, code::DONE, &[])?;
    let transfer = |more: &[&str]| {
        let arguments = ["table", "transfer", "a.table", "--threads", "2", "--processes", "1", "--out", "b.table"];
        scene.run(&[arguments.as_slice(), more].concat())
    };
    let transferred = transfer(&["--models", "6", "--json"])?;
    expect(&transferred, code::DONE, &["table: measuring"])?;
    let transferred = json(&transferred)?;
    assert_eq!((&transferred["threads"], &transferred["source"]["threads"]), (&2.into(), &1.into()), "{transferred}");
    // Where the device was slower meanwhile, more than ten were measured.
    let source = json(&scene.run(&["table", "show", "a.table", "--json"])?)?;
    assert_eq!(transferred["source"]["models"], source["models"], "{transferred}");
    let errors = ["mape", "afresh_mape"].map(|key| transferred["source"][key].as_f64());
    assert!(errors.iter().all(|error| error.is_some_and(|error| error > 0.0)), "{transferred}");
    expect(&transfer(&["--models", "7"])?, code::USAGE, &["b.table", "--resume"])?;
    expect(&transfer(&["--models", "7", "--resume"])?, code::DONE, &["going on after 6 of 7"])?;
    let text = scene.run(&["table", "show", "b.table"])?.stdout;
    let origin = format!("source   {} models of", source["models"]);
    assert!(text.contains("starting afresh") && text.contains(&origin), "{text}");
    Ok(())
}

/// Two tables are compared, and one is shown as a page that needs nothing else.
pub(crate) fn tables_are_compared_and_drawn() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "10"])?, code::DONE, &[])?;
    expect(&build(&scene, "b.table", &["--models", "10", "--threads", "2"])?, code::DONE, &[])?;
    let compared = json(&scene.run(&["table", "diff", "a.table", "b.table", "--json"])?)?;
    assert_eq!(compared["difference"], "threads: 1 and 2", "{compared}");
    assert!(compared["models"]["median"].as_f64().is_some_and(|ratio| ratio > 0.0), "{compared}");
    assert!(compared["kernels"].as_array().is_some_and(|kinds| !kinds.is_empty()), "{compared}");
    let text = scene.run(&["table", "diff", "a.table", "b.table"])?.stdout;
    assert!(text.contains("differ   threads: 1 and 2") && text.contains("full_conv"), "{text}");
    expect(&scene.run(&["table", "show", "a.table", "--html", "a.html"])?, code::DONE, &[])?;
    let page = scene.read("a.html")?;
    assert!(page.matches("<svg").count() >= 3 && page.contains("Error by kind of kernel"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"), "it needs something");
    Ok(())
}

/// A table of general use is made of layer shapes, with kernels alone where they leave a gap, and tried on an ONNX model of no space.
pub(crate) fn a_table_for_any_network_is_built() -> Outcome {
    let scene = Scene::new("")?;
    let conv = "input_h,cin,cout,ks,stride,groups\n8,1,8,3,1,1\n8,8,8,3,1,1\n8,8,8,3,1,8\n8,8,16,1,1,1\n8,16,8,1,2,1\n";
    scene.write("layers/conv.csv", conv)?;
    scene.write("layers/fc.csv", "cin,cout\n24,12\n")?;
    scene.write("model.onnx", model([1, 8, 8])?)?;
    let arguments =
        ["table", "build", "--layers", "layers", "--processes", "1", "--models", "12", "--out", "any.table"];
    expect(&scene.run(&arguments)?, code::DONE, &["layers of known networks"])?;
    let shown = json(&scene.run(&["table", "show", "any.table", "--json"])?)?;
    let covered = &shown["coverage"]["kinds"];
    // The dense layer, which no convolution leads to, and a kernel of the first kind that hardly any network has.
    assert!(covered["alone"].as_u64().is_some_and(|alone| alone >= 2), "{shown}");
    assert!(covered["never"].as_array().is_some_and(|never| never.contains(&"softmax".into())), "{shown}");
    let evaluate = ["table", "evaluate", "any.table", "--processes", "1", "--onnx", "model.onnx"];
    let evaluated = json(&scene.run(&[evaluate.as_slice(), &["--json"]].concat())?)?;
    let tested = &evaluated["models"][0];
    assert_eq!(tested["model"], "model.onnx", "{evaluated}");
    let ms = ["measured_ms", "again_ms", "predicted_ms"].map(|key| tested[key].as_f64());
    assert!(ms.iter().all(|ms| ms.is_some_and(|ms| ms > 0.0)), "{evaluated}");
    let text = scene.run(&evaluate)?.stdout;
    assert!(text.contains("model.onnx") && text.contains("noise-floor"), "{text}");
    expect(
        &scene.run(&["table", "evaluate", "any.table", "--models", "3"])?,
        code::USAGE,
        &["layers of known networks", "--onnx"],
    )
}

/// Fresh models are measured twice; the baselines and the noise floor stand beside the table.
pub(crate) fn a_table_is_evaluated_on_fresh_models() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "6"])?, code::DONE, &[])?;
    let arguments = ["table", "evaluate", "a.table", "--models", "3", "--processes", "1", "--json"];
    let evaluated = scene.run(&arguments)?;
    expect(&evaluated, code::DONE, &["table: measuring"])?;
    let evaluation = json(&evaluated)?;
    assert_eq!(evaluation["tested"], 3, "{evaluation}");
    for predictor in ["table", "operator-count", "macs", "plain-sum", "noise-floor"] {
        let share = figures(&evaluation, predictor)?["within_10"].as_f64();
        assert!(share.is_some_and(|share| (0.0..=1.0).contains(&share)), "{predictor}: {evaluation}");
    }
    Ok(())
}

/// A model that the table has not seen gets a latency inside its interval and a part for each kernel; one that edgefit cannot
/// read names the node.
pub(crate) fn any_model_is_predicted() -> Outcome {
    let scene = Scene::new("")?;
    expect(&build(&scene, "a.table", &["--models", "10"])?, code::DONE, &[])?;
    scene.write("wide.onnx", model([1, 16, 16])?)?;
    let predicted = scene.run(&["predict", "wide.onnx", "--table", "a.table", "--json"])?;
    expect(&predicted, code::DONE, &[])?;
    let prediction = json(&predicted)?;
    let of = |key: &str| prediction["latency_ms"][key].as_f64();
    assert!(of("low") < of("value") && of("value") < of("high"), "{prediction}");
    let kernels = prediction["kernels"].as_array().ok_or("no kernels")?;
    let inferred = kernels.iter().filter(|kernel| kernel["known"] == "inferred").count();
    assert_eq!(prediction["kernels_inferred"], inferred, "{prediction}");
    assert!(inferred > 0, "convolutions at 16x16 were never measured: {prediction}");
    let text = scene.run(&["predict", "wide.onnx", "--table", "a.table"])?.stdout;
    assert!(text.contains("median, predicted") && text.contains("inferred"), "{text}");
    let strange = replaced(&model([1, 8, 8])?, b"Relu", b"Blur").ok_or("the model has no Relu")?;
    scene.write("strange.onnx", strange)?;
    expect(&scene.run(&["predict", "strange.onnx", "--table", "a.table"])?, code::DATA, &["strange.onnx", "Blur"])
}

/// The smallest network of the space, for this input.
fn model(input: [usize; 3]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let task = Task { input: Shape::new(input), classes: 10 };
    let space = space::build(&SpaceSettings::preset("chain"), &task)?;
    let graph = space.decode(&space.smallest())?;
    Ok(export(&graph, &initial_weights(&graph, 1), &ExportOptions::default())?)
}

/// The bytes with one occurrence replaced.
fn replaced(bytes: &[u8], from: &[u8; 4], to: &[u8; 4]) -> Option<Vec<u8>> {
    let at = bytes.windows(from.len()).position(|window| window == from)?;
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    Some(bytes)
}

/// Tabulated cells: what is linear is predicted, what is not connected is left out, and mistakes are told.
pub(crate) fn tabulated_cells_are_evaluated() -> Outcome {
    let scene = Scene::new("")?;
    scene.write("cells.csv", cells())?;
    let evaluate = |column: &str, more: &[&str]| {
        let arguments = ["table", "evaluate", "--csv", "cells.csv", "--latency-column", column];
        scene.run(&[arguments.as_slice(), &["--train", "40", "--repeats", "2"], more].concat())
    };
    let evaluated = evaluate("ms", &["--pruned", "--json"])?;
    expect(&evaluated, code::DONE, &[])?;
    let evaluation = json(&evaluated)?;
    assert!(figures(&evaluation, "table")?["within_10"].as_f64() > Some(0.99), "{evaluation}");
    assert!(figures(&evaluation, "macs")?["within_10"].as_f64() < Some(0.9), "{evaluation}");
    figures(&evaluation, "plain-sum")?;
    let text = evaluate("ms", &[])?.stdout;
    assert!(text.contains("left out 1 whose output does not depend on their input"), "{text}");
    expect(&evaluate("msec", &[])?, code::USAGE, &["msec", "arch, ms"])?;
    scene.write("cells.csv", "arch,ms\n|odd~0|,1.0\n")?;
    expect(&evaluate("ms", &[])?, code::DATA, &["cells.csv", "|odd~0|"])
}

/// Cells without absent edges whose latency is linear in their operators, and one whose output does not depend on its input.
fn cells() -> String {
    const COSTS: [(&str, f64); 4] =
        [("skip_connect", 0.1), ("nor_conv_1x1", 1.0), ("nor_conv_3x3", 2.0), ("avg_pool_3x3", 1.5)];
    let cell = |code: usize| {
        let at = |edge: u32| COSTS[code / 4_usize.pow(edge) % 4];
        let word = |edge: u32, from: usize| format!("{}~{from}|", at(edge).0);
        let nodes = [
            word(0, 0),
            format!("{}{}", word(1, 0), word(2, 1)),
            format!("{}{}{}", word(3, 0), word(4, 1), word(5, 2)),
        ];
        let ms = 1.0 + (0..6).map(|edge| at(edge).1).sum::<f64>();
        format!("{},{ms}\n", nodes.map(|node| format!("|{node}")).join("+"))
    };
    let rows: String = (0..4096).step_by(29).map(cell).collect();
    format!("arch,ms\n{rows}|none~0|+|none~0|none~1|+|none~0|none~1|none~2|,0.01\n")
}

/// On the published latencies, the table is at least as good as the operator counts.
pub(crate) fn published_cells_are_predicted() -> Outcome {
    let csv = data::path("nasbench201.csv.gz")?.display().to_string();
    let scene = Scene::new("")?;
    for (column, more) in [("raspi4_latency_ms", &[][..]), ("cortex_a76_latency_ms", &["--pruned"][..])] {
        let arguments = ["table", "evaluate", "--csv", &csv, "--latency-column", column];
        let options = ["--train", "50", "--repeats", "5", "--json"];
        let evaluated = scene.run(&[arguments.as_slice(), &options, more].concat())?;
        expect(&evaluated, code::DONE, &[])?;
        let evaluation = json(&evaluated)?;
        let within = |predictor: &str| Ok::<_, String>(figures(&evaluation, predictor)?["within_10"].as_f64());
        assert!(within("table")? >= within("operator-count")?, "{column}: {evaluation}");
    }
    Ok(())
}
