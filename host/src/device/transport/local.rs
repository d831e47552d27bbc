//! `local`: this program again, as the agent of this machine, over its standard streams.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Guard, Link, Transport, TransportError};

/// Which program is the agent of this machine.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The executable; this one when `None`.
    pub executable: Option<PathBuf>,
    /// Arguments that make it serve its standard streams.
    pub arguments: Vec<OsString>,
    /// How often a job is tried again on a fresh agent when the agent dies.
    pub retries: u32,
}

impl Default for LocalOptions {
    /// `edgefit agent --stdio`, with two further tries.
    fn default() -> Self {
        Self { executable: None, arguments: vec!["agent".into(), "--stdio".into()], retries: 2 }
    }
}

/// The transport.
#[derive(Debug)]
pub struct Local {
    executable: PathBuf,
    arguments: Vec<OsString>,
}

impl Local {
    /// Takes this program where no other is named.
    ///
    /// # Errors
    ///
    /// When the system does not tell which program this is.
    pub fn new(options: &LocalOptions) -> io::Result<Self> {
        let executable = match &options.executable {
            Some(executable) => executable.clone(),
            None => std::env::current_exe()?,
        };
        Ok(Self { executable, arguments: options.arguments.clone() })
    }
}

impl Transport for Local {
    fn url(&self) -> String {
        "local".to_owned()
    }

    /// The agent's messages to people go where this program's go. It has a process group of its own, so that Ctrl-C reaches only
    /// this program, which ends the agent when it is done with it.
    fn connect(&mut self) -> Result<Link, TransportError> {
        let mut child = Command::new(&self.executable)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let reader = child.stdout.take().expect("the output is piped");
        let writer = child.stdin.take().expect("the input is piped");
        Ok(Link { reader: Box::new(reader), writer: Box::new(writer), guard: Box::new(Agent(child)) })
    }
}

/// Longest wait for an agent to end by itself and clean up, once its input is closed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The agent's process; it ends with its guard.
struct Agent(Child);

impl Guard for Agent {}

impl Drop for Agent {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.0.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // One that ends meanwhile cannot be killed, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
