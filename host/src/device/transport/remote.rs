//! A device with a shell: the agent is brought there once, by its content, and started over the shell's own streams.
//!
//! What is specific to ssh and to adb is their [`Shell`]. On the device everything lies in one folder: `agents/`, `store/` with
//! models and libraries, and the lock of the agent that runs.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::{
    Facts, Guard, Link, Transport, TransportError, Trouble,
    process::{self, Running},
    script::{self, NO_AGENT, NO_FOLDER, Sending, Start},
};
use crate::device::agents::{self, AgentFile};

/// Longest time for a look at the device.
const LOOK_LIMIT: Duration = Duration::from_secs(40);

/// Longest time for an agent to be sent: some ten MiB over a slow line.
const PUT_LIMIT: Duration = Duration::from_secs(600);

/// Longest wait for the exit of a shell whose streams have ended.
const EXIT_LIMIT: Duration = Duration::from_secs(5);

/// Bytes of a KiB.
const KIB: u64 = 1024;

/// Takes what a user may want to know while a device is connected.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// A program of the user that runs scripts on a device.
pub trait Shell: Clone + Send + 'static {
    /// URL of the device.
    fn url(&self) -> String;

    /// Runs a script there, with the streams of the program.
    fn command(&self, script: &str) -> Command;

    /// Where everything lies unless the user names another folder.
    fn default_folder(&self) -> &'static str;

    /// The program's own failure, by its exit code and what it wrote; `None` when it was the device's.
    fn explain(&self, code: Option<i32>, errors: &str) -> Option<TransportError>;

    /// Name of the program, and how it is got.
    fn program(&self) -> (&'static str, &'static str);
}

/// What a user may set of a device with a shell.
#[derive(Clone)]
pub struct RemoteOptions {
    /// Another folder.
    pub folder: Option<String>,
    /// The agent's target, instead of what the device says.
    pub target: Option<String>,
    /// A command of the device that runs the agent in place of a processor.
    pub emulator: Option<String>,
    /// Whether Android's mode of fixed performance is on while the agent runs.
    pub fixed_performance: bool,
    /// Who is told of an agent that is sent.
    pub tell: Tell,
}

/// Whether text can stand in a script.
///
/// # Errors
///
/// When it means something else to a shell.
pub(in crate::device) fn check_word(text: &str) -> Result<(), TransportError> {
    let fix = "leave out quotes, $, ` , \\ and !";
    let refused = || TransportError::lasting(format!("`{text}` cannot be named to a shell"), fix);
    script::is_plain(text).then_some(()).ok_or_else(refused)
}

/// The transport.
pub struct Remote<S> {
    shell: S,
    folder: String,
    options: RemoteOptions,
    session: String,
    /// Whether an agent was being sent when the connection was cut.
    was_cut: bool,
    /// Connections to agents until now.
    connections: u64,
    /// The agent's file on the device, once it is known to be there.
    agent: Option<String>,
}

impl<S: Shell> Remote<S> {
    /// # Errors
    ///
    /// When an option cannot stand in a script.
    pub fn new(shell: S, options: RemoteOptions) -> Result<Self, TransportError> {
        let folder = options.folder.clone().unwrap_or_else(|| shell.default_folder().to_owned());
        [Some(&folder), options.emulator.as_ref()].into_iter().flatten().try_for_each(|word| check_word(word))?;
        Ok(Self { session: session(&shell.url()), shell, folder, options, was_cut: false, connections: 0, agent: None })
    }

    fn ask(&self, script: &str, input: &[u8], limit: Duration) -> Result<String, TransportError> {
        let done = process::run(self.shell.command(script), input, limit).map_err(|error| self.no_program(&error))?;
        match done.status.map(|status| status.code()) {
            Some(Some(0)) => Ok(done.output),
            Some(code) => Err(explain(&self.shell, code, &done.errors)),
            None => {
                let message = format!("{} did not answer in {} s", self.shell.program().0, limit.as_secs());
                Err(TransportError::passing(Trouble::Absent, message))
            }
        }
    }

    fn no_program(&self, error: &std::io::Error) -> TransportError {
        let (program, fix) = self.shell.program();
        TransportError::lasting(format!("{program} cannot be started: {error}"), fix)
    }

