//! What a user gets wrong in a search file or on the command line: exit code 2, the place, and the way out.

use crate::harness::Outcome;

use super::scene::{Scene, TINY, code, expect};

/// A change of the search file ends the program before it does anything, with all of these words.
fn check(from: &str, to: &str, says: &[&str]) -> Outcome {
    assert!(TINY.contains(from), "{from:?} is not in the search file");
    let scene = Scene::new(&TINY.replace(from, to))?;
    expect(&scene.search(&[])?, code::USAGE, says)?;
    assert!(!scene.path("run").exists(), "a run folder was made for a search file that is wrong");
    Ok(())
}

/// An unknown key names the nearest one, and where it stands.
pub(crate) fn unknown_key_names_the_nearest() -> Outcome {
    check("trials = 6", "trails = 6", &["search.toml:13", "trails", "did you mean `trials`"])?;
    check("[strategy]", "[strateggy]", &["search.toml:11", "strateggy", "did you mean `strategy`"])
}

/// Values that cannot be: out of range, of another type, of another unit.
pub(crate) fn impossible_values_are_refused() -> Outcome {
    check("epochs = 1\n", "epochs = 0\n", &["estimate.epochs", "0"])?;
    check("trials = 6", "trials = \"six\"", &["strategy.trials", "search.toml:13"])?;
    check("latency_ms = \"min\"", "latency_ms = \"max\"", &["objectives.latency_ms", "min"])?;
    check("latency_ms = \"min\"", "latency_us = \"min\"", &["latency_us", "latency_ms"])?;
    check("seed = 1\n", "", &["seed"])
}

/// A bound with the least above the greatest.
pub(crate) fn empty_ranges_are_refused() -> Outcome {
    let bound = "latency_ms = \"min\"\n\n[constraints]\nparams = { min = 200, max = 100 }";
    check("latency_ms = \"min\"", bound, &["constraints.params", "200", "100"])
}

/// A preset, strategy or runtime that there is not lists those that there are.
pub(crate) fn unknown_names_list_the_known() -> Outcome {
    check("\"chain\"", "\"chian\"", &["space.preset", "chain", "mbconv"])?;
    check("\"random\"", "\"randm\"", &["strategy.name", "random"])?;
    check("\"tract\"", "\"tflite\"", &["device.runtime", "tract", "ort"])
}

/// A search file that is not there, or no TOML.
pub(crate) fn unreadable_search_files_are_told() -> Outcome {
    let scene = Scene::new("seed = = 1")?;
    expect(&scene.search(&[])?, code::USAGE, &["search.toml:1"])?;
    expect(&scene.run(&["search", "no-such.toml"])?, code::USAGE, &["no-such.toml"])
}

/// An unknown command, option or value: as in any program on clap.
pub(crate) fn wrong_command_lines_are_told() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.run(&["serach", "search.toml"])?, code::USAGE, &["serach", "search"])?;
    expect(&scene.search(&["--trails", "3"])?, code::USAGE, &["--trails", "--trials"])?;
    expect(&scene.search(&["--trials", "many"])?, code::USAGE, &["many"])?;
    expect(&scene.run(&[])?, code::USAGE, &["Usage"])
}
