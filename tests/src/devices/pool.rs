//! Three equal devices as one: agents that listen, on this machine, one of which dies.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::command::scene::{Scene, TINY, code, expect};
use crate::harness::Outcome;
use crate::needs::program;

/// An agent that listens, with a token.
struct Agent {
    process: Child,
    address: String,
}

impl Agent {
    fn start(scene: &Scene) -> Result<Self, String> {
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
    scene.write("token", "of the pool")?;
    let mut agents = Vec::new();
    for name in ["a", "b", "c"] {
        let agent = Agent::start(&scene)?;
        let url = format!("tcp://{}?token=of the pool", agent.address);
        expect(&scene.run(&["devices", "add", name, &url])?, code::DONE, &[])?;
        agents.push(agent);
    }
    expect(&scene.run(&["devices", "add", "boards", "pool:a,b,c"])?, code::DONE, &[])?;
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
