//! One agent at a time on a device: two that measure at once would disturb each other.
//!
//! The lock is a file beside the folder of blobs. It holds the process, the session and the state of its holder, so that a host whose
//! connection was cut can take the place of the agent that it left behind there, and nobody else's. A session is the name of a host's
//! process, a dot, and the number of the connection: of two agents of one host, the one with the lower number has nobody to serve.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    message::Reply,
};
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};

use super::kept::Kept;

/// Longest wait for another agent to end: one whose host has just gone needs a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest wait for the job of the agent that was left behind. A host waits for the greeting a little longer.
const JOB_PATIENCE: Duration = Duration::from_secs(20);

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes of the file that are read.
const MAX_BYTES: u64 = 4096;

/// The lock; it goes with its process.
#[derive(Debug)]
pub struct Lock {
    file: File,
    session: Option<String>,
    kept: Option<Kept>,
}

/// What the holder of a lock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for its host.
    Idle,
    /// It runs a job.
    AtWork,
    /// It runs a job, and its host is gone.
    Alone,
}

/// Takes the lock beside this folder, for a session.
///
/// # Errors
///
/// [`ErrorKind::Busy`] when another agent keeps it, [`ErrorKind::Storage`] when there can be no such file.
pub fn take(store: &Path, session: Option<&str>) -> Result<Lock, JobError> {
    let path = store.with_extension("lock");
    let no_file = |error: io::Error| JobError::new(ErrorKind::Storage, format!("{}: {error}", path.display()));
    let mut file = open(&path).map_err(no_file)?;
    let begun = Instant::now();
    // Ends: every rule has its patience.
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let holder = holder(&mut file);
        match rule(holder.as_ref(), session) {
            Rule::Wait(patience) if begun.elapsed() < patience => {}
            Rule::End => holder.iter().for_each(Holder::end),
            Rule::EndAfter(patience) if begun.elapsed() >= patience => holder.iter().for_each(Holder::end),
            Rule::EndAfter(_) => {}
            Rule::Wait(_) => return Err(busy(holder.as_ref())),
        }
        if begun.elapsed() > JOB_PATIENCE + PATIENCE {
            return Err(busy(holder.as_ref()));
        }
        thread::sleep(PAUSE);
    }
    let kept = session.map(|session| Kept::new(store.with_extension("answer"), parts(session).0.to_owned()));
    let lock = Lock { file, session: session.map(str::to_owned), kept };
    lock.sign(State::Idle).map_err(no_file)?;
    Ok(lock)
}

impl Lock {
    /// Says what the holder does.
    pub(super) fn mark(&self, state: State) {
        // One that says nothing counts as idle, and so is ended at once by its own host; then a job runs again.
        let _ = self.sign(state);
    }

    fn sign(&self, state: State) -> io::Result<()> {
        let (mut file, session) = (&self.file, self.session.as_deref().unwrap_or_default());
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {session} {}", std::process::id(), state.name())
    }

    /// Keeps the answer to a job for a host that may not hear it.
    pub(super) fn keep(&self, ticket: u64, reply: &Reply) {
        // Where there is no room for it, the job runs again.
        let _ = self.kept.as_ref().map(|kept| kept.put(ticket, reply));
    }

    /// The answer that a host did not hear.
    pub(super) fn kept(&self, ticket: u64) -> Option<Reply> {
        self.kept.as_ref()?.get(ticket)
    }
}

impl State {
    const ALL: [Self; 3] = [Self::Idle, Self::AtWork, Self::Alone];

    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::AtWork => "at-work",
            Self::Alone => "alone",
        }
    }
}

/// What somebody does who finds the lock taken.
#[derive(Debug, PartialEq, Eq)]
enum Rule {
    /// Waits so long, and then gives up.
    Wait(Duration),
    /// Ends the holder at once.
    End,
    /// Ends the holder when it has not ended by itself after so long.
    EndAfter(Duration),
}

