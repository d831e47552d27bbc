//! Downloading a wheel with the user's own pip.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::error::InstallError;
use super::pinned::{PYTHON_TAG, Pinned};

/// Lines of what pip said that an error repeats.
const SAID_LINES: usize = 8;

/// Downloads the wheel into a folder and returns its path. pip itself refuses a file of another hash.
pub(super) fn download(python: &str, library: &Pinned, folder: &Path) -> Result<PathBuf, InstallError> {
    check(python, library)?;
    let requirements = folder.join("requirements.txt");
    let line = format!("onnxruntime=={} --hash=sha256:{}\n", library.version, library.wheel_sha256);
    std::fs::write(&requirements, line).map_err(|cause| InstallError::io(&requirements, cause))?;
    let output = run(pip(python).args(arguments(library)).arg(folder).arg("--requirement").arg(&requirements));
    let said = match output {
        Ok(output) if output.status.success() => return wheel_in(folder, library),
        Ok(output) => last_lines(&output),
        Err(cause) => cause.to_string(),
    };
    Err(InstallError::Download { python: python.to_owned(), wheel: library.wheel(), said })
}

/// `--dest` is last: the folder follows.
fn arguments(library: &Pinned) -> Vec<&str> {
    let (version, abi) = PYTHON_TAG;
    let quiet = ["download", "--disable-pip-version-check", "--no-input", "--quiet"];
    let pinned = ["--no-deps", "--require-hashes", "--only-binary=:all:"];
    let platform =
        ["--platform", library.platform, "--implementation", "cp", "--python-version", version, "--abi", abi];
    [quiet.as_slice(), &pinned, &platform, &["--dest"]].concat()
}

fn pip(python: &str) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip"]);
    pip
}

fn check(python: &str, library: &Pinned) -> Result<(), InstallError> {
    let reason = match run(pip(python).arg("--version")) {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => last_lines(&output),
        Err(cause) => cause.to_string(),
    };
    Err(InstallError::NoPip { python: python.to_owned(), reason, wheel: library.wheel() })
}

fn run(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

fn last_lines(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(SAID_LINES)..].join("\n")
}

fn wheel_in(folder: &Path, library: &Pinned) -> Result<PathBuf, InstallError> {
    let entries = std::fs::read_dir(folder).map_err(|cause| InstallError::io(folder, cause))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut wheels = paths.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    wheels.next().ok_or_else(|| InstallError::Wheel {
        path: folder.to_owned(),
        reason: format!("pip was content, but {} is not there", library.wheel()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx_runtime::PINNED;

    #[test]
    fn a_python_that_is_not_there_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = download("no-such-python", &PINNED[0], folder.path()).unwrap_err().to_string();
        for part in ["no-such-python", "python3-pip", "--wheel", "1.32.0"] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }

    #[test]
    fn hashes_are_required() {
        let arguments = arguments(&PINNED[0]);
        assert!(arguments.contains(&"--require-hashes"));
        assert_eq!(arguments.last(), Some(&"--dest"));
    }
}
