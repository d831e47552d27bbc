//! A search that is stopped at any moment and goes on: nothing is lost but the trial in flight.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use edgefit::study::Study;
use edgefit_search::{Metric, Status, Trial};

use libtest_mimic::Failed;

use crate::harness::Outcome;
use crate::process;

use super::scene::{LIMIT, Scene, TINY, code, expect};

/// Moments at which the search is killed, as shares of the time that a whole one takes.
const MOMENTS: [f64; 6] = [0.02, 0.3, 0.5, 0.65, 0.8, 0.95];

/// `kill -9` at any moment, then `--resume`: what was trained is as it was before each kill, and the search proposes and
/// trains as it would have without a stop.
pub(crate) fn kill_at_any_moment_loses_nothing() -> Outcome {
    lost_nothing(TINY, &MOMENTS).map(|_| ())
}

/// The same where trainings pause and go on: a network reaches the last step only by way of the ones before. Accuracy is the
/// only objective, since which networks go on depends on the objectives, and no two searches measure the same latencies.
pub(crate) fn paused_trainings_go_on() -> Outcome {
    let epochs = TINY.replace("epochs = 1\n", "epochs = 4\n").replace("latency_ms = \"min\"\n", "");
    let halving = epochs.replace("\"random\"", "\"successive-halving\"\nreduction = 2");
    let (_, trials) = lost_nothing(&halving, &MOMENTS)?;
    let of = |epochs: u64| trials.iter().filter(|trial| trial.fidelity.epochs == Some(epochs)).count();
    assert_eq!([of(1), of(2), of(4)], [6, 3, 1]);
    let highest = trials.iter().find(|trial| trial.fidelity.epochs == Some(4)).ok_or("none was trained to the end")?;
    let by = format!("{:?}", highest.results.best(Metric::Accuracy).map(|accuracy| accuracy.origin.clone()));
    assert!(by.contains("4 epochs"), "{by}");
    Ok(())
}

/// The same where trainings end early, whose end depends on the curves of others: each ends after the same epoch, and says why; the report
/// says what that spared.
pub(crate) fn hopeless_trainings_end_again() -> Outcome {
    let search = TINY.replace("latency_ms = \"min\"\n", "").replace("trials = 6", "trials = 11");
    let (scene, trials) = lost_nothing(&search.replace("epochs = 1\n", "epochs = 5\nstop_below = 0.5\n"), &[0.7])?;
    let told =
        trials.iter().filter_map(|trial| trial.results.best(Metric::Accuracy)).map(|a| format!("{:?}", a.origin));
    let (ended, whole): (Vec<String>, Vec<String>) = told.partition(|by| by.contains("learning curve"));
    assert!(ended.iter().all(|by| by.contains("Predicted") && by.contains("probability of")), "{ended:?}");
    assert!(!ended.is_empty() && whole.len() >= 4, "{} ended early, {} did not", ended.len(), whole.len());
    assert!(whole.iter().all(|by| by.contains("5 epochs")), "{whole:?}");
    let spared = format!("{} of {} trainings ended early, which spared", ended.len(), trials.len());
    assert!(scene.read("run/report.html")?.contains(&spared), "the page does not say what was spared");
    let report = scene.run(&["report", "run"])?;
    assert!(report.stdout.contains(&spared), "{}", report.stdout);
    Ok(())
}

/// Kills a search at every one of these moments, shares of its time, and returns it with its trials once it went the way of one that nobody killed.
pub(super) fn lost_nothing(search: &str, moments: &[f64]) -> Result<(Scene, Vec<Trial>), Failed> {
    let whole = Scene::new(search)?;
    let started = Instant::now();
    expect(&whole.search(&[])?, code::DONE, &[])?;
    let duration = started.elapsed();
    let killed = Scene::new(search)?;
    let mut before = Vec::new();
    for moment in moments {
        let search = killed.start_search(killed.go_on("run"))?;
        thread::sleep(duration.mul_f64(*moment));
        search.kill()?;
        before.extend(trained(&killed, "run")?);
    }
    expect(&killed.search(killed.go_on("run"))?, code::DONE, &[])?;
    let after = trained(&killed, "run")?;
    let lost: Vec<_> = before.iter().filter(|trial| !after.contains(trial)).collect();
    assert!(lost.is_empty(), "trained before a kill, and lost or changed: {lost:#?}");
    let course = |trials: &[Trial]| trials.iter().map(course_of).collect::<Vec<_>>();
    assert_eq!(course(&after), course(&trained(&whole, "run")?), "the resumed search (left) went another way");
    Ok((killed, after))
}

/// What of a trial does not depend on what was measured.
pub(crate) fn course_of(trial: &Trial) -> (u64, u64, Option<String>, Option<f64>) {
    let accuracy = trial.results.best(Metric::Accuracy).map(|accuracy| accuracy.value);
    (trial.number, trial.draw, trial.digest.map(|digest| digest.to_string()), accuracy)
}

/// The trials that are done, in the order of their draws; none before there is a study.
pub(crate) fn trained(scene: &Scene, run: &str) -> Result<Vec<Trial>, String> {
    let path = scene.path(run).join("study.sqlite");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let records = Study::open(&path).and_then(|mut study| study.trials()).map_err(|error| error.to_string())?;
    let trials = records.into_iter().map(|record| record.trial);
    Ok(trials.filter(|trial| trial.status == Status::Trained).collect())
}

/// Ctrl-C ends the search cleanly, with its own exit code, and it says how to go on; that works.
pub(crate) fn interrupting_says_how_to_go_on() -> Outcome {
    let scene = Scene::new(TINY)?;
    let search = scene.start_search(&[])?;
    scene.wait_for("run/study.sqlite")?;
    process::succeed(Command::new("kill").args(["-INT", &search.id().to_string()]))?;
    let ended = search.finish(Duration::from_secs(60).min(LIMIT))?;
    expect(&ended, code::INTERRUPTED, &["--resume"])?;
    expect(&scene.search(&["--resume"])?, code::DONE, &[])
}
