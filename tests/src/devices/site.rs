//! A user's folder from which a board is in reach: edgefit with the agent for it, and the user's own ssh.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use edgefit::device::{agents, canary};
use serde_json::Value;

use crate::board::Board;
use crate::board::sshd::Network;
use crate::command::scene::{LIMIT, Scene, TINY, code, expect};
use crate::needs::{cross, program, runtime};
use crate::process::{self, Ended, Running};

/// Short, and enough for numbers.
pub(super) const SHORT: [&str; 8] = ["--min-secs", "0.05", "--max-secs", "1", "--min-runs", "5", "--processes", "1"];

/// Longest run of a search on an emulated board.
pub(super) const LONG: Duration = Duration::from_secs(1800);

/// The user's folder, and the network.
pub(super) struct Site {
    pub(super) scene: Scene,
    pub(super) network: Network,
}

impl Site {
    /// A board in a network, which edgefit does not know yet.
    pub(super) fn new(board: Board) -> Result<Self, String> {
        let scene = scene_with_agent()?;
        Ok(Self { scene, network: Network::around(board)? })
    }

    /// The same, with the board added as `board`.
    pub(super) fn with_device(board: Board) -> Result<Self, String> {
        let site = Self::new(board)?;
        site.done(&["devices", "add", "board", "ssh://board"])?;
        Ok(site)
    }

    /// The same, with ONNX Runtime for the board in edgefit's own folder.
    pub(super) fn with_onnx_runtime(board: Board) -> Result<Self, String> {
        let site = Self::with_device(board)?;
        add_library(&site.scene)?;
        Ok(site)
    }

    /// This machine as the device `board`, by ssh all the same. Its agent is this program, by a script that is sent in place of one.
    pub(super) fn of_this_machine() -> Result<Self, String> {
        const TARGET: &str = "this-machine";
        let scene = Scene::new(TINY)?;
        let edgefit = program::edgefit().map_err(|missing| missing.to_string())?;
        let agent = format!("#!/bin/sh\nexec {} agent \"$@\"\n", edgefit.display());
        scene.write(&format!(".local/share/edgefit/agents/{}", agents::file_name(TARGET)), agent)?;
        scene.write("device/README", "the home of the device's account")?;
        let network = Network::around_this_machine(&scene.path("device"))?;
        let site = Self { scene, network };
        site.done(&["devices", "add", "board", "ssh://board", "--target", TARGET])?;
        Ok(site)
    }

    /// edgefit as the user has it.
    pub(super) fn edgefit(&self, arguments: &[&str]) -> Result<Command, String> {
        let mut command = self.scene.edgefit(arguments)?;
        let mut path = OsString::from(self.network.programs());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
        Ok(command)
    }

    /// Runs it to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Ended, String> {
        process::finish(&mut self.edgefit(arguments)?, LIMIT)
    }

    /// Runs it to its end, which is a good one.
    pub(super) fn done(&self, arguments: &[&str]) -> Result<Ended, String> {
        let ended = self.run(arguments)?;
        expect(&ended, code::DONE, &[]).map_err(|failed| failed.message().unwrap_or_default().to_owned())?;
        Ok(ended)
    }

    /// Starts it.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Running, String> {
        process::start(&mut self.edgefit(arguments)?)
    }
}

/// A user's folder with a model, and the agent for the board in edgefit's own folder.
pub(super) fn scene_with_agent() -> Result<Scene, String> {
    let scene = Scene::new(&search())?;
    scene.write("model.onnx", canary::model())?;
    let name = agent_name();
    scene.write(&name, "")?;
    let agent = cross::agent().map_err(|missing| missing.to_string())?;
    std::fs::copy(agent, scene.path(&name)).map_err(|error| format!("{}: {error}", agent.display()))?;
    Ok(scene)
}

/// Where the agent for the board is in the user's folder.
pub(super) fn agent_name() -> String {
    format!(".local/share/edgefit/agents/edgefit-agent-{}", cross::TARGET)
}

/// Puts ONNX Runtime for the board into edgefit's own folder. 1.26.0 is the last version that QEMU runs.
fn add_library(scene: &Scene) -> Result<(), String> {
    let library = runtime::library_for("aarch64-linux", "1.26.0").map_err(|missing| missing.to_string())?;
    let name = ".local/share/edgefit/onnxruntime/aarch64-linux/1.26.0/libonnxruntime.so.1.26.0";
    scene.write(name, "")?;
    std::fs::copy(&library, scene.path(name)).map(drop).map_err(|error| format!("{}: {error}", library.display()))
}

/// The arguments of a short `bench` of the model on a device.
pub(super) fn bench<'a>(device: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "model.onnx", "--device", device, "--json"], SHORT.as_slice(), more].concat()
}

/// A report of the board says where it was measured, and that its times mean nothing.
pub(super) fn expect_emulated(report: &Value) {
    assert_eq!(report["error"], Value::Null, "{report:#}");
    assert_eq!(report["device"]["abi"], "aarch64-gnu", "{report:#}");
    assert_eq!(report["device"]["emulator"], "qemu-aarch64-static", "{report:#}");
    assert_eq!(report["validity"]["ok"], false, "{report:#}");
    assert_eq!(report["validity"]["flags"][0]["emulated"]["by"], "qemu-aarch64-static", "{report:#}");
}

/// A small search that measures in ONNX Runtime, whose library QEMU runs fast enough.
pub(super) fn search() -> String {
    TINY.replace("\"tract\"", "\"ort\"")
}
