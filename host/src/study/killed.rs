//! A process that is killed while it writes leaves every trial that it had saved, each with all that was saved with it.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use edgefit_search::Status;
use tempfile::tempdir;

use super::tests::{header, measurement, record, training};
use super::{Purpose, Study};

/// Names the study that the killed process writes to.
const STUDY: &str = "EDGEFIT_TEST_STUDY";

/// How many trials are saved before the kill.
const SAVED: usize = 12;

/// What the killed process says of each trial.
const SAYS: &str = "saved trial";

/// How many trials the process would save if nobody killed it.
const MOST: u64 = 100_000;

/// What the process to be killed does: saves trials, one after the other, and says of each that it is saved.
fn write(path: &Path) {
    let mut study = Study::create(path, &header()).unwrap();
    for draw in 0..MOST {
        let measured = [measurement(&format!("key {draw:06}"))];
        study.save_trial(&record(draw, Status::Trained), Some(&training(Purpose::Estimate)), &measured).unwrap();
        println!("{SAYS} {draw}");
    }
}

/// This test again, as the process to be killed.
fn start_writer(path: &Path) -> Child {
    let test = concat!(module_path!(), "::kill_minus_nine_loses_nothing_that_was_saved").split_once("::").unwrap().1;
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(STUDY, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn kill_minus_nine_loses_nothing_that_was_saved() {
    if let Ok(path) = env::var(STUDY) {
        return write(Path::new(&path));
    }
    let folder = tempdir().unwrap();
    let path = folder.path().join("study.sqlite");
    let mut child = start_writer(&path);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.filter(|line| line.contains(SAYS)).take(SAVED).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said, SAVED, "the process ended before it was killed");

    let mut study = Study::open(&path).unwrap();
    let trials = study.trials().unwrap();
    assert!(trials.len() >= SAVED, "{} trials are left", trials.len());
    for (draw, found) in trials.iter().enumerate() {
        assert_eq!(*found, record(draw as u64, Status::Trained));
    }
    assert_eq!(study.trainings(Purpose::Estimate).unwrap().len(), trials.len());
    assert_eq!(study.measurements("trial").unwrap().len(), trials.len());
    study.save_trial(&record(trials.len() as u64, Status::Trained), None, &[]).unwrap();
}
