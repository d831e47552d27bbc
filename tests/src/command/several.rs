//! A search for several different devices: measured on each, bounded on each, and told of each.

use edgefit_search::Metric;
use serde_json::Value;

use crate::harness::Outcome;

use super::resume::lost_nothing;
use super::scene::{Scene, TINY, code, expect};

/// This machine with one thread and with two, of which the second has this bound on its latency, in milliseconds.
fn two_devices(max_ms: f64) -> String {
    let device = "[device]\nname = \"local\"\nruntime = \"tract\"\n";
    let one = device.replace("[device]", "[[devices]]");
    let bound = format!("threads = 2\nconstraints = {{ latency_ms = {{ max = {max_ms} }} }}\n");
    TINY.replace(device, &format!("{one}\n{one}{bound}"))
}

/// Each trial and the winner are measured on both, the files tell of both, and a search that was killed goes on as if it had not been.
pub(crate) fn every_network_is_measured_on_each() -> Outcome {
    let (scene, trials) = lost_nothing(&two_devices(1000.0), &[0.6])?;
    for trial in &trials {
        for device in [0, 1] {
            // Where the device was disturbed all the while, the median stays predicted beside it.
            let latency = trial.results.measured_on(device, Metric::LatencyP90Ms);
            assert!(latency.is_some(), "trial {} was not measured on device {device}", trial.number);
            assert!(trial.known.predicted_on(device, Metric::LatencyMs).is_some());
        }
    }
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    for (at, name) in ["local (tract, 1 thread)", "local (tract, 2 threads)"].into_iter().enumerate() {
        let device = &winner["devices"][at];
        assert_eq!(device["name"], name, "{winner:#}");
        assert_eq!(device["metrics"]["latency_ms"]["origin"], "measured", "{winner:#}");
        let report = scene.read("run/report.html")?;
        for of_each in [format!("Accuracy against cost on {name}"), format!("<h3>On {name}</h3>")] {
            assert!(report.contains(&of_each), "the report lacks {of_each}");
        }
    }
    assert_eq!(winner["metrics"]["latency_ms"], winner["devices"][0]["metrics"]["latency_ms"]);
    assert_eq!(winner["constraints"][0]["device"], "local (tract, 2 threads)", "{winner:#}");
    assert_eq!(winner["constraints"][0]["is_met"], true, "{winner:#}");
    let front = scene.read("run/pareto.csv")?;
    assert!(
        front.lines().next().is_some_and(|header| header.contains("latency_ms:local (tract, 2 threads)")),
        "{front}"
    );
    expect(&scene.run(&["report", "run"])?, code::DONE, &[])?;
    for table in ["run/device.table", "run/device-2.table"] {
        expect(&scene.run(&["table", "show", table])?, code::DONE, &[])?;
    }
    Ok(())
}

/// A bound that the second device cannot keep, and that the first has not, stops every candidate before it is trained, and names the
/// device. So does the same bound with the device in its key.
pub(crate) fn a_bound_of_one_device_stops_candidates() -> Outcome {
    let (search, own) = (two_devices(1e-6), "constraints = { latency_ms = { max = 0.000001 } }\n");
    assert!(search.contains(own), "{search}");
    let in_key = "[constraints]\n\"latency_ms:local (tract, 2 threads)\" = { max = 0.000001 }\n";
    is_stopped(&search)?;
    is_stopped(&(search.replace(own, "") + in_key))
}

fn is_stopped(search: &str) -> Outcome {
    let scene = Scene::new(search)?;
    let ended = scene.search(&[])?;
    let says = ["latency_ms on local (tract, 2 threads) <= 0.000001", "ms on local (tract, 1 thread)"];
    expect(&ended, code::NO_FEASIBLE_ARCHITECTURE, &says)
}

/// Devices given on the command line take the place of the file's, and two that are one are refused. So are several where one is
/// measured on.
pub(crate) fn the_command_line_chooses() -> Outcome {
    let scene = Scene::new(&two_devices(1000.0))?;
    expect(&scene.search(&["--device", "local", "--device", "local"])?, code::USAGE, &["named twice"])?;
    expect(&scene.search(&["--device", "locl"])?, code::USAGE, &["did you mean `local`"])?;
    let build = ["table", "build", "--space", "chain", "--out", "a.table"];
    for command in [["bench", "a.onnx"].as_slice(), &["compare", "a.onnx", "b.onnx"], &build] {
        let several = [command, &["--device", "local", "--device", "other"]].concat();
        expect(&scene.run(&several)?, code::USAGE, &["'--device <NAME>' cannot be used multiple times"])?;
    }
    Ok(())
}
