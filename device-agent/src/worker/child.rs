//! Inside a job's process: reads the order, does the work, answers, ends.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    panic,
    process::ExitCode,
    time::{Duration, Instant},
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    message::Reply,
    report::Phase,
    tensor::TensorData,
};
use rustix::{
    io::dup,
    process::{Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit},
    stdio,
};

use super::order::{Order, Work};
use crate::{
    passes::{self, Observer, Task},
    runtimes, stream,
};

/// Does one order. The exit code is a failure only when the answer could not be given.
pub fn run() -> ExitCode {
    // The agent keeps the end of the standard error: a backtrace would push the message out of it.
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edgefit job: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), stream::StreamError> {
    let mut replies = take_standard_output()?;
    let Some(order) = stream::read::<Order>(&mut io::stdin().lock())? else {
        return Ok(());
    };
    let reply = obey(&order, &mut replies).unwrap_or_else(Reply::Failed);
    stream::write(&mut replies, &reply)
}

/// Takes the standard output for the replies and sends whatever a runtime prints there to the
/// standard error instead.
fn take_standard_output() -> io::Result<BufWriter<File>> {
    let replies = dup(stdio::stdout())?;
    stdio::dup2_stdout(stdio::stderr())?;
    Ok(BufWriter::new(File::from(replies)))
}

fn obey(order: &Order, replies: &mut BufWriter<File>) -> Result<Reply, JobError> {
    end_with_the_agent(order.agent_pid)?;
    limit_memory(order.memory_limit_bytes)?;
    match &order.work {
        Work::Probe { runtime, library } => {
            let runtime = runtimes::start(*runtime, library.as_deref())?;
            Ok(Reply::Runtime(runtime.describe()))
        }
        Work::Run { job, model, samples } => {
            let task = Task { job, model, samples: samples.as_deref() };
            let report = passes::run(&task, &mut Replies::new(replies, Duration::from_nanos(order.word_ns)))?;
            Ok(Reply::Done(Box::new(report)))
        }
    }
}

/// Asks the kernel to end this process with the agent, however the agent ends. An agent that
/// ended before the kernel was asked is noticed by its process id.
fn end_with_the_agent(agent_pid: i32) -> Result<(), JobError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| device_error("no end with the agent", &error))?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent != Some(agent_pid) {
        return Err(JobError::new(ErrorKind::Canceled, "the agent is gone"));
    }
    Ok(())
}

/// Beyond the limit, allocating fails in this process instead of starving the device.
fn limit_memory(limit_bytes: Option<u64>) -> Result<(), JobError> {
    let Some(limit_bytes) = limit_bytes else {
        return Ok(());
    };
    let maximum = getrlimit(Resource::As).maximum;
    let current = maximum.map_or(limit_bytes, |maximum| limit_bytes.min(maximum));
    let limits = Rlimit { current: Some(current), maximum };
    setrlimit(Resource::As, limits).map_err(|error| device_error("no memory limit", &error))
}

fn device_error(what: &str, error: &dyn std::fmt::Display) -> JobError {
    JobError::new(ErrorKind::Device, format!("the system sets {what}: {error}"))
}

/// Passes on what a job says while it runs.
struct Replies<'a, W: Write> {
    replies: &'a mut W,
    phase: Phase,
    last_word: Instant,
    word_after: Duration,
}

impl<'a, W: Write> Replies<'a, W> {
    fn new(replies: &'a mut W, word_after: Duration) -> Self {
        Self { replies, phase: Phase::Loading, last_word: Instant::now(), word_after }
    }

    fn send(&mut self, reply: &Reply) -> Result<(), JobError> {
        self.last_word = Instant::now();
        stream::write(self.replies, reply).map_err(|error| JobError::new(ErrorKind::Canceled, error.to_string()))
    }
}

impl<W: Write> Observer for Replies<'_, W> {
    /// A lost phase is no reason to end: the answer itself will find out.
    fn phase(&mut self, phase: Phase) {
        self.phase = phase;
        let _ = self.send(&Reply::Progress(phase));
    }

    /// Seldom, so that words do not disturb what is measured.
    fn ran(&mut self) {
        if self.last_word.elapsed() >= self.word_after {
            self.phase(self.phase);
        }
    }

    fn output(&mut self, sample: u64, output: u32, tensor: TensorData) -> Result<(), JobError> {
        self.send(&Reply::Output { sample, output, tensor })
    }
}
