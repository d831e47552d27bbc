//! A board by the user's own ssh: from nothing to a search on it.

use std::time::Instant;

use crate::board::Board;
use crate::command::bench::json;
use crate::command::scene::{code, expect};
use crate::harness::Outcome;
use crate::{process, repository};

use super::site::{LONG, Site, bench, expect_emulated};

/// Adding a device, looking whether all is there, and measuring on it; the second time, nothing is sent.
pub(crate) fn a_board_is_added_checked_and_measured() -> Outcome {
    let site = Site::new(Board::start()?)?;
    assert!(site.done(&["devices", "list"])?.stdout.contains("local"));
    site.done(&["devices", "add", "board", "ssh://board"])?;
    let checked = site.done(&["devices", "check", "board"])?.stdout;
    for found in ["aarch64", "glibc 2.36", "agent"] {
        assert!(checked.contains(found), "{found} is not in:\n{checked}");
    }
    let sent_bytes = site.network.cable.sent_bytes();
    let agent_bytes = std::fs::metadata(crate::needs::cross::agent()?)?.len();
    assert!(sent_bytes > agent_bytes / 4, "{sent_bytes} bytes were sent to the board");
    let first = site.done(&bench("board", &["--per-op"]))?;
    expect_emulated(&json(&first)?);
    let before = site.network.cable.sent_bytes();
    expect_emulated(&json(&site.done(&bench("board", &[]))?)?);
    let sent_again = site.network.cable.sent_bytes() - before;
    // The handshakes of ssh are some KiB.
    assert!(sent_again < 64 * 1024, "the second time, {sent_again} bytes were sent");
    site.done(&["devices", "remove", "board"])?;
    assert!(!site.done(&["devices", "list"])?.stdout.contains("board"));
    Ok(())
}

/// An alias behind a jump host, which is all in the user's own configuration.
pub(crate) fn a_board_behind_a_jump_host_is_measured() -> Outcome {
    let site = Site::new(Board::start()?)?;
    site.done(&["devices", "add", "board", "ssh://far"])?;
    expect_emulated(&json(&site.done(&bench("board", &[]))?)?);
    assert!(site.network.jumps() > 0, "the jump host was not used");
    assert_eq!(site.network.cable.connections(), 0);
    Ok(())
}

/// A search that measures on the board ends with a winner that was measured there.
pub(crate) fn a_search_measures_on_the_board() -> Outcome {
    let site = Site::with_onnx_runtime(Board::start()?)?;
    site.done(&["search", "search.toml", "--out", "run", "--device", "board"])?;
    let winner: serde_json::Value = serde_json::from_str(&site.scene.read("run/winner.json")?)?;
    let origin = "ssh://board, emulated, ort 1.26.0";
    assert!(winner["metrics"]["latency_ms"].to_string().contains(origin), "{winner:#}");
    Ok(())
}

/// The example of the README on the board, by three commands from an empty registry. Its bounds are none that an emulator could meet: QEMU
/// takes a hundred times as long, and what it translates counts as memory of the model.
pub(crate) fn the_example_is_searched_on_the_board() -> Outcome {
    let site = Site::new(Board::start()?)?;
    let example = repository::root().join("host/examples/digits.toml").display().to_string();
    let bounds = ["--set", "constraints.latency_ms.max=1000", "--set", "constraints.peak_memory_kib.max=1000000"];
    let search = [["search", &example, "--device", "board", "--out", "run"].as_slice(), &bounds].concat();
    let commands: [&[&str]; 3] = [&["devices", "add", "board", "ssh://board"], &["devices", "check", "board"], &search];
    for arguments in commands {
        let begun = Instant::now();
        let ended = process::finish(&mut site.edgefit(arguments)?, LONG)?;
        println!("$ edgefit {}\n{}{:.1} s", arguments.join(" "), ended.stdout, begun.elapsed().as_secs_f64());
        expect(&ended, code::DONE, &[])?;
    }
    let winner: serde_json::Value = serde_json::from_str(&site.scene.read("run/winner.json")?)?;
    assert!(winner["metrics"]["latency_ms"].to_string().contains("ssh://board, emulated, tract"), "{winner:#}");
    Ok(())
}
