//! Runs a command to its end and says all that is needed when it went wrong.

use std::process::{Command, Output, Stdio};

/// Standard output of a command that must succeed; the error holds the command and what it printed.
pub(crate) fn succeed(command: &mut Command) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", command_line(command)))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(describe(command, &output)),
    }
}

fn describe(command: &Command, output: &Output) -> String {
    format!(
        "{}: {}\n{}{}",
        command_line(command),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
