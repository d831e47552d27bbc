//! A greeted host: answers its requests one at a time.
//!
//! A job whose host is gone ends, unless the host belongs to a session: it comes back, and then finds the answer kept.

use std::{
    io::{Read, Write},
    time::{Duration, Instant, SystemTime},
};

use edgefit_protocol::{
    environment::DeviceState,
    error::{ErrorKind, JobError},
    job::{Inputs, Job, Pass},
    message::{Reply, Request},
    report::Phase,
};
use rustix::process::getpid;

use super::{
    Options, ServeError,
    inbox::{Event, Inbox},
    lock::{Lock, State},
    store::Store,
};
use crate::{
    device::environment::{self, available_kib},
    stream,
    worker::{
        order::{Order, Work},
        process::{Worker, WorkerEvent},
    },
};

/// Longest time that a probe of a runtime may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest time that a job goes on without its host.
const ALONE_LIMIT: Duration = Duration::from_secs(60);

/// What a job leaves free of the memory that is free when it starts, as a divisor.
const MEMORY_RESERVE: u64 = 16;

/// A connection with its queue, its blobs and the number of its last job.
pub(super) struct Connection<'a, W> {
    inbox: Inbox,
    writer: W,
    store: Store,
    options: &'a Options,
    last_job: u64,
}

/// Words of a job's process about its runs in the longest time that a step may take.
const WORDS_A_STEP: u32 = 8;

/// How work is watched.
struct Watch {
    timeout: Duration,
    deadline: Instant,
    /// Longest time for loading, and for a run.
    step_timeout: Duration,
    /// Number under which the answer is kept.
    ticket: Option<u64>,
}

impl Watch {
    /// Work that is one step.
    fn new(timeout: Duration) -> Self {
        Self { timeout, deadline: Instant::now() + timeout, step_timeout: timeout, ticket: None }
    }

    fn job(job: &Job, ticket: Option<u64>) -> Self {
        let step_timeout = Duration::from_nanos(job.step_timeout_ns);
        Self { step_timeout, ticket, ..Self::new(Duration::from_nanos(job.timeout_ns)) }
    }

    /// Longest time without a word of a run that ended.
    fn word_after(&self) -> Duration {
        self.step_timeout / WORDS_A_STEP
    }

    /// Until when work has to say something that last did so at `last_word`: the run that it is in may have begun as long after
    /// that as it says nothing.
    fn limit(&self, last_word: Instant) -> Instant {
        self.deadline.min(last_word + self.step_timeout + self.word_after())
    }

    /// Why work that is in this phase is ended.
    fn overdue(&self, phase: Option<Phase>) -> JobError {
        let (what, limit) = match phase {
            _ if Instant::now() >= self.deadline => ("the job", self.timeout),
            None | Some(Phase::Loading) => ("loading the model", self.step_timeout),
            Some(Phase::WarmingUp | Phase::Measuring) => ("a run of the model", self.step_timeout),
        };
        let message = format!("{what} did not end in {} s and was ended", limit.as_secs_f64());
        JobError::new(ErrorKind::Timeout, message)
    }
}

/// Whether the connection goes on.
enum Next {
    GoOn,
    End,
}

impl<'a, W: Write> Connection<'a, W> {
    pub(super) fn new(reader: impl Read + Send + 'static, writer: W, store: Store, options: &'a Options) -> Self {
        Self { inbox: Inbox::new(reader), writer, store, options, last_job: 0 }
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
                return self.work(Work::Probe { runtime, library }, &Watch::new(PROBE_TIMEOUT), None);
            }
            Request::Run { ticket, job } => return self.run_job(ticket, job),
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

    fn run_job(&mut self, ticket: u64, job: Box<Job>) -> Result<Next, ServeError> {
        if let Some(reply) = self.lock().and_then(|lock| lock.kept(ticket)) {
            return self.send(&reply);
        }
        // Outputs are sent one by one, and a host that lost one needs all of them.
        let keeps_answer = job.pass != Pass::Outputs && self.lock().is_some();
        let watch = Watch::job(&job, keeps_answer.then_some(ticket));
        let memory_limit_bytes = job.memory_limit_bytes.or_else(default_memory_limit_bytes);
        match self.prepare(job) {
            Ok(work) => self.work(work, &watch, memory_limit_bytes),
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
    fn work(&mut self, work: Work, watch: &Watch, memory_limit_bytes: Option<u64>) -> Result<Next, ServeError> {
        let word_ns = watch.word_after().as_nanos().try_into().unwrap_or(u64::MAX);
        let order = Order { agent_pid: getpid().as_raw_nonzero().get(), memory_limit_bytes, word_ns, work };
        self.last_job += 1;
        let hear = self.inbox.hear(self.last_job);
        self.mark(watch, State::AtWork);
        let next = match Worker::start(&self.options.program, &order, hear) {
            Ok(worker) => self.follow(worker, watch),
            Err(error) => self.send(&Reply::Failed(error)),
        };
        self.mark(watch, State::Idle);
        next
    }

    /// Until the job's process has answered, ended, or has to be ended.
    fn follow(&mut self, worker: Worker, watch: &Watch) -> Result<Next, ServeError> {
        let (mut last_word, mut phase) = (Instant::now(), None);
        loop {
            match self.inbox.next_before(watch.limit(last_word)) {
                None => return self.fail(worker, watch.overdue(phase)),
                Some(Event::HostGone(_)) if watch.ticket.is_some() => return Ok(self.go_on_alone(watch)),
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
                    let is_answer = is_answer(&reply);
                    last_word = Instant::now();
                    if let Reply::Progress(now) = &reply {
                        phase = Some(*now);
                    }
                    if is_answer {
                        self.keep(watch, &reply);
                    }
                    let sent = self.send(&reply);
                    match (is_answer, sent) {
                        (true, sent) => {
                            worker.dismiss();
                            return sent;
                        }
                        (false, Ok(_)) => {}
                        (false, Err(_)) if watch.ticket.is_some() => return Ok(self.go_on_alone(watch)),
                        (false, Err(error)) => return Err(error),
                    }
                }
            }
        }
    }

    /// Waits for the answer of a job whose host is gone, and keeps it.
    fn go_on_alone(&mut self, watch: &Watch) -> Next {
        self.mark(watch, State::Alone);
        let deadline = watch.deadline.min(Instant::now() + ALONE_LIMIT);
        while let Some(event) = self.inbox.next_before(deadline) {
            match event {
                Event::Worker(job, WorkerEvent::Said(reply)) if job == self.last_job && is_answer(&reply) => {
                    self.keep(watch, &reply);
                    break;
                }
                Event::Worker(job, WorkerEvent::Silent) if job == self.last_job => break,
                // What the host said before it went, and where the job is.
                Event::Request(_) | Event::HostGone(_) | Event::Worker(..) => {}
            }
        }
        Next::End
    }

    fn lock(&self) -> Option<&'a Lock> {
        self.options.lock.as_deref()
    }

    /// Says what the agent does, while it does what a host may come back for.
    fn mark(&self, watch: &Watch, state: State) {
        if let (Some(lock), Some(_)) = (self.lock(), watch.ticket) {
            lock.mark(state);
        }
    }

    fn keep(&self, watch: &Watch, reply: &Reply) {
        if let (Some(lock), Some(ticket)) = (self.lock(), watch.ticket) {
            lock.keep(ticket, reply);
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

/// What is free now, less a reserve for the rest of the device.
fn default_memory_limit_bytes() -> Option<u64> {
    let free_bytes = available_kib()? * 1024;
    Some(free_bytes - free_bytes / MEMORY_RESERVE)
}