    fn facts(&self) -> Result<Facts, TransportError> {
        let said = self.ask(&script::look(&self.folder), b"", LOOK_LIMIT)?;
        Facts::parse(&said).ok_or_else(|| {
            let fix = "an account is needed whose shell runs commands";
            TransportError::lasting(
                format!("the device's shell does not say what the device is, but: {}", said.trim()),
                fix,
            )
        })
    }

    /// Makes sure that the agent is there, and returns its file's name.
    fn deploy(&mut self) -> Result<String, TransportError> {
        let facts = self.facts()?;
        let file = choose(&facts, self.options.target.as_ref())?;
        let cannot_read =
            |error| TransportError::lasting(format!("{}: {error}", file.path.display()), "make it readable");
        let (bytes, name) = file.read().map_err(cannot_read)?;
        if !facts.agents.contains(&name) {
            self.send(&facts, &file, &bytes, &name)?;
        }
        Ok(name)
    }

    fn send(&mut self, facts: &Facts, file: &AgentFile, bytes: &[u8], name: &str) -> Result<(), TransportError> {
        let sending = Sending { name, session: &self.session, bytes: bytes.len() };
        let there = if self.was_cut { self.part(&sending)? } else { 0 };
        let rest = bytes.get(there..).unwrap_or_default();
        let needed_kib = rest.len() as u64 / KIB + 1;
        if let Some(free_kib) = facts.free_kib.filter(|free_kib| *free_kib < needed_kib) {
            return Err(no_room(free_kib, needed_kib, &self.folder));
        }
        let told = format!("sending the agent for {} to {}, {} KiB", file.target, self.shell.url(), needed_kib);
        (self.options.tell)(&told);
        self.was_cut = true;
        self.ask(&script::put(&self.folder, &sending, there), rest, PUT_LIMIT)?;
        self.was_cut = false;
        Ok(())
    }

    /// Bytes of an agent that an earlier connection brought.
    fn part(&self, sending: &Sending<'_>) -> Result<usize, TransportError> {
        let said = self.ask(&script::part(&self.folder, sending), b"", LOOK_LIMIT)?;
        // What a login shell greets with stands before it.
        Ok(said.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(0))
    }
}

/// The agent for a device.
fn choose(facts: &Facts, wanted: Option<&String>) -> Result<AgentFile, TransportError> {
    let targets = wanted.map_or_else(|| facts.targets(), |target| vec![target.clone()]);
    let Some(best) = targets.first() else {
        let message = format!("there is no agent for {} {}", facts.system, facts.machine);
        return Err(TransportError::lasting(message, "take a device with Linux or Android on Arm, x86 or RISC-V"));
    };
    agents::find(&targets).ok_or_else(|| {
        let fix = format!("build it: edgefit agent build --target {best}");
        TransportError::lasting(format!("there is no agent for {} here", targets.join(" or ")), fix)
    })
}

fn no_room(free_kib: u64, needed_kib: u64, folder: &str) -> TransportError {
    let message = format!("the agent needs {needed_kib} KiB, and {folder} has {free_kib} KiB free");
    TransportError::lasting(
        message,
        "make room there, or name a folder with room: edgefit devices add ... --folder FOLDER",
    )
}

/// What a failed script means: the program's failure, or the device's.
fn explain(shell: &impl Shell, code: Option<i32>, errors: &str) -> TransportError {
    if let Some(error) = shell.explain(code, errors) {
        return error;
    }
    let lasting = |fix: &str| TransportError::lasting(format!("on the device: {errors}"), fix);
    let has = |text: &str| errors.contains(text);
    match code {
        Some(NO_AGENT) => TransportError::passing(Trouble::Ended, "the agent is gone from the device"),
        _ if has("No space left") || has("Disk quota") => {
            lasting("make room on the device, or name another folder by --folder")
        }
        _ if has("Read-only file system") => lasting("name a folder that can be written by --folder"),
        Some(NO_FOLDER) if errors.is_empty() => TransportError::passing(Trouble::Cut, "the agent did not arrive whole"),
        Some(NO_FOLDER) => lasting("name a folder that this account may write by --folder"),
        _ if has("GLIBC_") => lasting(
            "the device's C library is older than the agent's; build a static agent: edgefit agent build --target ARCH-unknown-linux-musl",
        ),
        _ if has("xec format error") => {
            lasting("the agent is for another processor; name the right one: edgefit devices add ... --target TARGET")
        }
        Some(126) => lasting("programs may not run from that folder (mounted noexec?); name another by --folder"),
        Some(code) => {
            TransportError::passing(Trouble::Ended, format!("the agent ended with exit code {code}: {errors}"))
        }
        None => TransportError::passing(Trouble::Cut, format!("the connection ended: {errors}")),
    }
}

