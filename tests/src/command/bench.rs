//! `edgefit bench`: one model, every number with its context, and every failure with its exit code, also in the JSON.

use std::process::Command;
use std::time::{Duration, Instant};

use edgefit::device::canary;
use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::{python, runtime};
use crate::process::{self, Ended};

use super::scene::{Scene, code, expect};

/// Short, and enough for numbers.
const SHORT: [&str; 6] = ["--min-secs", "0.05", "--max-secs", "1", "--processes", "2"];

/// A folder with `model.onnx`.
fn scene() -> Result<Scene, String> {
    let scene = Scene::new("")?;
    scene.write("model.onnx", canary::model())?;
    Ok(scene)
}

fn bench(scene: &Scene, more: &[&str]) -> Result<Ended, String> {
    scene.run(&[&["bench", "model.onnx"], SHORT.as_slice(), more].concat())
}

/// The one document on standard output.
pub(crate) fn json(ended: &Ended) -> Result<Value, String> {
    serde_json::from_str(&ended.stdout).map_err(|error| format!("no JSON document ({error}):\n{}", ended.stdout))
}

/// A number of a document.
pub(super) fn number(json: &Value, path: &str) -> Result<f64, String> {
    json.pointer(path).and_then(Value::as_f64).ok_or_else(|| format!("{path} is no number in {json:#}"))
}

/// Energy is told with its method, or is absent with the reason; it never fails a run.
pub(crate) fn energy_is_told_or_why_not() -> Outcome {
    let scene = scene()?;
    let ended = bench(&scene, &["--energy", "--json"])?;
    expect(&ended, code::DONE, &["energy"])?;
    let report = json(&ended)?;
    let energy = &report["energy_metrics"];
    if energy.is_null() {
        let reason = report["energy_absent_reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{report:#}");
    } else {
        assert!(energy["method"].as_str().is_some_and(|method| !method.is_empty()), "{energy:#}");
        assert!(number(energy, "/energy_mj_per_inference")? > 0.0, "{energy:#}");
    }
    Ok(())
}

/// The report has the numbers that it promises, and they fit each other.
pub(crate) fn a_report_has_its_numbers() -> Outcome {
    let scene = scene()?;
    let ended = bench(&scene, &["--per-op", "--trace", "trace.json", "--shape", "input=2x8x16x16", "--json"])?;
    expect(&ended, code::DONE, &["pass 1/5", "memory"])?;
    let report = json(&ended)?;
    assert_eq!(report["schema"], "edgefit-bench/1");
    assert_eq!(report["error"], Value::Null);
    let median = number(&report, "/latency_metrics/median_ms")?;
    let (low, high) =
        (number(&report, "/latency_metrics/median_ci95_ms/0")?, number(&report, "/latency_metrics/median_ci95_ms/1")?);
    assert!(0.0 < low && low <= median && median <= high, "{low} {median} {high}");
    assert!(number(&report, "/latency_metrics/runs")? >= 100.0, "two processes of at least 50 runs");
    let nodes = report["execution_detail"].as_array().ok_or("there are no nodes")?;
    let sum: f64 = nodes.iter().filter_map(|node| node["avg_ms"].as_f64()).sum();
    assert!((sum / median - 1.0).abs() < 1e-6, "the nodes sum to {sum}, not to the median {median}");
    assert!(number(&report, "/memory_metrics/peak_rss_kb")? > number(&report, "/memory_metrics/before_load_kb")?);
    let (least, peak) =
        (number(&report, "/memory_metrics/peak_rss_range_kb/0")?, number(&report, "/memory_metrics/peak_rss_kb")?);
    assert!(least <= peak && peak <= number(&report, "/memory_metrics/peak_rss_range_kb/1")?, "{least} {peak}");
    assert_eq!(number(&report, "/memory_metrics/processes")?, 2.0);
    // Three convolutions of 8 to 8 channels, and a dense layer, for a batch of two.
    assert_eq!(number(&report, "/model/macs")?, 2.0 * (3.0 * 8.0 * 8.0 * 9.0 * 256.0 + 32.0));
    assert_eq!(report["model"]["inputs"][0]["shape"], serde_json::json!([2, 8, 16, 16]));
    let trace: Value = serde_json::from_str(&scene.read("trace.json")?)?;
    assert_eq!(trace.as_array().map(Vec::len), Some(nodes.len()));
    Ok(())
}

