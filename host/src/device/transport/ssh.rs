//! `ssh`: the user's own ssh, with all of its configuration: aliases, keys, agents, jump hosts.
//!
//! It is asked for no terminal and may ask no questions: what ssh would ask is said as an error, with what to do by hand.

use std::process::Command;

use super::{
    TransportError, Trouble,
    remote::{Shell, given_up},
    script,
};

/// ssh tells its own failures by this exit code; every other one is the device's.
const OWN_FAILURE: i32 = 255;

/// How ssh is asked: no questions, no terminal, and a connection that falls silent ends after 15 s.
const OPTIONS: [&str; 9] = [
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=5",
    "-o",
    "ServerAliveCountMax=3",
];

/// What ssh says when nothing answers: a device that is off or restarts, or a network that is down.
const ABSENT: [&str; 6] = [
    "Could not resolve hostname",
    "Connection refused",
    "Connection timed out",
    "Operation timed out",
    "No route to host",
    "Network is unreachable",
];

/// A device by ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The account, if named.
    pub user: Option<String>,
    /// The host or alias.
    pub host: String,
    /// The port, if named.
    pub port: Option<u16>,
}

impl Ssh {
    /// As a user types it.
    fn by_hand(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("{port}{user}{}", self.host)
    }

    /// What to do about one of ssh's own failures; `None` where it may be gone the next time.
    fn fix(&self, errors: &str) -> Option<String> {
        let target = self.by_hand();
        let has = |text: &str| errors.contains(text);
        if has("Permission denied") || has("Too many authentication failures") {
            Some(format!("put your key on the device: ssh-copy-id {target}; then `ssh {target} true` asks nothing"))
        } else if has("IDENTIFICATION HAS CHANGED") {
            let host = &self.host;
            Some(format!(
                "if it is the same device with a new system: ssh-keygen -R {host}; then ssh {target} once by hand"
            ))
        } else if has("Host key verification failed") {
            Some(format!("connect once by hand and accept the device's key: ssh {target}"))
        } else if has("Could not resolve hostname") {
            Some("check the name, or take the device's IP address; names in .local need mDNS (avahi)".to_owned())
        } else if has("Connection refused") {
            Some(
                "start an ssh server there (Raspberry Pi OS: sudo raspi-config nonint do_ssh 0), or name its port"
                    .to_owned(),
            )
        } else {
            None
        }
    }
}

impl Shell for Ssh {
    fn url(&self) -> String {
        let (user, host, port) = (self.user.clone(), self.host.clone(), self.port);
        crate::device::DeviceUrl::Ssh { user, host, port }.to_string()
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(OPTIONS);
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        // The account's shell may be any; the words are those of POSIX's.
        command.args(["--", &self.host, &script::for_any_shell(script)]);
        command
    }

    fn default_folder(&self) -> &'static str {
        "~/.cache/edgefit"
    }

    fn explain(&self, code: Option<i32>, errors: &str) -> Option<TransportError> {
        if code.is_some_and(|code| code != OWN_FAILURE) {
            return None;
        }
        let message = if errors.is_empty() { given_up("ssh", code) } else { format!("ssh: {errors}") };
        let fix = self.fix(errors);
        let trouble = match &fix {
            _ if ABSENT.iter().any(|mark| errors.contains(mark)) => Trouble::Absent,
            Some(_) => Trouble::Lasting,
            None => Trouble::Cut,
        };
        Some(TransportError { message, fix, trouble })
    }

    fn program(&self) -> (&'static str, &'static str) {
        ("ssh", "install OpenSSH's client (Debian: apt install openssh-client)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh() -> Ssh {
        Ssh { user: Some("pi".into()), host: "board".into(), port: Some(2222) }
    }

    #[test]
    fn every_usual_failure_has_its_fix() {
        let check = |errors: &str, fix: &str| {
            let error = ssh().explain(Some(255), errors).unwrap();
            assert!(error.message.contains(errors));
            assert!(error.fix.clone().is_some_and(|told| told.contains(fix)), "{error}");
        };
        check("pi@board: Permission denied (publickey).", "ssh-copy-id -p 2222 pi@board");
        check("Host key verification failed.", "ssh -p 2222 pi@board");
        check("ssh: Could not resolve hostname board: Name or service not known", "IP address");
        check("ssh: connect to host board port 22: Connection refused", "ssh server");
        let trouble = |errors: &str| ssh().explain(Some(255), errors).unwrap().trouble;
        assert_eq!(trouble("pi@board: Permission denied (publickey)."), Trouble::Lasting);
        assert_eq!(trouble("ssh: connect to host board port 22: Connection refused"), Trouble::Absent);
        assert_eq!(trouble("ssh: connect to host board port 22: No route to host"), Trouble::Absent);
        assert_eq!(trouble("Connection closed by 10.0.0.5 port 22"), Trouble::Cut);
        assert_eq!(trouble(""), Trouble::Cut);
        assert_eq!(ssh().explain(Some(1), "no such file"), None, "the device's own failure");
    }

    #[test]
    fn the_host_is_no_option_and_the_script_one_word() {
        let command = ssh().command("echo a");
        let words: Vec<&str> = command.get_args().filter_map(|word| word.to_str()).collect();
        assert_eq!(words[words.len() - 3..], ["--", "board", "exec sh -c 'echo a'"]);
    }
}
