//! An empty folder with a search file in it, and the program run there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::Outcome;
use crate::needs::program;
use crate::process::{self, Ended, Running};

/// Longest run of the program in a test. The searches are tiny; a machine may be slow and busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// Exit codes as the documentation has them.
pub(crate) mod code {
    pub(crate) const DONE: i32 = 0;
    pub(crate) const USAGE: i32 = 2;
    pub(crate) const DATA: i32 = 3;
    pub(crate) const DEVICE: i32 = 4;
    pub(crate) const RUNTIME: i32 = 5;
    pub(crate) const NO_FEASIBLE_ARCHITECTURE: i32 = 6;
    pub(crate) const INTERRUPTED: i32 = 7;
    pub(crate) const STORAGE: i32 = 8;
}

/// The smallest search that goes all the way: six candidates of a chain of convolutions, trained for one epoch on a
/// few digits. Nothing of what it proposes depends on what was measured.
pub(crate) const TINY: &str = r#"
seed = 1

[data]
format = "digits"
limit = 300

[space]
preset = "chain"

[strategy]
name = "random"
trials = 6

[estimate]
epochs = 1

[final]
finalists = 1
epochs = 2

[device]
name = "local"
runtime = "tract"

[table]
models = 4
processes = 1
seconds = 20

[objectives]
accuracy = "max"
latency_ms = "min"
"#;

/// A folder of its own for one test.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// A folder in which `search.toml` is this text.
    pub(crate) fn new(search: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let scene = Self { folder };
        scene.write("search.toml", search)?;
        Ok(scene)
    }

    /// A path inside the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), String> {
        let path = self.path(name);
        let folder = path.parent().ok_or("the file is in the folder of the scene")?;
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The text of a file that must be there.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Result<String, String> {
        let path = self.path(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The option to go on with the run of this folder, when there is something to go on with.
    pub(crate) fn go_on(&self, run: impl AsRef<Path>) -> &'static [&'static str] {
        match self.path(run).join("study.sqlite").exists() {
            true => &["--resume"],
            false => &[],
        }
    }

    /// Waits until a file appears.
    pub(crate) fn wait_for(&self, name: &str) -> Result<(), String> {
        let started = Instant::now();
        while !self.path(name).exists() {
            if started.elapsed() > LIMIT {
                return Err(format!("{name} did not appear within {LIMIT:?}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The program with these arguments, seeing nothing of the user who runs the tests.
    pub(crate) fn edgefit(&self, arguments: &[&str]) -> Result<Command, String> {
        let mut command = Command::new(program::edgefit().map_err(|missing| missing.to_string())?);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("EDGEFIT_HOME")
            .env_remove("EDGEFIT_DATA")
            .env_remove("RUST_BACKTRACE");
        Ok(command)
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ended, String> {
        process::finish(&mut self.edgefit(arguments)?, LIMIT)
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Running, String> {
        process::start(&mut self.edgefit(arguments)?)
    }

    /// `edgefit search search.toml --out run` with more arguments.
    pub(crate) fn search(&self, more: &[&str]) -> Result<Ended, String> {
        self.run(&search_arguments(more))
    }

    /// Starts `edgefit search search.toml --out run` with more arguments.
    pub(crate) fn start_search(&self, more: &[&str]) -> Result<Running, String> {
        self.start(&search_arguments(more))
    }
}

fn search_arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["search", "search.toml", "--out", "run"].iter().chain(more).copied().collect()
}

/// The program ended with this code and said all of these things, and nothing that is only for its authors.
pub(crate) fn expect(ended: &Ended, code: i32, says: &[&str]) -> Outcome {
    let said = &ended.stderr;
    if ended.code != Some(code) {
        return Err(format!("exit code {:?} where {code} is documented; it said:\n{said}", ended.code).into());
    }
    for text in says {
        if !said.to_lowercase().contains(&text.to_lowercase()) {
            return Err(format!("it does not say {text:?}, but:\n{said}").into());
        }
    }
    match said.contains("panicked at") {
        true => Err(format!("it panicked:\n{said}").into()),
        false => Ok(()),
    }
}
