//! `adb`: the user's own adb, with its server: a raw shell on a phone, chosen by serial number.

use std::process::Command;

use super::{
    TransportError, Trouble,
    remote::{Shell, given_up},
};

/// A phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adb {
    /// Its serial number; the only phone when `None`.
    pub serial: Option<String>,
}

/// What adb says of a phone that it does not reach, and what to do then.
const FAILURES: [(&str, &str); 6] = [
    (
        "unauthorized",
        "unlock the phone and allow debugging from this computer; if it does not ask: adb kill-server, and plug it in again",
    ),
    (
        "no permissions",
        "allow the USB device to your account (Debian: apt install android-sdk-platform-tools-common), and plug it in again",
    ),
    ("more than one device", "name the phone: adb:SERIAL, as `adb devices -l` shows it"),
    (
        "no devices",
        "switch on USB debugging (Settings, About phone, tap the build number seven times; then Developer options), and see `adb devices`",
    ),
    ("not found", "see `adb devices`; over the network: adb connect ADDRESS:PORT"),
    ("offline", "adb reconnect offline, or plug the phone in again"),
];

/// What adb ends with when the phone was gone before it told an exit code.
const NO_EXIT_CODE: i32 = 255;

impl Shell for Adb {
    fn url(&self) -> String {
        format!("adb:{}", self.serial.as_deref().unwrap_or_default())
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("adb");
        if let Some(serial) = &self.serial {
            command.args(["-s", serial]);
        }
        command.args(["shell", "-T", script]);
        command
    }

    fn default_folder(&self) -> &'static str {
        "/data/local/tmp/edgefit"
    }

    fn explain(&self, code: Option<i32>, errors: &str) -> Option<TransportError> {
        let own = errors.lines().find(|line| line.starts_with("error: ") || line.starts_with("adb: "));
        let Some(line) = own else {
            let is_cut = code.is_none_or(|code| code == NO_EXIT_CODE);
            return is_cut.then(|| TransportError::passing(Trouble::Cut, given_up("adb", code)));
        };
        let fix = FAILURES.iter().find(|(mark, _)| line.contains(mark)).map(|(_, fix)| (*fix).to_owned());
        // A phone that is plugged in again, or whose connection is cut, is not found for a while.
        let trouble = match &fix {
            _ if ["not found", "offline", "no devices"].iter().any(|mark| line.contains(mark)) => Trouble::Absent,
            Some(_) => Trouble::Lasting,
            None => Trouble::Cut,
        };
        Some(TransportError { message: format!("adb: {line}"), fix, trouble })
    }

    fn program(&self) -> (&'static str, &'static str) {
        ("adb", "install Android's platform tools (Debian: apt install adb)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_named_by_its_serial_number() {
        let words = |serial: Option<&str>| {
            let command = Adb { serial: serial.map(str::to_owned) }.command("echo a");
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(Some("R58M")), "-s R58M shell -T echo a");
        assert_eq!(words(None), "shell -T echo a");
    }

    #[test]
    fn every_usual_failure_has_its_fix() {
        let check = |errors: &str, fix: &str, trouble: Trouble| {
            let error = Adb { serial: None }.explain(Some(1), errors).unwrap();
            assert!(error.fix.clone().is_some_and(|told| told.contains(fix)), "{error}");
            assert_eq!(error.trouble, trouble);
        };
        check("adb: device unauthorized.\nThis adb server's...", "unlock", Trouble::Lasting);
        check("adb: more than one device/emulator", "adb:SERIAL", Trouble::Lasting);
        check("adb: device 'R58M' not found", "adb connect", Trouble::Absent);
        check("error: device offline", "reconnect", Trouble::Absent);
        check("adb: no devices/emulators found", "USB debugging", Trouble::Absent);
        assert_eq!(Adb { serial: None }.explain(Some(1), "sh: cat: No space left on device"), None);
        let cut = Adb { serial: None }.explain(Some(255), "").unwrap();
        assert_eq!(cut.trouble, Trouble::Cut);
    }
}
