//! Searches that a supernet guides: it is trained once before them, kept through a kill, and what it learned is in the report.

use edgefit_search::Trial;

use crate::harness::Outcome;

use super::resume::{course_of, trained};
use super::scene::{Scene, TINY, code, expect};

/// The smallest search of cells, by a strategy with these settings; the accuracy is the only objective.
fn search(strategy: &str) -> String {
    let cells = TINY.replace("\"chain\"", "\"nb201\"\nwidths = [8]\ndepths = [1]").replace("trials = 6", "trials = 3");
    cells.replace("latency_ms = \"min\"\n", "").replace("\"random\"", strategy)
}

/// A search by `darts` ends with a winner, says what it learned, and goes on after a kill as if nothing had happened.
pub(crate) fn a_supernet_guides_the_search_and_survives_a_kill() -> Outcome {
    let text = search("\"darts\"\nsupernet_epochs = 6");
    let (whole, killed) = (Scene::new(&text)?, Scene::new(&text)?);
    let ended = whole.search(&[])?;
    expect(&ended, code::DONE, &["relaxed: training a supernet", "relaxed: ", "edge0-1"])?;
    assert!(whole.path("run/winner.onnx").exists());
    let running = killed.start_search(&[])?;
    killed.wait_for("run/relaxed.state")?;
    running.kill()?;
    assert!(trained(&killed, "run")?.is_empty(), "candidates were judged before the supernet was trained");
    expect(&killed.search(&["--resume"])?, code::DONE, &["relaxed: going on after"])?;
    let (whole_run, killed_run) = (trained(&whole, "run")?, trained(&killed, "run")?);
    let course = |trials: &[Trial]| trials.iter().map(course_of).collect::<Vec<_>>();
    assert_eq!(course(&killed_run), course(&whole_run), "the resumed search (left) learned something else");
    assert_eq!(whole_run.len(), 3);
    let page = whole.read("run/report.html")?;
    assert!(
        page.contains("What the supernet learned") && page.contains("nor_conv_3x3"),
        "the report says nothing of it"
    );
    let report = whole.run(&["report", "run"])?;
    assert!(report.stdout.contains("learned") && report.stdout.contains("edge2-3"), "{}", report.stdout);
    Ok(())
}

/// With latency as a goal the table of each device says what operations cost there; other spaces and settings are refused before anything is
/// done.
pub(crate) fn latency_is_expected_and_other_spaces_are_refused() -> Outcome {
    let text = search("\"gdas\"\nsupernet_epochs = 3\nlatency_weight = 0.5") + "latency_ms = \"min\"\n";
    let scene = Scene::new(&text)?;
    expect(&scene.search(&["-v"])?, code::DONE, &["relaxed 3/3: loss", "expected latency", "entropy"])?;
    let device = "[device]\nname = \"local\"\nruntime = \"tract\"\n";
    let one = device.replace("[device]", "[[devices]]");
    let both = Scene::new(&text.replace(device, &format!("{one}\n{one}threads = 2\n")))?;
    let on_each = ["1 thread)", "2 threads)"].map(|threads| format!(" on local (tract, {threads}"));
    let ended = both.search(&["-v"])?;
    expect(&ended, code::DONE, &["expected latency"])?;
    let epoch = ended.stderr.lines().find(|line| line.contains("relaxed 3/3")).ok_or("no last epoch")?;
    assert!(on_each.iter().all(|device| epoch.contains(device)), "{epoch}");
    let page = both.read("run/report.html")?;
    assert!(on_each.iter().all(|device| page.contains(&format!("Expected latency{device}"))), "not on each device");
    let chain = Scene::new(&TINY.replace("\"random\"", "\"gdas\""))?;
    expect(&chain.search(&[])?, code::USAGE, &["strategy.name", "`chain`", "nb201"])?;
    assert!(!chain.path("run").exists());
    let order = Scene::new(&search("\"darts\"\norder = 3"))?;
    expect(&order.search(&[])?, code::USAGE, &["strategy.order", "between 1 and 2"])
}
