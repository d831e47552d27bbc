//! What goes wrong with a device, each with its exit code and what to do: cuts, a full disk, two users, old agents.

use std::thread;
use std::time::{Duration, Instant};

use edgefit_protocol::{frame, handshake::MAGIC};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::board::Board;
use crate::command::bench::json;
use crate::command::resume::{course_of, trained};
use crate::command::scene::{code, expect};
use crate::harness::Outcome;
use crate::process;

use super::site::{LONG, Site, bench, expect_emulated};

/// A search whose connection is cut.
struct Cutting {
    trials: &'static str,
    cuts: usize,
    /// Longest time from one cut to the next.
    apart_ms: u64,
}

/// Cut at random moments, whatever goes over the connection then, a search has the same trials as without cuts. This machine is the
/// device, so that it takes seconds.
pub(crate) fn cuts_do_not_change_a_search() -> Outcome {
    compare_with_cuts(&Site::of_this_machine()?, &Cutting { trials: "4", cuts: 6, apart_ms: 1_000 })
}

/// Cut much more often, mostly before a job is done that began since the last cut, it has the same trials as on the board without cuts.
pub(crate) fn many_cuts_do_not_change_a_search() -> Outcome {
    let site = Site::with_onnx_runtime(Board::start()?)?;
    compare_with_cuts(&site, &Cutting { trials: "30", cuts: 50, apart_ms: 4_000 })
}

fn compare_with_cuts(site: &Site, cutting: &Cutting) -> Outcome {
    let search = |out| ["search", "search.toml", "--trials", cutting.trials, "--device", "board", "--out", out];
    let begun = Instant::now();
    let ended = process::finish(&mut site.edgefit(&search("whole"))?, LONG)?;
    expect(&ended, code::DONE, &[])?;
    let whole = begun.elapsed();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let begun = Instant::now();
    let mut running = site.start(&search("cut"))?;
    let mut cuts = 0;
    while cuts < cutting.cuts && running.is_running() {
        thread::sleep(Duration::from_millis(rng.random_range(0..cutting.apart_ms)));
        cuts += site.network.cable.cut();
    }
    let ended = running.finish(LONG)?;
    println!("{cuts} cuts: {:.1} s instead of {:.1} s", begun.elapsed().as_secs_f64(), whole.as_secs_f64());
    expect(&ended, code::DONE, &[])?;
    assert!(cuts >= cutting.cuts, "the search ended after {cuts} cuts");
    let course = |run| -> Result<Vec<_>, String> { Ok(trained(&site.scene, run)?.iter().map(course_of).collect()) };
    assert_eq!(course("whole")?, course("cut")?);
    Ok(())
}

/// A disk without room for the agent, and one without room for a model.
pub(crate) fn a_full_disk_is_told() -> Outcome {
    let small = Site::with_device(Board::with_small_disk(1024)?)?;
    expect(&small.run(&bench("board", &[]))?, code::DEVICE, &["KiB free", "make room"])?;
    let site = Site::with_device(Board::with_small_disk(400 * 1024)?)?;
    let canary = edgefit::device::canary::model();
    site.scene.write("model.onnx", with_metadata(&canary, 64))?;
    site.done(&bench("board", &[]))?;
    site.network.board().run("cat /dev/zero > /data/fill; true")?;
    // The model before makes room for a smaller one, and not for a larger one.
    site.scene.write("model.onnx", &canary)?;
    site.done(&bench("board", &[]))?;
    site.scene.write("model.onnx", with_metadata(&canary, 1_000_000))?;
    expect(&site.run(&bench("board", &[]))?, code::DEVICE, &["store", "space"])?;
    site.network.board().run("rm /data/fill")?;
    expect_emulated(&json(&site.done(&bench("board", &[]))?)?);
    Ok(())
}

/// The same model with another hash: a producer's name of so many letters is added (ONNX's ModelProto, field 2).
fn with_metadata(model: &[u8], letters: usize) -> Vec<u8> {
    // The length as a varint of three bytes.
    let length = [letters & 0x7f | 0x80, letters >> 7 & 0x7f | 0x80, letters >> 14 & 0x7f].map(|bits| bits as u8);
    [model, &[0x12], &length, &vec![b'x'; letters]].concat()
}

/// Who comes second is told to wait, and gets his turn when the first is done.
pub(crate) fn a_second_user_waits() -> Outcome {
    let site = Site::with_device(Board::start()?)?;
    site.done(&bench("board", &[]))?;
    let long = ["bench", "model.onnx", "--device", "board", "--min-secs", "60", "--max-secs", "60"];
    let first = site.start(&long)?;
    wait_for_lock(&site)?;
    expect(&site.run(&bench("board", &[]))?, code::DEVICE, &["another host"])?;
    drop(first);
    site.done(&bench("board", &[]))?;
    Ok(())
}

/// The agent of the first user holds the board.
fn wait_for_lock(site: &Site) -> Result<(), String> {
    let held = "read pid session < /data/.cache/edgefit/store.lock && [ -d /proc/$pid ]";
    for _ in 0..400 {
        if site.network.board().run(held).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(25));
    }
    Err("the first user never got the board".to_owned())
}

/// Agents of earlier versions make room on the board; one that is still in edgefit's own folder is told.
pub(crate) fn old_agents_go_and_are_told() -> Outcome {
    let site = Site::with_device(Board::start()?)?;
    let board = site.network.board();
    let put = "mkdir -p ~/.cache/edgefit/agents; cd ~/.cache/edgefit/agents; for n in 1 2 3 4; do echo old > edgefit-agent-$n; done";
    board.run(put)?;
    site.done(&bench("board", &[]))?;
    let left = board.run("cd ~/.cache/edgefit/agents; ls; cat *-1 *-2 *-3 *-4 2>/dev/null | wc -l; true")?;
    let agents: Vec<&str> = left.lines().filter(|line| line.starts_with("edgefit-agent-")).collect();
    assert!(agents.iter().any(|agent| agent.len() > "edgefit-agent-1".len()), "{left}");
    assert!(agents.len() < 5, "the old agents are all still there: {left}");
    site.scene.write(&super::site::agent_name(), older_agent()?)?;
    expect(&site.run(&bench("board", &[]))?, code::DEVICE, &["version 1", "agent build"])
}

/// A stand-in for an agent of an older version: a script that says what one says, and no more.
fn older_agent() -> Result<String, String> {
    let greeting = frame::encode(&(MAGIC, 1_u32, "an answer of that version")).map_err(|error| error.to_string())?;
    let bytes: String = greeting.iter().map(|byte| format!("\\{byte:03o}")).collect();
    Ok(format!("#!/bin/sh\nprintf '{bytes}'\ncat > /dev/null\n"))
}
