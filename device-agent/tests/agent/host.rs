//! A host of a few lines: starts the agent, greets it, asks, and reads the answers.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

use edgefit_agent::stream;
use edgefit_protocol::{
    error::JobError,
    handshake::{Hello, HelloReply, Welcome},
    job::{Inputs, Job, Pass, Plan, Settings},
    message::{Reply, Request, Sha256},
    report::JobReport,
    runtime::RuntimeName,
};
use sha2::Digest;

/// The agent's program.
const AGENT: &str = env!("CARGO_BIN_EXE_edgefit-agent");

/// Names another program than the one of this build: the agent of another architecture, with what runs it.
const OTHER_AGENT: &str = "EDGEFIT_TEST_AGENT";

/// The agent, to be given its arguments.
pub(crate) fn agent() -> Command {
    Command::new(std::env::var_os(OTHER_AGENT).unwrap_or_else(|| AGENT.into()))
}

/// Whether that is another program, which runs in an emulator: slowly, and without a limit of its memory.
pub(crate) fn is_emulated() -> bool {
    std::env::var_os(OTHER_AGENT).is_some()
}

/// Enough runs to see that it works.
pub(crate) const SHORT: Plan = Plan {
    warm_up_runs: 3,
    warm_up_ns: 0,
    min_runs: 5,
    min_ns: 0,
    max_runs: 5,
    max_ns: 5_000_000_000,
    interval_share: None,
    undisturbed: None,
};

/// An agent on its standard streams, with its host.
pub(crate) struct Host {
    pub(crate) agent: Child,
}

impl Host {
    /// Starts an agent and greets it.
    pub(crate) fn start() -> Self {
        let mut host = Self::start_silently();
        host.greet().unwrap();
        host
    }

    /// Starts an agent.
    pub(crate) fn start_silently() -> Self {
        Self::start_silently_with(&[])
    }

    /// Starts an agent with more arguments.
    pub(crate) fn start_silently_with(arguments: &[&str]) -> Self {
        let mut agent = agent();
        agent.arg("--stdio").args(arguments);
        let agent = agent.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        Self { agent }
    }

    pub(crate) fn greet(&mut self) -> Result<Welcome, JobError> {
        self.send(&Hello::new("test", None));
        let reply: HelloReply = stream::read(self.agent.stdout.as_mut().unwrap()).unwrap().unwrap();
        reply.answer
    }

    pub(crate) fn send<T: serde::Serialize>(&mut self, message: &T) {
        stream::write(self.agent.stdin.as_mut().unwrap(), message).unwrap();
    }

    /// The next reply; `None` when the agent closed the connection.
    pub(crate) fn next(&mut self) -> Option<Reply> {
        stream::read(self.agent.stdout.as_mut().unwrap()).unwrap()
    }

    /// Puts bytes on the device and returns their name.
    pub(crate) fn upload(&mut self, bytes: &[u8]) -> Sha256 {
        let sha256: Sha256 = sha2::Sha256::digest(bytes).into();
        self.send(&Request::PutBlob { sha256, total_bytes: bytes.len() as u64, offset: 0, chunk: bytes.to_vec() });
        assert!(matches!(self.next(), Some(Reply::Blob { complete: true, .. })));
        sha256
    }

    /// Runs a job; the outputs come one after the other.
    pub(crate) fn run(&mut self, job: &Job) -> Result<(JobReport, Vec<Reply>), JobError> {
        self.send(&Request::Run { ticket: 0, job: Box::new(job.clone()) });
        let mut said = Vec::new();
        loop {
            match self.next().expect("the agent lives") {
                Reply::Done(report) => return Ok((*report, said)),
                Reply::Failed(error) => return Err(error),
                Reply::Progress(_) => {}
                other => said.push(other),
            }
        }
    }

    /// Uploads a model and runs a pass on it.
    pub(crate) fn run_model(
        &mut self,
        model: &[u8],
        change: impl FnOnce(&mut Job),
    ) -> Result<(JobReport, Vec<Reply>), JobError> {
        let sha256 = self.upload(model);
        let mut job = job(sha256);
        change(&mut job);
        self.run(&job)
    }

    /// Checks that the agent still does a job as it should.
    pub(crate) fn assert_works(&mut self) {
        let model = super::models::double();
        let (report, _) = self.run_model(&model, |_| ()).unwrap();
        assert_eq!(report.runtime.name, RuntimeName::Tract);
    }

    /// Closes the agent's input and waits for its end.
    pub(crate) fn close(mut self) -> std::process::ExitStatus {
        drop(self.agent.stdin.take());
        self.agent.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

/// A latency pass with tract, one thread.
pub(crate) fn job(model: Sha256) -> Job {
    Job {
        model,
        runtime: RuntimeName::Tract,
        settings: Settings::default(),
        shapes: Vec::new(),
        inputs: Inputs::Seeded { seed: 1 },
        pass: Pass::Latency(SHORT),
        timeout_ns: 60_000_000_000,
        step_timeout_ns: 60_000_000_000,
        memory_limit_bytes: None,
    }
}

/// Greets an agent over any streams.
pub(crate) fn greet_over(
    mut reader: impl Read,
    mut writer: impl Write,
    token: Option<&str>,
) -> Result<Welcome, JobError> {
    stream::write(&mut writer, &Hello::new("test", token.map(str::to_owned))).unwrap();
    let reply: HelloReply = stream::read(&mut reader).unwrap().unwrap();
    reply.answer
}
