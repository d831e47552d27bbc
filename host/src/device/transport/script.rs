//! What a device's shell is asked to do, as POSIX scripts of one line.
//!
//! They hold no single quote, no backslash and no `!`, so that they pass through any login shell in single quotes, and they are
//! short: what is sent on a connection that finds everything in its place is less than 1 KiB.

/// Exit code when the agent is not there.
pub(super) const NO_AGENT: i32 = 66;

/// Exit code when the folder cannot be used.
pub(super) const NO_FOLDER: i32 = 73;

/// Agents that are kept on a device, the newest.
const KEPT_AGENTS: usize = 3;

/// Android's mode of a speed that can be kept up.
const FIXED_PERFORMANCE: &str = "cmd power set-fixed-performance-mode-enabled";

/// How the agent is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Start<'a> {
    /// Its file's name.
    pub(super) name: &'a str,
    /// The session that it belongs to.
    pub(super) session: &'a str,
    /// What runs it in place of a processor.
    pub(super) emulator: Option<&'a str>,
    /// Whether Android's mode of fixed performance is on meanwhile.
    pub(super) fixed_performance: bool,
}

/// Whether text can stand in a script between double quotes, and means itself there.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| !letter.is_control() && !"'\"\\$`!".contains(letter))
}

/// The script as one command for whatever shell an account has.
pub(super) fn for_any_shell(script: &str) -> String {
    format!("exec sh -c '{script}'")
}

/// Makes the folder and says what the device is; read by [`super::Facts::parse`].
pub(super) fn look(folder: &str) -> String {
    let folder = path(folder);
    format!(
        "umask 77; mkdir -p {folder}/agents && cd {folder} || exit {NO_FOLDER}; echo machine=$(uname -sm); \
         echo libc=$( (getconf GNU_LIBC_VERSION; ldd --version) 2>&1 | grep -im1 -e glibc -e musl); \
         echo bits=$(getconf LONG_BIT); echo page=$(getconf PAGESIZE); echo free=$(df -Pk . | tail -n 1); \
         echo sdk=$(getprop ro.build.version.sdk 2>/dev/null); ls agents"
    )
}

/// An agent that is sent to a device, in one piece or, after cuts, in several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending<'a> {
    /// Its file's name.
    pub(super) name: &'a str,
    /// Who sends it: until it is whole, it is in a file of its sender.
    pub(super) session: &'a str,
    /// Its size.
    pub(super) bytes: usize,
}

/// Says how many bytes of an agent are there.
pub(super) fn part(folder: &str, sending: &Sending<'_>) -> String {
    let Sending { name, session, .. } = sending;
    format!("cd {}/agents && wc -c < {name}.{session} || echo 0", path(folder))
}

/// Takes an agent from the standard input, from this byte on, and puts it in its place once it is whole; then the oldest ones go.
pub(super) fn put(folder: &str, sending: &Sending<'_>, offset: usize) -> String {
    let Sending { name, session, bytes } = sending;
    let (folder, part, begin) = (path(folder), format!("{name}.{session}"), if offset == 0 { ">" } else { ">>" });
    format!(
        "umask 77; cd {folder}/agents && cat {begin} {part} || {{ rm -f {part}; exit {NO_FOLDER}; }}; n=$(wc -c < {part}); \
         [ $n -eq {bytes} ] && chmod 700 {part} && mv -f {part} {name} || {{ [ $n -lt {bytes} ] || rm -f {part}; exit {NO_FOLDER}; }}; \
         ls -t | tail -n +{} | while read f; do rm -f $f; done",
        KEPT_AGENTS + 1
    )
}

/// Starts the agent, which then has the streams.
pub(super) fn run(folder: &str, start: &Start<'_>) -> String {
    let Start { name, session, emulator, fixed_performance } = start;
    let emulated = emulator.map(|emulator| (format!("{emulator} "), format!(" --emulator \"{emulator}\"")));
    let (before, behind) = emulated.unwrap_or_default();
    let agent = format!("{before}agents/{name} --stdio --store store --session {session}{behind}");
    let begin = format!("cd {} && [ -x agents/{name} ] || exit {NO_AGENT}; ", path(folder));
    match fixed_performance {
        true => format!("{begin}{}", with_fixed_performance(&agent)),
        false => format!("{begin}[ -e fixed ] && {FIXED_PERFORMANCE} false && rm -f fixed; exec {agent}"),
    }
}

