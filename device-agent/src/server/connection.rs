//! A greeted host: answers its requests one at a time.

use std::{
    io::{Read, Write},
    time::{Duration, Instant, SystemTime},
};

use edgefit_protocol::{
    environment::DeviceState,
    error::{ErrorKind, JobError},
    job::{Inputs, Job},
    message::{Reply, Request},
};
use rustix::process::getpid;

use super::{
    ServeError,
    inbox::{Event, Inbox},
    store::Store,
};
use crate::{
    device::environment::{self, available_kib},
    stream,
    worker::{
        order::{Order, Work},
        process::{Program, Worker, WorkerEvent},
    },
};

/// Longest time that a probe of a runtime may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a job leaves free of the memory that is free when it starts, as a divisor.
const MEMORY_RESERVE: u64 = 16;

/// A connection with its queue, its blobs and the number of its last job.
pub(super) struct Connection<'a, W> {
    inbox: Inbox,
    writer: W,
    store: Store,
    program: &'a Program,
    last_job: u64,
}

/// Whether the connection goes on.
enum Next {
    GoOn,
    End,
}

impl<'a, W: Write> Connection<'a, W> {
    pub(super) fn new(reader: impl Read + Send + 'static, writer: W, store: Store, program: &'a Program) -> Self {
        Self { inbox: Inbox::new(reader), writer, store, program, last_job: 0 }
    }

    pub(super) fn run(mut self) -> Result<(), ServeError> {
        loop {
            let next = match self.inbox.next() {
                Event::Request(request) => self.answer(request)?,
                Event::HostGone(None) => Next::End,
                Event::HostGone(Some(error)) => return Err(error.into()),
                // A dismissed job's last words.
                Event::Worker(..) => Next::GoOn,
            };
            if matches!(next, Next::End) {
                return Ok(());
            }
        }
    }

    fn answer(&mut self, request: Request) -> Result<Next, ServeError> {
        let reply = match request {
            Request::HasBlob { sha256 } => self.store.status(&sha256),
            Request::PutBlob { sha256, total_bytes, offset, chunk } => {
                match self.store.put(&sha256, total_bytes, offset, &chunk) {
                    Ok(reply) => reply,
                    Err(error) => Reply::Failed(error),
                }
            }
            Request::State => Reply::State(Box::new(self.state())),
            Request::Probe { runtime, library } => {
                return self.work(Work::Probe { runtime, library }, PROBE_TIMEOUT, None);
            }
            Request::Run(job) => return self.run_job(job),
            Request::Cancel => return Ok(Next::GoOn),
            Request::Shutdown => return Ok(Next::End),
        };
        self.send(&reply)
    }

    fn state(&self) -> DeviceState {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        DeviceState {
            environment: environment::read(),
            unix_s: since_1970.map_or(0, |time| time.as_secs()),
            free_bytes: self.store.free_bytes(),
        }
    }

    fn send(&mut self, reply: &Reply) -> Result<Next, ServeError> {
        stream::write(&mut self.writer, reply)?;
        Ok(Next::GoOn)
    }

    fn run_job(&mut self, job: Box<Job>) -> Result<Next, ServeError> {
        let timeout = Duration::from_nanos(job.timeout_ns);
        let memory_limit_bytes = job.memory_limit_bytes.or_else(default_memory_limit_bytes);
        match self.prepare(job) {
            Ok(work) => self.work(work, timeout, memory_limit_bytes),
            Err(error) => self.send(&Reply::Failed(error)),
        }
    }

    /// Checks a job and finds its blobs.
    fn prepare(&mut self, job: Box<Job>) -> Result<Work, JobError> {
        job.check()?;
        let model = self.store.path(&job.model)?;
        let samples = match &job.inputs {
            Inputs::Seeded { .. } => None,
            Inputs::Blob { sha256 } => Some(self.store.path(sha256)?),
        };
        Ok(Work::Run { job, model, samples })
    }

    /// Has a fresh process do the work and passes on what it says.
    fn work(&mut self, work: Work, timeout: Duration, memory_limit_bytes: Option<u64>) -> Result<Next, ServeError> {
        let deadline = Instant::now() + timeout;
        let order = Order { agent_pid: getpid().as_raw_nonzero().get(), memory_limit_bytes, work };
        self.last_job += 1;
        let hear = self.inbox.hear(self.last_job);
        match Worker::start(self.program, &order, hear) {
            Ok(worker) => self.follow(worker, deadline, timeout),
            Err(error) => self.send(&Reply::Failed(error)),
        }
    }

    /// Until the job's process has answered, ended, or has to be ended.
    fn follow(&mut self, worker: Worker, deadline: Instant, timeout: Duration) -> Result<Next, ServeError> {
        loop {
            match self.inbox.next_before(deadline) {
                None => return self.fail(worker, timed_out(timeout)),
                Some(Event::HostGone(None)) => return Ok(Next::End),
                Some(Event::HostGone(Some(error))) => return Err(error.into()),
                Some(Event::Request(Request::Shutdown)) => return Ok(Next::End),
                Some(Event::Request(Request::Cancel)) => {
                    let canceled = JobError::new(ErrorKind::Canceled, "the job was canceled");
                    return self.fail(worker, canceled);
                }
                Some(Event::Request(_)) => return Err(ServeError::OutOfTurn),
                Some(Event::Worker(job, _)) if job != self.last_job => {}
                Some(Event::Worker(_, WorkerEvent::Silent)) => {
                    let error = worker.explain();
                    return self.send(&Reply::Failed(error));
                }
                Some(Event::Worker(_, WorkerEvent::Said(reply))) => {
                    self.send(&reply)?;
                    if is_answer(&reply) {
                        worker.dismiss();
                        return Ok(Next::GoOn);
                    }
                }
            }
        }
    }

    fn fail(&mut self, worker: Worker, error: JobError) -> Result<Next, ServeError> {
        worker.dismiss();
        self.send(&Reply::Failed(error))
    }
}

fn is_answer(reply: &Reply) -> bool {
    match reply {
        Reply::Done(_) | Reply::Failed(_) | Reply::Runtime(_) => true,
        Reply::Progress(_) | Reply::Output { .. } | Reply::Blob { .. } | Reply::State(_) => false,
    }
}

fn timed_out(timeout: Duration) -> JobError {
    let seconds = timeout.as_secs_f64();
    let message = format!("the job was ended after its time of {seconds} s");
    JobError::new(ErrorKind::Timeout, message)
}

/// What is free now, less a reserve for the rest of the device.
fn default_memory_limit_bytes() -> Option<u64> {
    let free_bytes = available_kib()? * 1024;
    Some(free_bytes - free_bytes / MEMORY_RESERVE)
}
