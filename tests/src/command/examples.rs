//! The search files of `host/examples/` that need only bundled data, each run to its end at a small size.

use std::fmt::Write;

use crate::harness::Outcome;
use crate::repository;

use super::scene::{Scene, code, expect};

/// Sections that make a run small. No example has them but for what is replaced below.
const SMALL: &str = "[final]\nfinalists = 1\nepochs = 1\n[table]\nmodels = 4\nprocesses = 1\nseconds = 10\n";

pub(crate) fn convolutions_run() -> Outcome {
    run(&["digits", "chain", "multi-branch"])
}

pub(crate) fn cells_run() -> Outcome {
    run(&["nb201", "darts", "global", "gdas"])
}

pub(crate) fn series_run() -> Outcome {
    run(&["tcn", "ds-cnn"])
}

pub(crate) fn attention_runs() -> Outcome {
    run(&["transformer", "hybrid"])
}

/// The space of one's own is found beside the search file, is whole in the run's own, and has a table without a search.
pub(crate) fn own_space_runs() -> Outcome {
    let scene = Scene::new(&small(&repository::read("host/examples/my-space.toml")?)?)?;
    let space = "spaces/my-space.toml";
    scene.write(space, repository::read(format!("host/examples/{space}"))?)?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &["networks, such as custom:"])?;
    expect(&scene.run(&["search", "run/search.toml", "--out", "again", "--trials", "1"])?, code::DONE, &[])?;
    let build = ["table", "build", "--space", space, "--input", "1x8x8", "--models", "4", "--processes", "1"];
    expect(&scene.run(&[build.as_slice(), &["--out", "own.table"]].concat())?, code::DONE, &[])?;
    let wrong = repository::read(format!("host/examples/{space}"))?.replace("op = \"depthwise\"", "op = \"deptwise\"");
    scene.write(space, wrong)?;
    let ended = scene.run(&["search", "search.toml", "--out", "wrong"])?;
    expect(&ended, code::USAGE, &["my-space.toml:", "blocks.inverted.layers.1.op", "did you mean `depthwise`?"])
}

/// Runs these examples: each prints the size of its space and one network of it, and ends with a winner.
fn run(names: &[&str]) -> Outcome {
    for name in names {
        let scene = Scene::new(&small(&repository::read(format!("host/examples/{name}.toml"))?)?)?;
        let ended = scene.search(&["--trials", "2"])?;
        expect(&ended, code::DONE, &["networks, such as"])?;
        let winner: serde_json::Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
        let accuracy = winner["metrics"]["accuracy"]["value"].as_f64();
        assert!(accuracy.is_some_and(|accuracy| (0.0..=1.0).contains(&accuracy)), "{name}: {winner}");
    }
    Ok(())
}

/// The example with little data, short trainings, a small table and no bounds, which a busy machine might miss.
fn small(example: &str) -> Result<String, std::fmt::Error> {
    let mut small = String::new();
    let mut section = "";
    for line in example.lines() {
        section = if line.starts_with('[') { line } else { section };
        match line {
            _ if ["[constraints]", "[final]", "[table]"].contains(&section) => {}
            "[data]" => writeln!(small, "{line}\nlimit = 200")?,
            _ if line.starts_with("epochs = ") => writeln!(small, "epochs = 1")?,
            _ => writeln!(small, "{line}")?,
        }
    }
    Ok(small + SMALL)
}
