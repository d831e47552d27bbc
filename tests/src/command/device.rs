//! A device that dies during a job, and one that is not there: exit code 4.

use std::time::Duration;

use crate::harness::Outcome;
use crate::process::Running;

use super::scene::{LIMIT, Scene, TINY, code, expect};

/// A name that is not in the device registry lists what is there.
pub(crate) fn unknown_devices_are_told() -> Outcome {
    let scene = Scene::new(&TINY.replace("\"local\"", "\"raspberry\""))?;
    let ended = scene.search(&[])?;
    assert!([Some(code::USAGE), Some(code::DEVICE)].contains(&ended.code), "{ended:?}");
    expect(&ended, ended.code.unwrap_or_default(), &["raspberry", "local"])
}

/// When the agent dies while the search connects, the search ends with the device's exit code.
pub(crate) fn an_agent_that_dies_at_once_is_told() -> Outcome {
    let scene = Scene::new(TINY)?;
    let mut search = scene.start_search(&[])?;
    assert!(kill_agent(&mut search), "the search had no agent process");
    goes_on(&scene, search)
}

/// When the agent dies during a job, too; what was done before is kept.
pub(crate) fn an_agent_that_dies_during_a_job_is_told() -> Outcome {
    let scene = Scene::new(TINY)?;
    let mut search = scene.start_search(&[])?;
    scene.wait_for("run/study.sqlite")?;
    std::thread::sleep(Duration::from_millis(300));
    assert!(kill_agent(&mut search), "the search had no agent process");
    goes_on(&scene, search)
}

/// The search does not hang: it goes on with a new agent, or it ends with the device's exit code and can be resumed.
fn goes_on(scene: &Scene, search: Running) -> Outcome {
    let ended = search.finish(LIMIT)?;
    if ended.code != Some(code::DONE) {
        expect(&ended, code::DEVICE, &["local"])?;
        expect(&scene.search(scene.go_on("run"))?, code::DONE, &[])?;
    }
    Ok(())
}

/// Kills the first child process of the search that there is.
fn kill_agent(search: &mut Running) -> bool {
    let children = format!("/proc/{0}/task/{0}/children", search.id());
    while search.is_running() {
        let ids = std::fs::read_to_string(&children).unwrap_or_default();
        if let Some(id) = ids.split_whitespace().next() {
            let kill = std::process::Command::new("kill").args(["-9", id]).status();
            return kill.is_ok_and(|status| status.success());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
