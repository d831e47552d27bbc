//! One agent at a time on a device: two that measure at once would disturb each other.
//!
//! The lock is a file beside the folder of blobs. It holds the process and the session of its holder, so that a host whose connection
//! was cut can end the agent that it left behind there, and nobody else's.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use edgefit_protocol::error::{ErrorKind, JobError};
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};

/// Longest wait for another agent to end: one whose host has just gone needs a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes of the file that are read.
const MAX_BYTES: u64 = 4096;

/// The lock; it goes with its process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock beside this folder, for a session.
///
/// # Errors
///
/// [`ErrorKind::Busy`] when another agent keeps it, [`ErrorKind::Storage`] when there can be no such file.
pub fn take(store: &Path, session: Option<&str>) -> Result<Lock, JobError> {
    let path = path_beside(store);
    let no_file = |error: io::Error| JobError::new(ErrorKind::Storage, format!("{}: {error}", path.display()));
    let mut file = open(&path).map_err(no_file)?;
    let deadline = Instant::now() + PATIENCE;
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let holder = holder(&mut file);
        if Instant::now() >= deadline {
            return Err(busy(holder.as_ref()));
        }
        if let Some(own) = holder.filter(|holder| session == Some(holder.session.as_str())) {
            own.end();
        }
        thread::sleep(PAUSE);
    }
    sign(&mut file, session).map_err(no_file)?;
    Ok(Lock { _file: file })
}

fn path_beside(store: &Path) -> PathBuf {
    store.with_extension("lock")
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn sign(file: &mut File, session: Option<&str>) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {}", std::process::id(), session.unwrap_or_default())
}

/// Who keeps a lock.
struct Holder {
    pid: i32,
    session: String,
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let (pid, session) = text.trim_end_matches('\n').split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, session: session.to_owned() })
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
        Holder { pid: child.id() as i32, session: "61".to_owned() }.end();
        assert!(child.try_wait().unwrap().is_none(), "it has another command line");
        Holder { pid: child.id() as i32, session: "60".to_owned() }.end();
        assert!(!child.wait().unwrap().success(), "and so it was ended");
    }
}
