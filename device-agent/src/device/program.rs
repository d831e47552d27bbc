//! Small programs of the system that tell what no file does, such as a Raspberry Pi's `vcgencmd`.
//!
//! A program is looked for first, so that no process is started where it does not exist, and it gets [`TIME_LIMIT`], so that a
//! hanging one does not hold up a job.

use std::{
    env,
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Longest time that a program may take.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// Longest wait for the end of a program that is ended; one that the kernel does not let go is left behind.
const END_LIMIT: Duration = Duration::from_millis(100);

/// Most bytes of a program's answer that are read.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024;

/// Gives what `NAME ARGUMENT` says; `None` where there is no such program or it gave no answer in time.
pub(super) type Ask<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// What a program in `PATH` says.
pub(super) fn ask(name: &str, argument: &str) -> Option<String> {
    output(&find(name, &env::var_os("PATH")?)?, argument, TIME_LIMIT)
}

fn find(name: &str, folders: &OsStr) -> Option<PathBuf> {
    env::split_paths(folders).map(|folder| folder.join(name)).find(|file| file.is_absolute() && file.is_file())
}

/// The standard output of a program that ended well in time.
fn output(program: &Path, argument: &str, limit: Duration) -> Option<String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let text = read_until(&mut child, deadline);
    match wait_until(&mut child, deadline) {
        Some(status) if status.success() => text,
        Some(_) => None,
        None => {
            end(&mut child);
            None
        }
    }
}

/// Read in a thread, which ends with the pipe: a pipe of its own has no time limit.
fn read_until(child: &mut Child, deadline: Instant) -> Option<String> {
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || {
            let mut text = Vec::new();
            let read = stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut text);
            // Nobody listens after the deadline.
            let _ = sender.send(read.ok().map(|_| String::from_utf8_lossy(&text).into_owned()));
        })
        .ok()?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?
}

fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn end(child: &mut Child) {
    // A program that has ended already cannot be killed, which is as good.
    let _ = child.kill();
    wait_until(child, Instant::now() + END_LIMIT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn script(folder: &Path, name: &str, body: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_program_is_found_in_the_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = script(folder.path(), "told", "echo $1");
        let folders = env::join_paths([Path::new("/no/such/folder"), folder.path()]).unwrap();
        assert_eq!(find("told", &folders), Some(file));
        assert_eq!(find("other", &folders), None);
        assert_eq!(find("told", OsStr::new("")), None);
    }

    #[test]
    fn an_answer_counts_when_the_program_ends_well_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str, body: &str| output(&script(folder.path(), name, body), "word", TIME_LIMIT * 10);
        assert_eq!(said("good", "echo $1").as_deref(), Some("word\n"));
        assert_eq!(said("bad", "echo $1; exit 3"), None);
        assert_eq!(output(Path::new("/no/such/program"), "word", TIME_LIMIT), None);
        let endless = script(folder.path(), "endless", "exec sleep 60");
        let started = Instant::now();
        assert_eq!(output(&endless, "word", Duration::from_millis(50)), None);
        let babbling = script(folder.path(), "babbling", "while :; do echo $1; done");
        assert_eq!(output(&babbling, "word", Duration::from_millis(50)), None);
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
