//! One of several different devices vanishes during a search: the search goes on with what its table predicts, or stops, as its entry
//! says, and ends where it would have ended once the device is there again. And one that is several, used in two ways, is connected once.

use std::thread;
use std::time::{Duration, Instant};

use edgefit_search::Metric;
use serde_json::Value;

use super::pool::Agent;
use crate::command::resume::trained;
use crate::command::scene::{LIMIT, Scene, TINY, code, expect};
use crate::harness::Outcome;

/// The trials go on without the device, and the end, which needs it, waits.
pub(crate) fn the_others_go_on() -> Outcome {
    let scene = without_the_second("predict")?;
    let trials = trained(&scene, "run")?;
    // A candidate at which a device was disturbed all the while keeps the predicted median, beside the measured p90.
    let measured =
        |device: u8| trials.iter().filter(|t| t.results.measured_on(device, Metric::LatencyP90Ms).is_some()).count();
    assert_eq!((trials.len(), measured(0)), (6, 6));
    assert!((1..6).contains(&measured(1)), "{} were measured on the device that vanished", measured(1));
    let is_known = |device: u8| trials.iter().all(|t| t.readings().best_on(device, Metric::LatencyMs).is_some());
    assert!(is_known(1), "a trial has no latency of the device that vanished");
    goes_on(&scene)
}

/// The search stops at once, and goes on from there.
pub(crate) fn the_search_stops() -> Outcome {
    let scene = without_the_second("stop")?;
    let before = trained(&scene, "run")?;
    assert!(before.len() < 6, "{} trials without the device", before.len());
    goes_on(&scene)?;
    let after = trained(&scene, "run")?;
    assert!(before.iter().all(|trial| after.contains(trial)), "a trial was lost");
    assert_eq!(after.len(), 6);
    Ok(())
}

/// A device serves one host at a time, over one connection: the two ways in which a search uses it share that.
pub(crate) fn one_is_used_in_two_ways() -> Outcome {
    let device = "[device]\nname = \"local\"\nruntime = \"tract\"\n";
    let way = |threads| format!("[[devices]]\nname = \"other\"\nruntime = \"tract\"\nthreads = {threads}\n");
    let scene = Scene::new(&TINY.replace(device, &(way(1) + &way(2))))?;
    scene.write("token", "of the other")?;
    let _other = add(&scene)?;
    expect(&scene.search(&["--trials", "2"])?, code::DONE, &[])?;
    let trials = trained(&scene, "run")?;
    let on =
        |device: u8| trials.iter().filter(|t| t.results.measured_on(device, Metric::LatencyP90Ms).is_some()).count();
    assert_eq!((trials.len(), on(0), on(1)), (2, 2, 2));
    Ok(())
}

/// A search on this machine and a second device, which vanishes after the first trial.
fn without_the_second(on_loss: &str) -> Result<Scene, libtest_mimic::Failed> {
    let device = "[device]\nname = \"local\"\nruntime = \"tract\"\n";
    let both = format!("[[devices]]\nname = \"local\"\n[[devices]]\nname = \"other\"\non_loss = \"{on_loss}\"\n");
    let scene = Scene::new(&TINY.replace(device, &both))?;
    scene.write("token", "of the other")?;
    let other = add(&scene)?;
    let search = scene.start_search(&[])?;
    let started = Instant::now();
    while trained(&scene, "run")?.is_empty() {
        if started.elapsed() > LIMIT {
            return Err("no trial ended".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    drop(other);
    expect(&search.finish(LIMIT)?, code::DEVICE, &["other", "--resume"])?;
    Ok(scene)
}

/// The device is there again, and the run goes on to its end.
fn goes_on(scene: &Scene) -> Outcome {
    expect(&scene.run(&["devices", "remove", "other"])?, code::DONE, &[])?;
    let _other = add(scene)?;
    expect(&scene.search(&["--resume"])?, code::DONE, &[])?;
    let winner: Value = serde_json::from_str(&scene.read("run/winner.json")?)?;
    assert_eq!(winner["devices"][1]["name"], "other", "{winner:#}");
    assert_eq!(winner["devices"][1]["metrics"]["latency_ms"]["origin"], "measured", "{winner:#}");
    Ok(())
}

fn add(scene: &Scene) -> Result<Agent, libtest_mimic::Failed> {
    let agent = Agent::start(scene)?;
    let url = format!("tcp://{}?token=of the other", agent.address);
    expect(&scene.run(&["devices", "add", "other", &url, "--retries", "1"])?, code::DONE, &[])?;
    Ok(agent)
}