/// Undone when the agent ends, however it ends; and if the shell does not live to do it, at the next start, which finds the mark.
fn with_fixed_performance(agent: &str) -> String {
    format!(
        ": > fixed; trap \"{FIXED_PERFORMANCE} false; rm -f fixed\" EXIT; trap : HUP INT TERM PIPE; \
         {FIXED_PERFORMANCE} true; {agent}"
    )
}

/// A folder as a word of the script; `~` is the account's home.
fn path(folder: &str) -> String {
    match folder.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME/{rest}\""),
        None => format!("\"{folder}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        io::Write,
        path::Path,
        process::{Command, Stdio},
    };

    fn sending(name: &str, bytes: usize) -> Sending<'_> {
        Sending { name, session: "s", bytes }
    }

    fn sh(script: &str, home: &Path, input: &[u8]) -> (Option<i32>, String) {
        let mut child = Command::new("sh")
            .args(["-c", &for_any_shell(script)])
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn an_agent_is_put_whole_and_the_oldest_go() {
        let home = tempfile::tempdir().unwrap();
        let folder = "~/a b/edgefit";
        assert_eq!(sh(&look(folder), home.path(), b"").0, Some(0));
        let agents = home.path().join("a b/edgefit/agents");
        for name in ["one", "two", "three", "four"] {
            assert_eq!(sh(&put(folder, &sending(name, 4), 0), home.path(), b"body").0, Some(0));
            let age = std::time::SystemTime::now() - std::time::Duration::from_secs(if name == "one" { 99 } else { 9 });
            fs::File::open(agents.join(name)).unwrap().set_modified(age).unwrap();
        }
        let mut left: Vec<_> = fs::read_dir(&agents).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["four", "three", "two"]);
    }

    #[test]
    fn an_agent_that_was_cut_goes_on_where_it_was() {
        let home = tempfile::tempdir().unwrap();
        sh(&look("~/e"), home.path(), b"");
        let agent = sending("x", 9);
        let there = || sh(&part("~/e", &agent), home.path(), b"").1.trim().to_owned();
        assert_eq!(there(), "0");
        assert_eq!(sh(&put("~/e", &agent, 0), home.path(), b"body").0, Some(NO_FOLDER), "the connection was cut");
        assert_eq!(there(), "4");
        assert_eq!(sh(&put("~/e", &agent, 4), home.path(), b" rest").0, Some(0));
        assert_eq!(fs::read(home.path().join("e/agents/x")).unwrap(), b"body rest");
        assert_eq!(sh(&put("~/e", &sending("y", 3), 0), home.path(), b"body").0, Some(NO_FOLDER), "too much");
        assert_eq!(fs::read_dir(home.path().join("e/agents")).unwrap().count(), 1, "what cannot become whole is gone");
    }

    #[test]
    fn an_agent_that_is_not_there_is_told_by_the_exit_code() {
        let home = tempfile::tempdir().unwrap();
        let start = Start { name: "none", session: "s", ..Start::default() };
        assert_eq!(sh(&run("~/edgefit", &start), home.path(), b"").0, Some(NO_AGENT));
    }

    #[test]
    fn an_agent_gets_its_arguments() {
        let home = tempfile::tempdir().unwrap();
        let start = Start { name: "x", session: "s", emulator: Some("sh -e"), fixed_performance: true };
        sh(&look("~/e"), home.path(), b"");
        let body = b"#!/bin/sh\necho $#: $*\n";
        sh(&put("~/e", &sending("x", body.len()), 0), home.path(), body);
        let (_, said) = sh(&run("~/e", &start), home.path(), b"");
        assert_eq!(said, "7: --stdio --store store --session s --emulator sh -e\n");
        assert!(!home.path().join("e/fixed").exists(), "the mode is undone with the agent");
    }

    #[test]
    fn scripts_pass_through_any_shell_and_are_short() {
        let name = "edgefit-agent-0123456789abcdef";
        let start = Start { name, session: "0123456789abcdef", ..Start::default() };
        let [look, run] = [look("~/.cache/edgefit"), run("~/.cache/edgefit", &start)];
        assert!(look.len() + run.len() < 1024, "{} + {}", look.len(), run.len());
        let agent = sending(name, 7);
        for script in [look, run, put("/data/local/tmp/edgefit", &agent, 7), part("~/e", &agent)] {
            assert!(!script.contains(['\'', '\\', '!', '\n']), "{script}");
        }
        assert!(is_plain("/data/local/tmp") && !is_plain("a\"b") && !is_plain("$(x)") && !is_plain(""));
    }
}
