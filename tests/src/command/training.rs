//! What a search asks of a training beside its accuracy, what it tunes with the network, and on what it computes.

use edgefit_search::Metric;
use serde_json::Value;

use crate::harness::Outcome;

use super::resume::trained;
use super::scene::{Scene, TINY, code, expect};

/// Goals beside accuracy are found out for every candidate, and a bound on one is kept.
pub(crate) fn other_aims_are_goals() -> Outcome {
    let search =
        TINY.replace("latency_ms = \"min\"", "worst_class_accuracy = { target = 0.9 }\nfgsm_accuracy = \"max\"");
    let scene = Scene::new(&format!("{search}\n[constraints]\ncalibration_error = {{ max = 0.99 }}\n"))?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &["calibration_error <= 0.99"])?;
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    for name in ["worst_class_accuracy", "fgsm_accuracy", "calibration_error"] {
        let value = winner["metrics"][name]["value"].as_f64();
        assert!(value.is_some_and(|x| (0.0..=1.0).contains(&x)), "{name}: {winner:#}");
    }
    let wrong = scene.read("search.toml")?.replace("fgsm_accuracy = \"max\"", "fgsm_acuracy = \"max\"");
    scene.write("search.toml", wrong)?;
    expect(&scene.run(&["search", "search.toml"])?, code::USAGE, &["fgsm_accuracy"])
}

/// Once ten candidates are known, a surrogate says what the next come to before they are trained; it picks among proposals, and what it
/// said stands beside what was found, with its origin.
pub(crate) fn accuracies_are_foretold() -> Outcome {
    let search = TINY.replace("epochs = 1\n", "epochs = 1\nproxy = \"naswot\"\nsurrogate = true\nproposals = 3\n");
    let scene = Scene::new(&search)?;
    expect(&scene.search(&["--trials", "18"])?, code::DONE, &[])?;
    let trials = trained(&scene, "run")?;
    let mut foretold = 0;
    for trial in &trials {
        let value = trial.results.predicted(Metric::Accuracy);
        let told = trial.told.unwrap_or(0);
        assert_eq!(value.is_some(), told >= 10, "trial {} of {told} known", trial.number);
        assert!(trial.results.measured(Metric::Accuracy).is_some(), "trial {}", trial.number);
        let Some(value) = value else { continue };
        let (low, high) = value.interval.ok_or("no interval")?;
        assert!((0.0..=value.value).contains(&low) && (value.value..=1.0).contains(&high), "{value:?}");
        let origin = serde_json::to_string(&value.origin)?;
        assert!(origin.contains("predicted") && origin.contains("surrogate of"), "{origin}");
        foretold += 1;
    }
    assert!(foretold >= 4, "{foretold} of {}", trials.len());
    assert!(scene.read("run/report.html")?.contains("Expected against found accuracy"));
    scene.write("search.toml", search.replace("\"random\"", "\"hyperband\""))?;
    expect(
        &scene.run(&["search", "search.toml", "--out", "refused"])?,
        code::USAGE,
        &["estimate.surrogate", "hyperband"],
    )
}

