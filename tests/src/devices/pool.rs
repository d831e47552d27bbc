//! Three equal devices as one: agents that listen, on this machine, one of which dies.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use edgefit::device::canary;
use serde_json::Value;

use crate::command::scene::{Scene, TINY, code, expect};
use crate::harness::Outcome;
use crate::needs::program;

/// An agent that listens, with a token.
pub(super) struct Agent {
    process: Child,
    pub(super) address: String,
}

impl Agent {
    /// Starts one with the token in the scene's file.
    pub(super) fn start(scene: &Scene) -> Result<Self, String> {
        let mut process = Command::new(program::edgefit().map_err(|missing| missing.to_string())?)
            .args(["agent", "--tcp", "127.0.0.1:0", "--token-file"])
            .arg(scene.path("token"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("the output is piped")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.trim().strip_prefix("listening on ").ok_or("the agent does not say where it listens")?;
        Ok(Self { process, address: address.to_owned() })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has died already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A search on a pool goes on to its end with the two that are left.
pub(crate) fn goes_on_without_one_that_dies() -> Outcome {
    let scene = Scene::new(TINY)?;
    let mut agents = boards(&scene)?;
    let search = scene.start_search(&["--device", "boards"])?;
    scene.wait_for("run/study.sqlite")?;
    drop(agents.pop());
    let ended = search.finish(crate::command::scene::LIMIT)?;
    expect(&ended, code::DONE, &[])?;
    assert!(scene.path("run/winner.onnx").exists());
    drop(agents);
    let again = ["search", "search.toml", "--device", "boards", "--out", "none"];
    expect(&scene.run(&again)?, code::DEVICE, &["refused"])
}

/// A table is measured on all of them, also when the first dies, and belongs to their kind; what takes one device says which it is.
pub(crate) fn shares_the_work_of_a_table() -> Outcome {
    let scene = Scene::new(TINY)?;
    let mut agents = boards(&scene)?;
    let build = |models, out, device| {
        let drawn = ["table", "build", "--space", "chain", "--input", "1x8x8", "--processes", "1"];
        [drawn.as_slice(), &["--models", models, "--out", out, "--device", device]].concat()
    };
    let building = scene.start(&build("12", "boards.table", "boards"))?;
    scene.wait_for("boards.table")?;
    drop(agents.remove(0));
    let ended = building.finish(crate::command::scene::LIMIT)?;
    expect(&ended, code::DONE, &["the other devices take over its work"])?;
    assert!(ended.stdout.contains("all models are measured"), "{}", ended.stdout);
    expect(&scene.run(&build("5", "b.table", "b"))?, code::DONE, &[])?;
    let evaluate =
        |table, device| ["table", "evaluate", table, "--models", "2", "--processes", "1", "--device", device];
    expect(&scene.run(&evaluate("boards.table", "boards"))?, code::DONE, &[])?;
    expect(&scene.run(&evaluate("b.table", "boards"))?, code::USAGE, &["was measured elsewhere"])?;
    scene.write("model.onnx", canary::model())?;
    let bench = ["bench", "model.onnx", "--device", "boards", "--min-secs", "0.1", "--processes", "1", "--json"];
    let ended = scene.run(&bench)?;
    expect(&ended, code::DONE, &["boards is a pool, and this is done on one device of it: b"])?;
    let report: Value = serde_json::from_str(&ended.stdout)?;
    let url = report["device"]["url"].as_str().unwrap_or_default();
    assert!(url.contains(&agents[0].address), "{url}");
    Ok(())
}

/// Three agents, added as a pool.
fn boards(scene: &Scene) -> Result<Vec<Agent>, libtest_mimic::Failed> {
    scene.write("token", "of the pool")?;
    let mut agents = Vec::new();
    for name in ["a", "b", "c"] {
        let agent = Agent::start(scene)?;
        let url = format!("tcp://{}?token=of the pool", agent.address);
        expect(&scene.run(&["devices", "add", name, &url, "--retries", "1"])?, code::DONE, &[])?;
        agents.push(agent);
    }
    expect(&scene.run(&["devices", "add", "boards", "pool:a,b,c"])?, code::DONE, &[])?;
    Ok(agents)
}
