//! The agent's side of a job's process: start it, hear it, end it.

use std::{
    ffi::OsString,
    io::{self, Read},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    message::Reply,
};

use super::{order::Order, outcome};
use crate::stream::{self, StreamError};

/// Bytes of the standard error that are kept for the message of a crash.
const KEPT_ERROR_BYTES: usize = 2048;

/// Longest time from a process's last word to its end; a large process takes a while to be torn down.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// How to start a job's process.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub executable: PathBuf,
    /// Its arguments, which lead to [`super::child::run`].
    pub arguments: Vec<OsString>,
    /// What runs this program in place of a processor, where it is emulated.
    pub emulator: Option<String>,
}

impl Program {
    /// This same executable, with these arguments; under the same emulator, whose command is words between spaces.
    ///
    /// # Errors
    ///
    /// When the system does not tell which executable this is.
    pub fn this(arguments: &[&str], emulator: Option<String>) -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let words = emulator.iter().flat_map(|emulator| emulator.split_whitespace()).map(OsString::from);
        let mut line = words.chain([this.into_os_string()]).chain(arguments.iter().map(OsString::from));
        let executable = line.next().map(PathBuf::from).unwrap_or_default();
        Ok(Self { executable, arguments: line.collect(), emulator })
    }
}

/// What a job's process does, as it is heard.
#[derive(Debug)]
pub enum WorkerEvent {
    /// It said something.
    Said(Reply),
    /// It will say nothing more.
    Silent,
}

/// A running job process. Dropping it ends it.
pub struct Worker {
    child: Child,
    errors: Option<JoinHandle<String>>,
}

impl Worker {
    /// Starts a process, gives it its order, and passes on what it says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Device`] when the system starts no process.
    pub fn start(
        program: &Program,
        order: &Order,
        hear: impl FnMut(WorkerEvent) + Send + 'static,
    ) -> Result<Self, JobError> {
        let mut child = Command::new(&program.executable)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(program, &error))?;
        let stdout = child.stdout.take().expect("the output is piped");
        let stderr = child.stderr.take().expect("the error output is piped");
        let mut stdin = child.stdin.take().expect("the input is piped");
        thread::spawn(move || pass_on(stdout, hear));
        let errors = thread::spawn(move || keep_the_end(stderr));
        // A process that ends before it reads its order is explained by its exit.
        let _ = stream::write(&mut stdin, order);
        Ok(Self { child, errors: Some(errors) })
    }

    /// Ends the process after its answer: nothing of it is needed any longer.
    pub fn dismiss(mut self) {
        self.end();
    }

    /// Explains the end of a process that said its last word without an answer. One that goes on in silence is ended.
    pub fn explain(mut self) -> JobError {
        let status = self.wait_a_little();
        let ended = self.end();
        let errors = self.join_errors();
        match status.or(ended) {
            Some(_) if status.is_none() => {
                JobError::new(ErrorKind::Crashed, format!("the job's process fell silent without an answer: {errors}"))
            }
            Some(status) => outcome::explain(status, &errors),
            None => JobError::new(ErrorKind::Internal, "the job's process cannot be waited for"),
        }
    }

    fn wait_a_little(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + LAST_BREATH;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    fn end(&mut self) -> Option<ExitStatus> {
        // A process that has ended already cannot be killed, which is as good.
        let _ = self.child.kill();
        self.child.wait().ok()
    }

    fn join_errors(&mut self) -> String {
        let errors = self.errors.take().map(JoinHandle::join);
        errors.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

fn not_started(program: &Program, error: &io::Error) -> JobError {
    let message = format!("no process for the job: {}: {error}", program.executable.display());
    JobError::new(ErrorKind::Device, message)
}

fn pass_on(mut stdout: ChildStdout, mut hear: impl FnMut(WorkerEvent)) {
    loop {
        match stream::read::<Reply>(&mut stdout) {
            Ok(Some(reply)) => hear(WorkerEvent::Said(reply)),
            Ok(None) | Err(StreamError::Io(_)) => break,
            Err(StreamError::Frame(error)) => {
                let message = format!("the job's process answered nonsense: {error}");
                let failed = JobError::new(ErrorKind::Internal, message);
                hear(WorkerEvent::Said(Reply::Failed(failed)));
                break;
            }
        }
    }
    hear(WorkerEvent::Silent);
}

/// Reads to the end and keeps the last bytes, so that a talkative runtime never blocks.
fn keep_the_end(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(KEPT_ERROR_BYTES));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
