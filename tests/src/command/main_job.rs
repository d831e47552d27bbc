//! The main job: a search file becomes a run folder with a winner that meets its bounds.

use std::process::Command;

use edgefit::study::Study;
use serde_json::Value;

use crate::harness::Outcome;
use crate::needs::python;
use crate::{process, repository};

use super::scene::{Scene, TINY, code, expect};

/// The files of a finished run, as documented.
const FILES: [&str; 7] =
    ["search.toml", "study.sqlite", "device.table", "pareto.csv", "winner.onnx", "winner.json", "report.html"];

/// A finished run has all its files, and the search file in it can be run again.
pub(crate) fn a_run_has_all_its_files() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&[])?, code::DONE, &[])?;
    for file in FILES {
        let size = std::fs::metadata(scene.path("run").join(file)).map_err(|error| format!("{file}: {error}"))?.len();
        assert!(size > 0, "{file} is empty");
    }
    let settings = scene.read("run/search.toml")?;
    for left_out in ["widths = ", "kernels = ", "weight_decay = ", "refit = "] {
        assert!(settings.contains(left_out), "search.toml does not say {left_out}:\n{settings}");
    }
    let rows = scene.read("run/pareto.csv")?.lines().count();
    assert!((2..=7).contains(&rows), "pareto.csv has {rows} lines for 6 trials");
    expect(&scene.run(&["search", "run/search.toml", "--out", "again", "--trials", "1"])?, code::DONE, &[])
}

/// Without `--out`, the folder is named by data, space and time.
pub(crate) fn runs_are_named_by_data_and_space() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.run(&["search", "search.toml", "--trials", "1"])?, code::DONE, &[])?;
    let names: Vec<_> = std::fs::read_dir(scene.path("runs"))?.flatten().map(|entry| entry.file_name()).collect();
    let [name] = names.as_slice() else { return Err(format!("runs/ holds {names:?}").into()) };
    assert!(name.to_string_lossy().starts_with("digits-chain-20"), "{name:?}");
    Ok(())
}

/// Networks of branches and sums, the cells of NAS-Bench-201, go all the way too, proposed by a strategy that learns.
pub(crate) fn cells_go_all_the_way() -> Outcome {
    let search = TINY.replace("\"chain\"", "\"nb201\"").replace("\"random\"", "\"bayesian\"\ninitial = 2");
    let scene = Scene::new(&search)?;
    expect(&scene.search(&["--trials", "4"])?, code::DONE, &[])?;
    let winner = scene.read("run/winner.json")?;
    assert!(winner.contains("nb201:|"), "{winner}");
    Ok(())
}

/// A search may begin with the best networks of an earlier one, also in networks of other widths, and aim at a value; a run
/// of another space is refused.
pub(crate) fn an_earlier_run_is_begun_with() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.run(&["search", "search.toml", "--out", "earlier"])?, code::DONE, &[])?;
    let warm = TINY.replace("\"random\"", "\"grid\"\nwarm_start = \"earlier\"");
    scene.write("search.toml", warm.replace("latency_ms = \"min\"", "latency_ms = { target = 0.2 }"))?;
    expect(&scene.search(&["--trials", "4", "-v"])?, code::DONE, &["begins with 1 networks", "latency_ms near 0.2"])?;
    let winner: Value = serde_json::from_str(&scene.read("earlier/winner.json")?)?;
    let first = Study::open(&scene.path("run/study.sqlite")).and_then(|mut study| study.trials());
    let first = first.map_err(|error| error.to_string())?.swap_remove(0);
    assert_eq!(winner["genotype"], Value::from(first.genotype), "{winner}");
    scene.write("search.toml", warm.replace("\"chain\"", "\"mbconv\""))?;
    let other = scene.run(&["search", "search.toml", "--out", "other"])?;
    expect(&other, code::USAGE, &["warm_start", "chain", "mbconv"])
}

/// The winner is a model that the onnx checker takes and that ONNX Runtime runs on raw pixels, with its labels and
/// where it came from.
pub(crate) fn the_winner_runs_elsewhere() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&[])?, code::DONE, &[])?;
    let script = repository::root().join("tests/python/run_winner.py");
    let printed =
        process::succeed(Command::new(python::interpreter()?).arg(script).arg(scene.path("run/winner.onnx")))?;
    let winner: Value = serde_json::from_str(&printed)?;
    assert_eq!(winner["outputs"], serde_json::json!([[2, 10]]), "{winner}");
    assert_eq!(winner["labels"].as_array().map(Vec::len), Some(10), "{winner}");
    Ok(())
}

/// Constraints act before training: a bound on the parameters that some of the space misses stops candidates, and no
/// candidate over it is on the front.
pub(crate) fn bounds_stop_candidates_before_training() -> Outcome {
    let bound = 20_000;
    let scene = Scene::new(&format!("{TINY}\n[constraints]\nparams = {{ max = {bound} }}\n"))?;
    expect(&scene.search(&[])?, code::DONE, &["params"])?;
    let pareto = scene.read("run/pareto.csv")?;
    let (header, rows) = pareto.split_once('\n').ok_or("pareto.csv is empty")?;
    // From the right, since the text columns on the left may hold commas.
    let column = header.rsplit(',').position(|name| name == "params").ok_or("pareto.csv has no column params")?;
    for row in rows.lines() {
        let params: f64 = row.rsplit(',').nth(column).unwrap_or_default().parse()?;
        assert!(params <= f64::from(bound), "{params} parameters are over the bound: {row}");
    }
    Ok(())
}

/// The winner meets the bounds by what was measured, and every number says where it comes from.
pub(crate) fn the_winner_meets_its_bounds_as_measured() -> Outcome {
    let bounds = "[constraints]\nlatency_ms = { max = 50 }\npeak_memory_kib = { max = 1_000_000 }";
    let scene = Scene::new(&format!("{TINY}\n{bounds}\n"))?;
    let ended = scene.search(&["--json"])?;
    expect(&ended, code::DONE, &[])?;
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    assert_eq!(winner, serde_json::from_str::<Value>(&ended.stdout)?, "--json prints winner.json");
    for (metric, bound) in [("latency_ms", 50.0), ("peak_memory_kib", 1e6)] {
        let entry = &winner["metrics"][metric];
        assert_eq!(entry["origin"], "measured", "{metric}: {entry}");
        assert!(entry["value"].as_f64().is_some_and(|value| value > 0.0 && value <= bound), "{metric}: {entry}");
    }
    assert_eq!(winner["metrics"]["latency_ms"]["predicted"]["origin"], "predicted", "{winner}");
    assert_eq!(winner["metrics"]["params"]["origin"], "computed", "{winner}");
    let met = winner["constraints"].as_array().ok_or("winner.json has no constraints")?;
    assert!(met.len() == 2 && met.iter().all(|constraint| constraint["is_met"] == true), "{met:?}");
    Ok(())
}

/// A bound that nothing of the space meets ends with its own exit code and names the smallest network and its latency.
pub(crate) fn an_impossible_bound_names_the_smallest_network() -> Outcome {
    let scene = Scene::new(&format!("{TINY}\n[constraints]\nlatency_ms = {{ max = 0.000001 }}\n"))?;
    expect(&scene.search(&[])?, code::NO_FEASIBLE_ARCHITECTURE, &["smallest", "latency_ms", " ms"])
}