/// With a file, the JSON is there and the text is on standard output, every statistic named.
pub(crate) fn a_report_is_text_beside_its_file() -> Outcome {
    let scene = scene()?;
    let ended = bench(&scene, &["--json", "report.json", "-q"])?;
    expect(&ended, code::DONE, &[])?;
    assert!(ended.stderr.is_empty(), "-q, and it says:\n{}", ended.stderr);
    for part in ["median", "95 % interval", "p90", "peak", "tract 0.23.9", "1 thread"] {
        assert!(ended.stdout.contains(part), "{part} is not in:\n{}", ended.stdout);
    }
    let report: Value = serde_json::from_str(&scene.read("report.json")?)?;
    assert_eq!(report["settings"]["processes"], 2);
    Ok(())
}

/// ONNX Runtime runs with the settings that were asked for, and the report has them.
pub(crate) fn onnx_runtime_runs_as_asked() -> Outcome {
    let scene = scene()?;
    let library = python::onnx_runtime()?.display().to_string();
    let settings = ["--runtime", "ort", "--library", &library, "--no-arena", "--no-spinning", "--threads", "2"];
    let ended = bench(&scene, &[settings.as_slice(), &["--optimization", "basic", "--per-op", "--json"]].concat())?;
    expect(&ended, code::DONE, &[])?;
    let runtime = &json(&ended)?["runtime"];
    for (key, value) in [("name", "ort"), ("optimization", "basic"), ("library", &library)] {
        assert_eq!(runtime[key], value, "{runtime:#}");
    }
    for (key, value) in [("arena", false), ("spinning", false), ("memory_pattern", true)] {
        assert_eq!(runtime[key], value, "{runtime:#}");
    }
    assert_eq!(runtime["num_threads"], 2);
    Ok(())
}

/// What `edgefit runtime install` got is found without being named.
pub(crate) fn the_installed_runtime_is_found() -> Outcome {
    let (scene, home) = (scene()?, runtime::home()?);
    let mut edgefit =
        scene.edgefit(&[&["bench", "model.onnx", "--runtime", "ort", "--json"], SHORT.as_slice()].concat())?;
    edgefit.env("EDGEFIT_HOME", home).env_remove("ORT_DYLIB_PATH");
    let ended = crate::process::finish(&mut edgefit, super::scene::LIMIT)?;
    expect(&ended, code::DONE, &[])?;
    let library = json(&ended)?["runtime"]["library"].as_str().unwrap_or_default().to_owned();
    assert!(library.starts_with(&home.display().to_string()), "it took {library}");
    Ok(())
}

/// Weights in a file beside the model are measured with it, and one that is not there is named.
pub(crate) fn weights_in_another_file_are_found() -> Outcome {
    let scene = scene()?;
    let script = "import onnx; onnx.save(onnx.load('model.onnx'), 'two.onnx', save_as_external_data=True, \
                          location='two.bin', size_threshold=0)";
    process::succeed(Command::new(python::interpreter()?).args(["-c", script]).current_dir(scene.path("")))?;
    let weights = std::fs::read(scene.path("two.bin"))?;
    std::fs::remove_file(scene.path("two.bin"))?;
    let arguments = ["bench", "two.onnx", "--processes", "1", "--min-secs", "0.01", "--json"];
    expect(&scene.run(&arguments)?, code::STORAGE, &["two.onnx", "two.bin"])?;
    scene.write("two.bin", &weights)?;
    let found = scene.run(&arguments)?;
    expect(&found, code::DONE, &[])?;
    assert!(number(&json(&found)?, "/latency_metrics/median_ms")? > 0.0);
    scene.write("two.bin", &weights[..weights.len() - 1])?;
    expect(&scene.run(&arguments)?, code::STORAGE, &["two.bin", "ends before"])
}

