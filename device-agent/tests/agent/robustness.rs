//! What a host, a job's process or the machine may do to the agent.

use std::{
    fs,
    io::{Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use edgefit_agent::{
    server::{self, Options},
    stream,
    worker::process::Program,
};
use edgefit_protocol::{
    error::{ErrorKind, JobError},
    frame::HEADER_BYTES,
    handshake::{Hello, HelloReply},
    job::{Affinity, Job},
    message::{Reply, Request},
    runtime::RuntimeName,
};

use super::{
    host::{Host, job},
    models,
};

/// Serves a host that asks for one probe, with a shell script as the job's process, and returns
/// the answer to the probe.
fn answer_of_script(script: &str) -> JobError {
    let options = Options {
        program: Program { executable: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], emulator: None },
        token: None,
        store: None,
        lock: None,
    };
    let mut requests = Vec::new();
    stream::write(&mut requests, &Hello::new("test", None)).unwrap();
    stream::write(&mut requests, &Request::Probe { runtime: RuntimeName::Tract, library: None }).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&requests).unwrap();
    let (mut answers, answer_writer) = std::io::pipe().unwrap();
    let serving = std::thread::spawn(move || server::serve(reader, answer_writer, &options));
    stream::read::<HelloReply>(&mut answers).unwrap().unwrap().answer.unwrap();
    let reply = stream::read::<Reply>(&mut answers).unwrap();
    drop(writer);
    serving.join().unwrap().unwrap();
    match reply {
        Some(Reply::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_that_dies_is_explained() {
    let check = |script: &str, kind: ErrorKind, signal: Option<i32>, says: &str| {
        let error = answer_of_script(script);
        assert_eq!((error.kind, error.signal), (kind, signal), "{error}");
        assert!(error.message.contains(says), "{error}");
    };
    check("kill -SEGV $$", ErrorKind::Crashed, Some(11), "SIGSEGV");
    check("kill -ILL $$", ErrorKind::Crashed, Some(4), "SIGILL");
    check("echo last words >&2; kill -ABRT $$", ErrorKind::Crashed, Some(6), "last words");
    check("exit 3", ErrorKind::Crashed, None, "exit code 3");
    check("kill -KILL $$", ErrorKind::OutOfMemory, Some(9), "memory");
    check("echo memory allocation of 1 bytes failed >&2; exit 1", ErrorKind::OutOfMemory, None, "memory");
    check("exec >&-; exec sleep 60", ErrorKind::Crashed, None, "silent");
    check("printf '\\002\\000\\000\\000aaaaxx'", ErrorKind::Internal, None, "nonsense");
}

#[test]
fn a_missing_program_is_an_error() {
    let program = Program { executable: "/no/such/program".into(), arguments: Vec::new(), emulator: None };
    let mut requests = Vec::new();
    stream::write(&mut requests, &Hello::new("test", None)).unwrap();
    stream::write(&mut requests, &Request::Probe { runtime: RuntimeName::Tract, library: None }).unwrap();
    let mut answers = Vec::new();
    let options = Options { program, token: None, store: None, lock: None };
    server::serve(std::io::Cursor::new(requests), &mut answers, &options).unwrap();
    let mut answers = answers.as_slice();
    stream::read::<HelloReply>(&mut answers).unwrap();
    let reply = stream::read::<Reply>(&mut answers).unwrap().unwrap();
    assert!(matches!(reply, Reply::Failed(error) if error.kind == ErrorKind::Device));
}

#[test]
fn wrong_requests_are_refused_and_the_agent_goes_on() {
    let mut host = Host::start();
    let model = models::double();
    let mut refused = |change: fn(&mut Job)| host.run_model(&model, change).map(|_| ()).unwrap_err().kind;
    assert_eq!(refused(|job| job.settings.threads = 0), ErrorKind::Request);
    assert_eq!(refused(|job| job.timeout_ns = u64::MAX), ErrorKind::Request);
    assert_eq!(refused(|job| job.model = [9; 32]), ErrorKind::MissingBlob);
    assert_eq!(refused(|job| job.settings.affinity = Affinity::Cores(vec![1023])), ErrorKind::Device);
    assert_eq!(refused(|job| job.memory_limit_bytes = Some(1 << 20)), ErrorKind::OutOfMemory);
    host.assert_works();
}

#[test]
fn a_missing_library_says_how_to_get_it() {
    let mut host = Host::start();
    host.send(&Request::Probe { runtime: RuntimeName::Ort, library: Some("/no/such.so".into()) });
    let Some(Reply::Failed(error)) = host.next() else { panic!("no error") };
    assert_eq!(error.kind, ErrorKind::RuntimeMissing);
    assert!(error.message.contains("ORT_DYLIB_PATH"), "{error}");
    host.assert_works();
}

#[test]
fn a_canceled_job_ends_at_once() {
    let mut host = Host::start();
    let sha256 = host.upload(&models::endless());
    let started = Instant::now();
    host.send(&Request::Run { ticket: 0, job: Box::new(job(sha256)) });
    assert!(matches!(host.next(), Some(Reply::Progress(_))));
    host.send(&Request::Cancel);
    let error = loop {
        match host.next().unwrap() {
            Reply::Failed(error) => break error,
            Reply::Progress(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error.kind, ErrorKind::Canceled);
    assert!(started.elapsed() < Duration::from_secs(30));
    host.assert_works();
}

#[test]
fn the_agent_ends_with_its_host_and_the_job_with_the_agent() {
    let mut host = Host::start();
    let sha256 = host.upload(&models::endless());
    host.send(&Request::Run { ticket: 0, job: Box::new(job(sha256)) });
    assert!(matches!(host.next(), Some(Reply::Progress(_))));
    let children = children_of(host.agent.id());
    assert_eq!(children.len(), 1, "{children:?}");
    assert!(host.close().success());
    assert_ended(&children);
}

#[test]
fn a_killed_agent_takes_its_job_along() {
    let mut host = Host::start();
    let sha256 = host.upload(&models::endless());
    host.send(&Request::Run { ticket: 0, job: Box::new(job(sha256)) });
    assert!(matches!(host.next(), Some(Reply::Progress(_))));
    let children = children_of(host.agent.id());
    assert_eq!(children.len(), 1, "{children:?}");
    host.agent.kill().unwrap();
    host.agent.wait().unwrap();
    assert_ended(&children);
}

fn children_of(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn assert_ended(pids: &[u32]) {
    let lives = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(lives) {
        assert!(Instant::now() < deadline, "{pids:?} still live");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    let oversized = [0xff_u8; HEADER_BYTES].to_vec();
    let damaged = {
        let mut frame = Vec::new();
        stream::write(&mut frame, &Request::Shutdown).unwrap();
        frame[5] ^= 1;
        frame
    };
    for garbage in [oversized, damaged, b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut host = Host::start();
        let mut stdin = host.agent.stdin.take().unwrap();
        stdin.write_all(&garbage).unwrap();
        assert!(host.next().is_none());
        assert!(!host.agent.wait().unwrap().success());
    }
}

#[test]
fn another_version_is_told_so() {
    let mut host = Host::start_silently();
    host.send(&(*b"EDGF", 4711_u32, "0.0.1", Option::<&str>::None));
    let reply: HelloReply = stream::read(host.agent.stdout.as_mut().unwrap()).unwrap().unwrap();
    let error = reply.answer.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Version);
    assert!(error.message.contains("4711"), "{error}");
}

#[test]
fn what_a_job_prints_does_not_disturb_its_answer() {
    let mut child = super::host::agent().arg("job").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdin.take());
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    assert!(said.is_empty());
    assert!(child.wait().unwrap().success());
}
