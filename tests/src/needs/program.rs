//! The `edgefit` program as users have it, built like the tests themselves.
//!
//! `cargo test` builds a program only for the tests of its own package, so the tests ask cargo for it. Everything it
//! is made of is built already, so this only links.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::{process, repository};

use super::Missing;

/// The path of the program.
pub(crate) fn edgefit() -> Result<&'static Path, Missing> {
    static PROGRAM: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(|| build().map_err(Missing::Broken));
    PROGRAM.as_deref().map_err(Missing::clone)
}

/// This test program is at `TARGET/PROFILE/deps/edgefit-HASH`.
fn build() -> Result<PathBuf, String> {
    let tests = std::env::current_exe().map_err(|error| format!("the path of the tests: {error}"))?;
    let folder = tests.ancestors().nth(2).ok_or("the tests do not run from cargo's target folder")?;
    let (target, profile) = (folder.parent(), folder.file_name().and_then(|name| name.to_str()));
    let (target, profile) = target.zip(profile).ok_or("the tests do not run from cargo's target folder")?;
    let profile = if profile == "debug" { "dev" } else { profile };
    process::succeed(
        repository::cargo()
            .args(["build", "--quiet", "--offline", "--package=edgefit", "--bin=edgefit", "--profile", profile])
            .arg("--target-dir")
            .arg(target),
    )?;
    Ok(folder.join("edgefit"))
}