/// Groups that a column names are judged each for itself, in a search and by `edgefit train`; without them, the goal is refused.
pub(crate) fn the_worst_group_is_a_goal() -> Outcome {
    let data = "format = \"csv-series\"\npath = \"sensor.csv\"\ngroup_column = 2";
    let search = TINY.replace("format = \"digits\"\nlimit = 300", data);
    let search = search.replace("latency_ms = \"min\"", "worst_group_accuracy = \"max\"");
    let scene = Scene::new(&search)?;
    let value = |class: usize, number: usize, t: usize| ((t * (class + 1)) as f64 * 0.4 + number as f64).sin();
    let row = |at: usize| {
        let (class, number) = (at % 2, at / 2);
        let values: Vec<String> = (0..16).map(|t| format!("{:.3}", value(class, number, t))).collect();
        format!("{},{},{}\n", ["walk", "run"][class], ["anna", "ben"][number % 2], values.join(","))
    };
    scene.write("sensor.csv", (0..120).map(row).collect::<String>())?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &["1x16"])?;
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    let worst = winner["metrics"]["worst_group_accuracy"]["value"].as_f64();
    assert!(worst.is_some_and(|worst| (0.0..=1.0).contains(&worst)), "{winner:#}");
    let again: Value = serde_json::from_str(&scene.run(&["train", "run", "--epochs", "1", "--json"])?.stdout)?;
    assert!(["anna", "ben"].contains(&again["worst_group"].as_str().unwrap_or_default()), "{again:#}");
    scene.write("search.toml", search.replace("group_column = 2", "channels = 1"))?;
    scene
        .write("sensor.csv", (0..120).map(|at| row(at).replace("anna,", "").replace("ben,", "")).collect::<String>())?;
    let refused = scene.run(&["search", "search.toml", "--out", "refused"])?;
    expect(&refused, code::USAGE, &["worst_group_accuracy", "group_column"])
}

/// The learning rate is searched with the network: one that is far too low is not the winner's, and the run can be trained on.
pub(crate) fn recipes_are_tuned() -> Outcome {
    let scene = Scene::new(&format!("{TINY}\n[tune]\nlearning_rate = [0.000001, 0.02]\nbatch = [16, 32]\n"))?;
    expect(&scene.search(&[])?, code::DONE, &[])?;
    let text = |number: u64| -> Result<String, Box<dyn std::error::Error>> {
        let mut study = edgefit::study::Study::open(&scene.path("run/study.sqlite"))?;
        let record =
            study.trials()?.into_iter().find(|record| record.trial.number == number && record.trial.digest.is_some());
        Ok(record.ok_or("no such trial")?.genotype)
    };
    let mut best = [f64::NEG_INFINITY; 2];
    for trial in trained(&scene, "run")? {
        let accuracy = trial.results.best(Metric::Accuracy).ok_or("no accuracy")?.value;
        let is_high = text(trial.number)?.contains("~lr0.02-b");
        let best = &mut best[usize::from(is_high)];
        *best = best.max(accuracy);
    }
    assert!(best[0] > 0.0 && best[0] < best[1], "best accuracy with either learning rate: {best:?}");
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    assert!(winner["genotype"].as_str().is_some_and(|text| text.contains("~lr0.02-b")), "{winner:#}");
    let again = scene.run(&["train", "run", "--epochs", "1"])?;
    expect(&again, code::DONE, &["epoch 1/1"])?;
    assert!(again.stdout.contains("~lr0.02-b"), "{}", again.stdout);
    let wrong = scene.read("search.toml")?.replace("batch = [16, 32]", "batch = [16, 0]");
    scene.write("search.toml", wrong)?;
    expect(&scene.run(&["search", "search.toml"])?, code::USAGE, &["tune.batch", "a whole number from 1"])
}

/// A GPU that this build has no part for is told before anything is spent.
pub(crate) fn absent_computes_are_told() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&["--compute", "cuda"])?, code::RUNTIME, &["cuda", "--features cuda"])?;
    expect(&scene.search(&["--compute", "tpu"])?, code::USAGE, &["wgpu"])
}

/// Trainings end early only where it is known what they have to reach, and where nothing else decides on their length.
pub(crate) fn only_what_can_be_judged_ends_early() -> Outcome {
    let search = TINY.replace("epochs = 1\n", "epochs = 8\nstop_below = 0.05\n");
    for (wrong, says) in [
        (search.replace("\"random\"", "\"hyperband\""), "hyperband"),
        (search.replace("accuracy = \"max\"", "macs = \"min\""), "accuracy = \"max\""),
        (search.replace("epochs = 8", "epochs = 4"), "epochs = 5"),
    ] {
        let scene = Scene::new(&wrong)?;
        expect(&scene.search(&[])?, code::USAGE, &["estimate.stop_below", says])?;
        assert!(!scene.path("run").exists());
    }
    Ok(())
}