/// What a program that ended without a word did.
pub(super) fn given_up(program: &str, code: Option<i32>) -> String {
    match code {
        Some(code) => format!("{program} ended with exit code {code} and said nothing"),
        None => format!("{program} was ended"),
    }
}

/// A name for what this process does with a device. It decides nothing but whose agent may be ended.
fn session(url: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let source = format!("{url} {} {}", std::process::id(), now.as_nanos());
    Sha256::digest(source).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl<S: Shell> Transport for Remote<S> {
    fn url(&self) -> String {
        self.shell.url()
    }

    fn connect(&mut self) -> Result<Link, TransportError> {
        let name = match self.agent.take() {
            Some(name) => name,
            None => self.deploy()?,
        };
        self.connections += 1;
        let session = format!("{}.{}", self.session, self.connections);
        let RemoteOptions { emulator, fixed_performance, .. } = &self.options;
        let start = Start {
            name: &name,
            session: &session,
            emulator: emulator.as_deref(),
            fixed_performance: *fixed_performance,
        };
        let command = self.shell.command(&script::run(&self.folder, &start));
        let (writer, reader, running) = Running::start(command).map_err(|error| self.no_program(&error))?;
        self.agent = Some(name);
        let guard = RemoteAgent { shell: self.shell.clone(), running };
        Ok(Link { reader: Box::new(reader), writer: Box::new(writer), guard: Box::new(guard) })
    }

    fn forget(&mut self) {
        self.agent = None;
    }

    fn look(&mut self) -> Result<Option<Facts>, TransportError> {
        self.facts().map(Some)
    }
}

/// The shell that the agent has the streams of.
struct RemoteAgent<S> {
    shell: S,
    running: Running,
}

impl<S: Shell> Guard for RemoteAgent<S> {
    fn last_words(&mut self) -> Option<TransportError> {
        let status = self.running.wait_until(Instant::now() + EXIT_LIMIT)?;
        let errors = self.running.errors();
        Some(explain(&self.shell, status.code(), &errors))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ssh::Ssh;
    use super::*;

    fn ssh() -> Ssh {
        Ssh { user: None, host: "board".into(), port: None }
    }

    #[test]
    fn the_devices_own_failures_have_their_fix() {
        let check = |code: i32, errors: &str, fix: &str| {
            let error = explain(&ssh(), Some(code), errors);
            assert!(error.fix.clone().is_some_and(|told| told.contains(fix)), "{error}");
        };
        check(73, "sh: write error: No space left on device", "make room");
        check(73, "mkdir: cannot create directory '/x': Permission denied", "--folder");
        check(1, "agents/a: /lib/libc.so.6: version `GLIBC_2.38' not found", "musl");
        check(126, "sh: 1: agents/a: Exec format error", "--target");
        check(126, "sh: 1: agents/a: Permission denied", "noexec");
        assert_eq!(explain(&ssh(), Some(NO_AGENT), "").trouble, Trouble::Ended);
        assert_eq!(explain(&ssh(), Some(NO_FOLDER), "").trouble, Trouble::Cut, "cut while it was sent");
        assert_eq!(explain(&ssh(), Some(137), "").trouble, Trouble::Ended);
    }

    #[test]
    fn an_agent_that_is_not_here_says_how_it_is_built() {
        let facts = Facts { system: "Linux".into(), machine: "riscv64".into(), ..Facts::default() };
        let error = choose(&facts, None).unwrap_err();
        assert!(error.fix.is_some_and(|fix| fix.contains("agent build --target riscv64gc-unknown-linux-gnu")));
        let other = Facts { system: "Darwin".into(), ..facts };
        assert!(choose(&other, None).unwrap_err().message.contains("Darwin"));
    }

    #[test]
    fn options_that_a_shell_would_read_are_refused() {
        let options = |folder: &str| RemoteOptions {
            folder: Some(folder.to_owned()),
            target: None,
            emulator: None,
            fixed_performance: false,
            tell: Arc::new(|_| ()),
        };
        assert!(Remote::new(ssh(), options("/data/edge fit")).is_ok());
        assert!(Remote::new(ssh(), options("/data/$(reboot)")).is_err());
    }
}
