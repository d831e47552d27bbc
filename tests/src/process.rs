//! Runs commands to their end, within a limit of time, and says all that is needed when one went wrong.

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed to standard output.
    pub(crate) stdout: String,
    /// What it printed to standard error.
    pub(crate) stderr: String,
}

/// A command under way, its output gathered beside it.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    command_line: String,
}

/// Standard output of a command that must succeed; the error holds the command and what it printed.
pub(crate) fn succeed(command: &mut Command) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", command_line(command)))?;
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(describe(command, &output)),
    }
}

/// Runs a command that may fail, but must end within `limit`.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> Result<Ended, String> {
    start(command)?.finish(limit)
}

/// Starts a command and does not wait for it.
pub(crate) fn start(command: &mut Command) -> Result<Running, String> {
    let command_line = command_line(command);
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| format!("{command_line}: {error}"))?;
    let (stdout, stderr) = (child.stdout.take().map(gather), child.stderr.take().map(gather));
    Ok(Running { child, stdout, stderr, command_line })
}

impl Running {
    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| error.to_string())
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Ended, String> {
        let started = Instant::now();
        while self.is_running() {
            if started.elapsed() > limit {
                let command_line = self.command_line.clone();
                self.kill()?;
                return Err(format!("{command_line} did not end within {limit:?}"));
            }
            thread::sleep(POLL);
        }
        self.ended()
    }

    fn ended(mut self) -> Result<Ended, String> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.command_line))?;
        let gathered = |thread: Option<JoinHandle<String>>| thread.and_then(|t| t.join().ok()).unwrap_or_default();
        Ok(Ended { code: status.code(), stdout: gathered(self.stdout.take()), stderr: gathered(self.stderr.take()) })
    }
}

impl Drop for Running {
    /// Nothing that a test started outlives it. A command that ended already is no failure.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn gather(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still worth showing.
        stream.read_to_end(&mut bytes).ok();
        text(&bytes)
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn describe(command: &Command, output: &Output) -> String {
    format!("{}: {}\n{}{}", command_line(command), output.status, text(&output.stdout), text(&output.stderr))
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
