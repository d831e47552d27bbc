//! The folders and files at the top, and that each folder is described where people look for it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::harness::Outcome;
use crate::repository;

/// All that may stand at the top and is not hidden.
const TOP_LEVEL: [&str; 18] = [
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "device-agent",
    "host",
    "latency-tables",
    "onnx-export",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];

/// What a newcomer, a packager and a lawyer look for.
const REQUIRED: [&str; 10] = [
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "rust-toolchain.toml",
    ".ci/run",
];

/// Nothing is at the top but what is listed, and what must be there belongs to the project.
pub(crate) fn top_level_is_fixed() -> Outcome {
    let files = repository::files()?;
    let top: BTreeSet<String> = files.iter().filter_map(|file| first_component(file)).collect();
    let strange: Vec<_> = top.iter().filter(|name| !name.starts_with('.') && !is_allowed(name)).collect();
    assert!(strange.is_empty(), "not at the top level: {strange:?}");
    for required in REQUIRED {
        assert!(files.contains(&PathBuf::from(required)), "{required} is missing");
    }
    Ok(())
}

fn is_allowed(name: &str) -> bool {
    TOP_LEVEL.contains(&name)
}

fn first_component(path: &Path) -> Option<String> {
    match path.components().next() {
        Some(Component::Normal(name)) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    }
}

/// Each folder at the top, and each folder of a crate in which not only the crate's modules are, is named in
/// ARCHITECTURE.md or CONTRIBUTING.md.
pub(crate) fn every_folder_is_described() -> Outcome {
    let documents = repository::read("ARCHITECTURE.md")? + &repository::read("CONTRIBUTING.md")?;
    let described = |folder: &String| documents.contains(&format!("`{folder}/"));
    let folders: BTreeSet<String> = repository::files()?.iter().filter_map(|file| outer_folder(file)).collect();
    let unnamed: Vec<_> = folders.iter().filter(|folder| !described(folder)).collect();
    assert!(unnamed.is_empty(), "neither ARCHITECTURE.md nor CONTRIBUTING.md names {unnamed:?}");
    Ok(())
}

/// The folder of a file up to a crate's `src`, `tests`, `benches` `examples` or the like, without these.
fn outer_folder(path: &Path) -> Option<String> {
    let usual = ["src", "tests", "benches", "examples", "proptest-regressions"];
    let folders: Vec<String> = path
        .parent()?
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .enumerate()
        .take_while(|(depth, name)| *depth == 0 || !usual.contains(&name.as_str()))
        .map(|(_, name)| name)
        .collect();
    (!folders.is_empty()).then(|| folders.join("/"))
}
