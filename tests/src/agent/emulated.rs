//! The agent of another processor: its own suite on a board that is emulated, and what it is able to do with both runtimes there.

use std::path::Path;

use crate::board::Board;
use crate::harness::Outcome;
use crate::needs::{cross, program, runtime};
use crate::{process, repository};

/// Where the agent and the library are on the board.
const AGENT: &str = "/data/edgefit-agent";
const FOLDER: &str = "/data";

/// What an emulated board cannot have: QEMU keeps no limit of memory, so that a model that takes more and more is not run there either,
/// and files of this machine are not there. Damaged models are run in numbers on this machine, where they take a second.
const LEFT_OUT: [&str; 3] = [
    "robustness::wrong_requests_are_refused_and_the_agent_goes_on",
    "transports::only_the_token_opens",
    "mutations::damaged_models_are_errors_or_run",
];

/// Protocol, tract, crashes, cancelled jobs, transports.
pub(crate) fn passes_its_suite() -> Outcome {
    let board = with_agent()?;
    let skip = LEFT_OUT.iter().flat_map(|name| ["--skip", name]);
    let said = suite(&board, skip.collect(), None)?;
    assert!(said.contains("3 filtered out") && said.contains("0 failed"), "{said}");
    Ok(())
}

/// ONNX Runtime for 64-bit Arm, as `edgefit runtime install` gets it. 1.26.0 is the last version that QEMU runs.
pub(crate) fn passes_with_onnx_runtime() -> Outcome {
    let board = with_agent()?;
    let library = runtime::library_for("aarch64-linux", "1.26.0")?;
    let name = library.file_name().ok_or("the library has a name")?;
    let there = Path::new(FOLDER).join(name);
    std::fs::copy(&library, board.path(&there.to_string_lossy()))?;
    let said = suite(&board, vec!["--ignored", "--exact", "conformance::onnx_runtime_passes"], Some(&there))?;
    assert!(said.contains("1 passed"), "the suite was not run: {said}");
    Ok(())
}

/// A board with the agent on it.
fn with_agent() -> Result<Board, String> {
    let board = Board::start()?;
    let agent = cross::agent().map_err(|missing| missing.to_string())?;
    std::fs::copy(agent, board.path(AGENT)).map_err(|error| format!("{}: {error}", agent.display()))?;
    Ok(board)
}

/// The agent's own suite, with the board's agent in place of this machine's.
fn suite(board: &Board, arguments: Vec<&str>, library: Option<&Path>) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let agent = board.program_here(AGENT, &folder.path().join("agent"))?;
    let (_, place) = program::place()?;
    let mut cargo = repository::cargo();
    cargo.args(["test", "--quiet", "--offline", "--workspace", "--test=agent"]).args(place).arg("--").args(arguments);
    cargo.env("EDGEFIT_TEST_AGENT", agent).env_remove("ORT_DYLIB_PATH");
    cargo.envs(library.map(|library| ("ORT_DYLIB_PATH", library)));
    process::succeed(&mut cargo)
}
