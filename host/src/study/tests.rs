//! What is kept comes back as it was, whole or not at all, and only from files that are studies.

use std::fs;
use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use edgefit_graph::Digest;
use edgefit_search::{Fidelity, Genotype, Metric, Readings, Status, Trial, Value};
use tempfile::{TempDir, tempdir};

use super::{
    Epoch, Fault, Finalist, Header, Measurement, Phase, Provenance, Purpose, Study, StudyError, TableSample, Training,
    TrialRecord,
};

pub(super) fn header() -> Header {
    let provenance = Provenance {
        edgefit_version: "0.1.0".to_owned(),
        device: "local".to_owned(),
        runtime: "tract 0.23.9, 1 thread".to_owned(),
        started: "2026-11-24T10:15:00Z".to_owned(),
        hypervolume_reference: vec![("accuracy".to_owned(), 0.1), ("latency_ms".to_owned(), 1.0 / 3.0)],
    };
    Header { config: "seed = 42\n".to_owned(), seed: u64::MAX, provenance }
}

/// A folder and the study in it.
fn study() -> (TempDir, PathBuf, Study) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("study.sqlite");
    let study = Study::create(&path, &header()).unwrap();
    (folder, path, study)
}

/// A trial whose numbers are hard to write down.
pub(super) fn record(draw: u64, status: Status) -> TrialRecord {
    let mut results = Readings::new();
    results.add(Metric::LatencyMs, Value::measured(0.1 + 0.2, Some((1.0 / 3.0, 2.0 / 3.0)), "local tract"));
    results.add(Metric::Accuracy, Value::measured(0.987_654_321_012_345_6, None, "validation, 3 epochs"));
    let trial = Trial {
        number: draw / 2,
        draw,
        genotype: Genotype::new([1, 2, draw as u8]),
        digest: Some(Digest([7; 32])),
        duplicates: 0,
        known: Readings::new().with(Metric::Macs, Value::computed(1e15 + 1.0)),
        results,
        status,
        fidelity: Fidelity { epochs: Some(3), continues: draw.checked_sub(2) },
        told: Some(draw),
    };
    TrialRecord { trial, genotype: format!("mbconv:w{draw}"), hypervolume: Some(1.0 / 7.0 * draw as f64) }
}

pub(super) fn training(purpose: Purpose) -> Training {
    let epoch = |loss: Option<f64>| Epoch { loss, validation_accuracy: Some(1.0 / 3.0), validation_loss: Some(0.1) };
    Training { purpose, seconds: 0.1 + 0.7, epochs: vec![epoch(Some(2.3)), epoch(None)] }
}

pub(super) fn measurement(key: &str) -> Measurement {
    Measurement { key: key.to_owned(), purpose: "trial".to_owned(), document: "{\"ns\":[1,2]}".to_owned() }
}

fn fault<T>(result: Result<T, StudyError>) -> Fault {
    result.err().expect("an error was expected").fault
}

#[test]
fn everything_comes_back_as_it_was() {
    let (_folder, path, mut study) = study();
    let sample = TableSample { number: 0, genotype: "g".into(), digest: "d".into() };
    study.save_table_sample(&sample, &[measurement("t0")]).unwrap();
    study.finish_phase(&Phase { name: "table".into(), seconds: 12.5 }).unwrap();
    study.finish_phase(&Phase { name: "search".into(), seconds: 1.0 }).unwrap();
    study.finish_phase(&Phase { name: "final".into(), seconds: 2.0 }).unwrap();
    study.finish_phase(&Phase { name: "search".into(), seconds: 3.0 }).unwrap();
    let records = [record(0, Status::Trained), record(1, Status::Stopped { by: Metric::LatencyMs })];
    study.save_trial(&records[0], Some(&training(Purpose::Estimate)), &[measurement("a")]).unwrap();
    study.save_trial(&records[1], None, &[]).unwrap();
    let finalist = Finalist { draw: 0, place: 1, readings: records[0].trial.readings() };
    study.save_finalist(&finalist).unwrap();
    study.save_training(finalist.draw, &training(Purpose::Final)).unwrap();
    drop(study);

    let mut study = Study::open(&path).unwrap();
    assert_eq!(study.header().unwrap(), header());
    assert_eq!(study.table_samples().unwrap(), [sample]);
    let phases: Vec<(String, f64)> =
        study.phases().unwrap().into_iter().map(|phase| (phase.name, phase.seconds)).collect();
    assert_eq!(phases, [("table".into(), 12.5), ("search".into(), 3.0), ("final".into(), 2.0)]);
    assert_eq!(study.trials().unwrap(), records);
    assert_eq!(study.trainings(Purpose::Estimate).unwrap(), [(0, training(Purpose::Estimate))]);
    assert_eq!(study.trainings(Purpose::Final).unwrap(), [(0, training(Purpose::Final))]);
    assert_eq!(study.finalists().unwrap(), [finalist]);
    assert_eq!(study.measurement("a").unwrap(), Some(measurement("a")));
    assert_eq!(study.measurement("b").unwrap(), None);
    assert_eq!(study.measurements("trial").unwrap(), [measurement("a"), measurement("t0")]);
}

