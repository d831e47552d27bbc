//! Programs that a transport starts: with a deadline, and with the end of what they write to the standard error, which says why they
//! failed.

use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Bytes of the standard error that are kept.
const KEPT_ERROR_BYTES: usize = 4096;

/// Most bytes of the standard output that are kept.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024;

/// Longest wait for a program to end by itself, once its input is closed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest wait for the last of the standard error.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A program under way. It ends with this.
///
/// It has a process group of its own, so that Ctrl-C reaches only this program, which ends the other when it is done with it.
pub(super) struct Running {
    child: Child,
    said: Receiver<String>,
}

/// How a program ended.
pub(super) struct Finished {
    /// `None` when it was over its time.
    pub(super) status: Option<ExitStatus>,
    pub(super) output: String,
    pub(super) errors: String,
}

impl Running {
    /// Starts a program whose streams are piped.
    pub(super) fn start(mut command: Command) -> io::Result<(ChildStdin, ChildStdout, Self)> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
        let stdin = child.stdin.take().expect("the input is piped");
        let stdout = child.stdout.take().expect("the output is piped");
        let stderr = child.stderr.take().expect("the error output is piped");
        let (sender, said) = channel();
        thread::spawn(move || {
            // Nobody listens to a program that was given up.
            let _ = sender.send(keep_the_end(stderr));
        });
        Ok((stdin, stdout, Self { child, said }))
    }

    /// Waits for the end.
    pub(super) fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The end of the standard error of a program that ended. A helper of it may keep the pipe open: then there is none.
    pub(super) fn errors(&mut self) -> String {
        self.said.recv_timeout(LAST_WORDS).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.wait_until(Instant::now() + PATIENCE).is_none() {
            // One that ends meanwhile cannot be killed, which is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a program to its end, with this input.
///
/// # Errors
///
/// When it cannot be started.
pub(super) fn run(command: Command, input: &[u8], limit: Duration) -> io::Result<Finished> {
    let deadline = Instant::now() + limit;
    let (mut stdin, stdout, mut running) = Running::start(command)?;
    let output = read_all(stdout);
    thread::scope(|scope| {
        // A program that ends before it has read everything says why on its standard error.
        let writing = scope.spawn(move || stdin.write_all(input));
        let status = running.wait_until(deadline);
        if status.is_none() {
            // Breaks the pipe, so that the writer ends.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        let _ = writing.join();
        let output = output.recv_timeout(LAST_WORDS).unwrap_or_default();
        Ok(Finished { status, output, errors: running.errors() })
    })
}

fn read_all(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes);
        sender.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    receiver
}

fn keep_the_end(mut stderr: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(KEPT_ERROR_BYTES));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_gets_its_input_and_is_heard() {
        let done = run(shell("cat; echo no >&2; exit 3"), b"yes", Duration::from_secs(20)).unwrap();
        assert_eq!((done.output.as_str(), done.errors.as_str()), ("yes", "no"));
        assert_eq!(done.status.and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let begun = Instant::now();
        let done = run(shell("exec sleep 60"), &[0; 1 << 20], Duration::from_millis(100)).unwrap();
        assert!(done.status.is_none() && begun.elapsed() < Duration::from_secs(20));
    }
}
