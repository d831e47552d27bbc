//! The `edgefit` program as users have it, built like the tests themselves.
//!
//! `cargo test` builds a program only for the tests of its own package, so the tests ask cargo for it. Everything it
//! is made of is built already, so this only links.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::{process, repository};

use super::Missing;

/// The path of the program.
pub(crate) fn edgefit() -> Result<&'static Path, Missing> {
    static PROGRAM: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(|| build().map_err(Missing::Broken));
    PROGRAM.as_deref().map_err(Missing::clone)
}

fn build() -> Result<PathBuf, String> {
    let (folder, place) = place()?;
    process::succeed(
        repository::cargo().args(["build", "--quiet", "--offline", "--package=edgefit", "--bin=edgefit"]).args(place),
    )?;
    Ok(folder.join("edgefit"))
}

/// The folder of what was built together with this test program, which is at `TARGET/PROFILE/deps/edgefit-HASH`, and the arguments
/// that make cargo build there.
pub(crate) fn place() -> Result<(PathBuf, [OsString; 4]), String> {
    let tests = std::env::current_exe().map_err(|error| format!("the path of the tests: {error}"))?;
    let folder = tests.ancestors().nth(2).ok_or("the tests do not run from cargo's target folder")?;
    let (target, profile) = (folder.parent(), folder.file_name().and_then(|name| name.to_str()));
    let (target, profile) = target.zip(profile).ok_or("the tests do not run from cargo's target folder")?;
    let profile = if profile == "debug" { "dev" } else { profile };
    let arguments = ["--profile".into(), profile.into(), "--target-dir".into(), target.into()];
    Ok((folder.to_owned(), arguments))
}
