//! What a host that comes back after a cut finds: the answer of its job, the bytes that it sent, and its place.

use std::time::{Duration, Instant};

use edgefit_protocol::{
    error::ErrorKind,
    job::{Job, Pass, Plan},
    message::{Reply, Request, Sha256},
    report::Phase,
};
use sha2::Digest;

use super::{
    host::{Host, SHORT, job},
    models,
};

/// A host's folder on the device.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// An agent for one connection of a host.
    fn connect(&self, session: &str) -> Host {
        let store = self.0.path().join("store");
        Host::start_silently_with(&["--store", store.to_str().unwrap(), "--session", session])
    }

    /// The same, greeted.
    fn greet(&self, session: &str) -> Host {
        let mut host = self.connect(session);
        host.greet().unwrap();
        host
    }
}

/// A job of about a second.
fn long(model: Sha256) -> Job {
    let plan = Plan { min_runs: 1, max_runs: u64::MAX, min_ns: 1_000_000_000, ..SHORT };
    Job { pass: Pass::Latency(plan), ..job(model) }
}

/// Starts a job and hears until it is in a phase.
fn begin(host: &mut Host, job: Job, phase: Phase) {
    host.send(&Request::Run { ticket: 5, job: Box::new(job) });
    assert!((0..3).any(|_| host.next() == Some(Reply::Progress(phase))), "the job never was {phase:?}");
}

/// The next answer, and whether the job was run for it.
fn answer(host: &mut Host) -> (Reply, bool) {
    let mut was_run = false;
    loop {
        match host.next().expect("the agent lives") {
            Reply::Progress(_) => was_run = true,
            reply => return (reply, was_run),
        }
    }
}

#[test]
fn a_job_goes_on_while_its_host_is_away() {
    let folder = Folder::new();
    let mut host = folder.greet("host.1");
    let model = host.upload(&models::double());
    begin(&mut host, long(model), Phase::Measuring);
    drop(host.agent.stdin.take());
    drop(host.agent.stdout.take());
    let mut back = folder.greet("host.2");
    back.send(&Request::Run { ticket: 5, job: Box::new(long(model)) });
    assert!(matches!(answer(&mut back), (Reply::Done(_), false)), "it was run again");
    back.send(&Request::Run { ticket: 6, job: Box::new(job(model)) });
    assert!(matches!(answer(&mut back), (Reply::Done(_), true)), "another number is another job");
}

#[test]
fn an_answer_that_nobody_heard_is_kept() {
    let folder = Folder::new();
    let mut host = folder.greet("host.1");
    let model = host.upload(&models::double());
    host.send(&Request::Run { ticket: 1, job: Box::new(job(model)) });
    let (first, _) = answer(&mut host);
    // Whether a host heard it, an agent does not know: the next one is asked by the same host's next connection.
    let mut back = folder.greet("host.2");
    back.send(&Request::Run { ticket: 1, job: Box::new(job(model)) });
    assert_eq!(answer(&mut back), (first, false));
}

#[test]
fn an_agent_without_a_host_makes_room_for_another_and_an_earlier_connection_for_a_later() {
    let folder = Folder::new();
    let mut host = folder.greet("host.2");
    let model = host.upload(&models::endless());
    begin(&mut host, job(model), Phase::Loading);
    let mut earlier = folder.connect("host.1");
    assert_eq!(earlier.greet().unwrap_err().kind, ErrorKind::Busy);
    drop(host.agent.stdin.take());
    let begun = Instant::now();
    folder.greet("other.1").assert_works();
    assert!(begun.elapsed() < Duration::from_secs(10), "the other host waited for a job that nobody waits for");
}

#[test]
fn a_blob_goes_on_over_another_connection() {
    let folder = Folder::new();
    let model = models::double();
    let sha256: Sha256 = sha2::Sha256::digest(&model).into();
    let total_bytes = model.len() as u64;
    let half = model.len() / 2;
    let mut host = folder.greet("host.1");
    host.send(&Request::PutBlob { sha256, total_bytes, offset: 0, chunk: model[..half].to_vec() });
    let is_half =
        |reply| matches!(reply, Some(Reply::Blob { stored_bytes, complete: false, .. }) if stored_bytes == half as u64);
    assert!(is_half(host.next()));
    host.agent.kill().unwrap();
    let mut back = folder.greet("host.2");
    back.send(&Request::HasBlob { sha256 });
    assert!(is_half(back.next()));
    back.send(&Request::PutBlob { sha256, total_bytes, offset: half as u64, chunk: model[half..].to_vec() });
    assert!(matches!(back.next(), Some(Reply::Blob { complete: true, .. })));
    assert!(back.run(&job(sha256)).is_ok());
}
