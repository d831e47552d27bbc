//! The project's own files: where they are, which belong to it, and which crates they make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

/// The text of the file at `path` under the root.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String, String> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Every file that belongs to the project, or would if it were added, relative to the root.
pub(crate) fn files() -> Result<Vec<PathBuf>, String> {
    let listing = process::succeed(Command::new("git").arg("-C").arg(root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(listing.lines().map(PathBuf::from).filter(|file| root().join(file).exists()).collect())
}

/// The text files among `files()`, with their text.
pub(crate) fn texts() -> Result<Vec<(PathBuf, String)>, String> {
    let text = |file: PathBuf| std::fs::read_to_string(root().join(&file)).ok().map(|text| (file, text));
    Ok(files()?.into_iter().filter_map(text).collect())
}

/// The Rust files among `texts()`.
pub(crate) fn sources() -> Result<Vec<(PathBuf, String)>, String> {
    Ok(texts()?.into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "rs")).collect())
}

/// The part of a source before its unit tests.
pub(crate) fn before_tests(source: &str) -> &str {
    source.find("#[cfg(test)]").map_or(source, |end| &source[..end])
}

/// A crate of the workspace, as cargo sees it.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root, empty for a crate at the root.
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a crate states it.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version requirement, such as `=0.22.1`.
    pub(crate) requirement: String,
    /// Only for tests, examples and benchmarks.
    pub(crate) is_dev: bool,
    /// A crate of this workspace.
    pub(crate) is_local: bool,
}

/// The crates of the workspace.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let json = process::succeed(cargo().args(["metadata", "--format-version=1", "--no-deps", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    Ok(each(&metadata["packages"]).map(package).collect())
}

/// Every package with its features, as `cargo tree` sees them for a selection.
pub(crate) fn features(selection: &[&str]) -> Result<BTreeSet<String>, String> {
    let format = ["tree", "--offline", "--prefix=none", "--format={p} {f}"];
    let lines = process::succeed(cargo().args(format).args(selection))?;
    Ok(lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect())
}

/// The cargo that runs the tests, at the root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

fn package(json: &Value) -> Package {
    let manifest = Path::new(text(&json["manifest_path"]));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root()).ok());
    Package {
        name: text(&json["name"]).to_owned(),
        folder: folder.expect("crates of the workspace are under its root").to_owned(),
        dependencies: each(&json["dependencies"]).map(dependency).collect(),
    }
}

fn dependency(json: &Value) -> Dependency {
    Dependency {
        name: text(&json["name"]).to_owned(),
        requirement: text(&json["req"]).to_owned(),
        is_dev: json["kind"] == "dev",
        is_local: json["path"].is_string(),
    }
}

fn each(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_default()
}