fn rule(holder: Option<&Holder>, session: Option<&str>) -> Rule {
    let Some(holder) = holder else { return Rule::Wait(PATIENCE) };
    let ((name, number), own) = (parts(&holder.session), session.map(parts));
    match (own, holder.state) {
        (Some((own, later)), _) if own == name && later < number => Rule::Wait(Duration::ZERO),
        (Some((own, _)), State::Idle) if own == name => Rule::End,
        (Some((own, _)), _) if own == name => Rule::EndAfter(JOB_PATIENCE),
        (_, State::Alone) => Rule::End,
        _ => Rule::Wait(PATIENCE),
    }
}

/// Name and number of a session.
fn parts(session: &str) -> (&str, u64) {
    let numbered = session.rsplit_once('.').and_then(|(name, number)| Some((name, number.parse().ok()?)));
    numbered.unwrap_or((session, 0))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Who keeps a lock.
struct Holder {
    pid: i32,
    session: String,
    state: State,
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let mut words = text.trim_end_matches('\n').splitn(3, ' ');
    let (pid, session, state) = (words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?);
    let state = State::ALL.into_iter().find(|known| known.name() == state)?;
    Some(Holder { pid, session, state })
}

impl Holder {
    /// Ends it, if the process of this number is still an agent of this session.
    fn end(&self) {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let is_it = line.split(|byte| *byte == 0).any(|word| word == self.session.as_bytes());
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| is_it) {
            // One that has just ended is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn busy(holder: Option<&Holder>) -> JobError {
    let who = holder.map(|holder| format!(" (process {} there)", holder.pid)).unwrap_or_default();
    JobError::new(ErrorKind::Busy, format!("the device is serving another host{who}; wait for it, or end that process"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("new/store");
        let first = take(&store, Some("a")).unwrap();
        let waiting = thread::spawn({
            let store = store.clone();
            move || take(&store, None).map(|_| ())
        });
        thread::sleep(PAUSE * 3);
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_process_of_another_session_is_left_alone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        Holder { pid: child.id() as i32, session: "61".to_owned(), state: State::Idle }.end();
        assert!(child.try_wait().unwrap().is_none(), "it has another command line");
        // A process that has just begun has no command line yet; taking the lock asks again, too.
        let ended = (0..250).any(|_| {
            Holder { pid: child.id() as i32, session: "60".to_owned(), state: State::Idle }.end();
            thread::sleep(PAUSE);
            child.try_wait().unwrap().is_some()
        });
        assert!(ended && !child.wait().unwrap().success());
    }

    #[test]
    fn only_a_later_connection_of_the_same_host_takes_the_place_of_an_agent() {
        let met = |state, by: &str| {
            let holder = Holder { pid: 1, session: "host.7".to_owned(), state };
            rule(Some(&holder), Some(by))
        };
        assert_eq!(met(State::Idle, "host.8"), Rule::End);
        assert_eq!(met(State::AtWork, "host.8"), Rule::EndAfter(JOB_PATIENCE));
        assert_eq!(met(State::Alone, "host.8"), Rule::EndAfter(JOB_PATIENCE));
        assert_eq!(met(State::Idle, "host.6"), Rule::Wait(Duration::ZERO), "nobody listens to an earlier one");
        assert_eq!(met(State::AtWork, "other.8"), Rule::Wait(PATIENCE));
        assert_eq!(met(State::Idle, "other.8"), Rule::Wait(PATIENCE));
        assert_eq!(met(State::Alone, "other.8"), Rule::End);
        assert_eq!(rule(None, Some("host.8")), Rule::Wait(PATIENCE));
    }

    #[test]
    fn a_holder_says_what_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let lock = take(&store, Some("a.1")).unwrap();
        for state in State::ALL {
            lock.mark(state);
            let found = holder(&mut open(&folder.path().join("store.lock")).unwrap()).unwrap();
            assert_eq!((found.session.as_str(), found.state), ("a.1", state));
        }
    }
}
