//! Run folders that cannot be written: in use, there already, on a full disk. Exit code 8.

use std::process::Command;

use crate::harness::Outcome;
use crate::needs::mount::SmallDisk;
use crate::process;

use super::scene::{LIMIT, Scene, TINY, code, expect};

/// A second search in the folder of a running one is refused and does no harm to the first.
pub(crate) fn two_runs_do_not_share_a_folder() -> Outcome {
    let scene = Scene::new(TINY)?;
    let first = scene.start_search(&[])?;
    scene.wait_for("run/study.sqlite")?;
    expect(&scene.search(&["--resume"])?, code::STORAGE, &["run"])?;
    expect(&first.finish(LIMIT)?, code::DONE, &[])
}

/// A finished run is not overwritten by a new one.
pub(crate) fn a_run_is_not_overwritten() -> Outcome {
    let scene = Scene::new(TINY)?;
    expect(&scene.search(&["--trials", "1"])?, code::DONE, &[])?;
    let winner = std::fs::read(scene.path("run/winner.onnx"))?;
    let again = scene.search(&[])?;
    assert_ne!(again.code, Some(code::DONE), "a second search took the folder of the first");
    expect(&again, again.code.unwrap_or_default(), &["run", "--resume"])?;
    assert_eq!(std::fs::read(scene.path("run/winner.onnx"))?, winner);
    Ok(())
}

/// On a full disk the search says so, and goes on once there is room.
pub(crate) fn a_full_disk_is_told() -> Outcome {
    let disk = SmallDisk::new(256)?;
    let scene = Scene::new(TINY)?;
    let run = disk.path().join("run");
    let out = run.display().to_string();
    let search = |more: &[&str]| scene.run(&[&["search", "search.toml", "--out", &out], more].concat());
    expect(&search(&[])?, code::STORAGE, &["disk is full"])?;
    process::succeed(Command::new("mount").args(["-o", "remount,size=64m"]).arg(disk.path()))?;
    expect(&search(scene.go_on(&run))?, code::DONE, &[])
}