#[test]
fn a_proposal_is_replaced_by_what_became_of_it() {
    let (_folder, _, mut study) = study();
    study.save_trial(&record(5, Status::Proposed), None, &[]).unwrap();
    let failed = record(5, Status::Failed { reason: "the device died".to_owned() });
    study.save_trial(&failed, None, &[]).unwrap();
    assert_eq!(study.trials().unwrap(), [failed]);
}

#[test]
fn the_proposals_of_one_step_are_kept_together() {
    let (_folder, _, mut study) = study();
    let step = [record(0, Status::Stopped { by: Metric::Macs }), record(1, Status::Proposed)];
    study.save_proposals(&step).unwrap();
    assert_eq!(study.trials().unwrap(), step);
    let broken = TrialRecord { hypervolume: None, ..record(3, Status::Proposed) };
    let mut second = [record(2, Status::Stopped { by: Metric::Macs }), broken];
    second[1].trial.known.add(Metric::LatencyMs, Value::predicted(f64::INFINITY, None, "a table"));
    assert!(matches!(fault(study.save_proposals(&second)), Fault::NotFinite { .. }));
    assert_eq!(study.trials().unwrap(), step);
}

#[test]
fn a_document_is_kept_under_its_name_and_replaced() {
    let (_folder, _, mut study) = study();
    assert_eq!(study.document("report").unwrap(), None);
    for text in ["first", "second"] {
        study.save_document("report", text).unwrap();
        assert_eq!(study.document("report").unwrap().as_deref(), Some(text));
    }
}

#[test]
fn a_measurement_is_written_once() {
    let (_folder, _, mut study) = study();
    study.save_measurement(&measurement("a")).unwrap();
    let other = Measurement { document: "{}".to_owned(), ..measurement("a") };
    study.save_measurement(&other).unwrap();
    assert_eq!(study.measurement("a").unwrap(), Some(measurement("a")));
}

#[test]
fn what_was_not_finished_is_not_there() {
    let (_folder, path, mut study) = study();
    study.save_trial(&record(0, Status::Trained), None, &[]).unwrap();
    study.connection.batch_execute("BEGIN IMMEDIATE").unwrap();
    super::insert_trial(&mut study.connection, &record(1, Status::Trained)).unwrap();
    drop(study);
    let trials = Study::open(&path).unwrap().trials().unwrap();
    assert_eq!(trials, [record(0, Status::Trained)]);
}

#[test]
fn a_trial_that_fails_half_way_leaves_nothing() {
    let (_folder, _, mut study) = study();
    let broken = Training {
        epochs: vec![Epoch { loss: Some(f64::NAN), validation_accuracy: None, validation_loss: None }],
        ..training(Purpose::Estimate)
    };
    let found = fault(study.save_trial(&record(0, Status::Trained), Some(&broken), &[]));
    assert!(matches!(found, Fault::NotFinite { .. }), "{found}");
    assert!(study.trials().unwrap().is_empty());
}

#[test]
fn constraints_are_counted_strictest_first() {
    let (_folder, _, mut study) = study();
    let stopped = [Metric::Macs, Metric::LatencyMs, Metric::LatencyMs];
    for (draw, by) in stopped.into_iter().enumerate() {
        study.save_trial(&record(draw as u64, Status::Stopped { by }), None, &[]).unwrap();
    }
    study.save_trial(&record(9, Status::Trained), None, &[]).unwrap();
    assert_eq!(study.stopped_by().unwrap(), [("latency_ms".to_owned(), 2), ("macs".to_owned(), 1)]);
}

#[test]
fn only_studies_are_opened_and_other_files_stay_as_they_are() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("study.sqlite");
    assert!(matches!(fault(Study::open(&path)), Fault::Missing));
    fs::write(&path, "a letter to my aunt, long enough to be looked at as a database header, it is not").unwrap();
    assert!(matches!(fault(Study::open(&path)), Fault::NotAStudy));
    assert!(matches!(fault(Study::create(&path, &header())), Fault::Exists));
    fs::write(&path, "").unwrap();
    assert!(matches!(fault(Study::open(&path)), Fault::NotAStudy));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn a_newer_study_is_refused_and_left_alone() {
    let (_folder, path, mut study) = study();
    study.connection.batch_execute("UPDATE edgefit_schema SET version = 99").unwrap();
    drop(study);
    let before = fs::read(&path).unwrap();
    let found = fault(Study::open(&path));
    assert!(matches!(found, Fault::Newer { found: 99, .. }), "{found}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_study_that_another_process_writes_is_locked() {
    let (_folder, path, mut study) = study();
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    study.connection.batch_execute("PRAGMA busy_timeout = 0").unwrap();
    assert!(matches!(fault(study.save_measurement(&measurement("a"))), Fault::Locked));
    other.batch_execute("ROLLBACK").unwrap();
    study.save_measurement(&measurement("a")).unwrap();
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let (_folder, path, mut study) = study();
    study.save_measurement(&measurement("a")).unwrap();
    study.connection.batch_execute("PRAGMA max_page_count = 1").unwrap();
    let large = Measurement { document: "x".repeat(1 << 20), ..measurement("b") };
    let error = study.save_measurement(&large).unwrap_err();
    assert!(matches!(error.fault, Fault::DiskFull), "{error}");
    assert!(error.to_string().contains("the disk is full; free some space"), "{error}");
    drop(study);
    assert_eq!(Study::open(&path).unwrap().measurement("a").unwrap(), Some(measurement("a")));
}