/// A run that never ends is ended soon, and the error says how a model that is only slow gets longer.
pub(crate) fn a_model_without_end_is_ended() -> Outcome {
    let (scene, library) = (scene()?, python::onnx_runtime()?.display().to_string());
    let script = "import onnx; from onnx import helper as h, TensorProto as T; \
                  v = lambda name, kind=T.FLOAT, shape=['N']: h.make_tensor_value_info(name, kind, shape); \
                  body = h.make_graph([h.make_node('Identity', ['on'], ['go']), h.make_node('Neg', ['v'], ['w'])], 'body', \
                  [v('step', T.INT64, []), v('on', T.BOOL, []), v('v')], [v('go', T.BOOL, []), v('w')]); \
                  graph = h.make_graph([h.make_node('Loop', ['', 'yes', 'x'], ['y'], body=body)], 'graph', \
                  [v('x', shape=[4])], [v('y')], [h.make_tensor('yes', T.BOOL, [], [True])]); \
                  onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid('', 17)], ir_version=8), 'forever.onnx')";
    process::succeed(Command::new(python::interpreter()?).args(["-c", script]).current_dir(scene.path("")))?;
    let begun = Instant::now();
    let ended =
        scene.run(&["bench", "forever.onnx", "--runtime", "ort", "--library", &library, "--timeout", "2", "--json"])?;
    expect(&ended, code::RUNTIME, &["a run of the model did not end in 2 s", "--timeout"])?;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let report = json(&ended)?;
    assert_eq!(report["error"]["kind"], "timeout");
    assert_eq!(report["settings"]["timeout_secs"], 2.0);
    Ok(())
}

/// Each failure has its exit code and its kind, and the JSON has it too.
pub(crate) fn failures_are_structured() -> Outcome {
    let scene = scene()?;
    let model = canary::model();
    scene.write("cut.onnx", &model[..model.len() / 2])?;
    scene.write("text.onnx", "no model")?;
    scene.write("empty.onnx", "")?;
    std::fs::File::create(scene.path("large.onnx"))?.set_len((1 << 30) + 1)?;
    scene.write("strange.onnx", replaced(&model, b"Conv", b"Cnov"))?;
    let check = |arguments: &[&str], exit: i32, kind: &str, says: &[&str]| -> Outcome {
        let ended = scene.run(&[&["bench", "--json", "-"], arguments].concat())?;
        expect(&ended, exit, says).map_err(|error| format!("{arguments:?}: {error:?}"))?;
        assert_eq!(json(&ended)?["error"]["kind"], kind, "{arguments:?}");
        Ok(())
    };
    check(&["no-such.onnx"], code::STORAGE, "storage", &["no-such.onnx"])?;
    check(&["text.onnx"], code::RUNTIME, "model-unreadable", &["no ONNX model"])?;
    check(&["large.onnx"], code::USAGE, "usage", &["large.onnx", "1024 MiB"])?;
    check(&["empty.onnx"], code::RUNTIME, "model-unreadable", &[])?;
    check(&["cut.onnx"], code::RUNTIME, "model-unreadable", &["cut off"])?;
    check(&["strange.onnx"], code::RUNTIME, "unsupported", &["Cnov"])?;
    check(&["model.onnx", "--device", "raspberry"], code::USAGE, "usage", &["raspberry", "local"])?;
    check(&["model.onnx", "--shape", "input=1x9x16x16"], code::USAGE, "wrong-shape", &["input"])?;
    check(&["model.onnx", "--shape", "image=1x8x16x16"], code::USAGE, "wrong-shape", &["image", "input"])?;
    check(&["model.onnx", "--affinity", "1000"], code::DEVICE, "device", &["1000"])?;
    let no_library = ["model.onnx", "--runtime", "ort", "--library", "no-such.so"];
    check(&no_library, code::RUNTIME, "runtime-missing", &["edgefit runtime install", "ORT_DYLIB_PATH"])
}

/// What cannot be meant is refused before anything is measured; a model is never written over.
pub(crate) fn wrong_options_are_refused() -> Outcome {
    let scene = scene()?;
    for wrong in [
        ["--threads", "0"],
        ["--affinity", "fast"],
        ["--shape", "input"],
        ["--interval-share", "2"],
        ["--preset", "slow"],
        ["--max-secs", "1e9"],
        ["--timeout", "-1"],
        ["--json", "other.onnx"],
        ["--trace", "model.onnx"],
    ] {
        expect(&scene.run(&[&["bench", "model.onnx"], wrong.as_slice()].concat())?, code::USAGE, &[wrong[1]])?;
    }
    for file in ["--json", "--trace"] {
        let ended = scene.run(&["bench", "model.onnx", file, "no-such-folder/result.json"])?;
        expect(&ended, code::STORAGE, &["no-such-folder"])?;
        assert!(!ended.stderr.contains("pass 1"), "it measured what it cannot write:\n{}", ended.stderr);
    }
    assert_eq!(std::fs::read(scene.path("model.onnx"))?, canary::model());
    Ok(())
}

/// The bytes with every occurrence of one word replaced by another of its length.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}
