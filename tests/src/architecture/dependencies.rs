//! Who depends on whom, from `cargo metadata`, against the table of crates in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::Outcome;
use crate::repository::{self, Package};

use super::markdown;

/// Their behavior and speed are part of what edgefit promises, so they move by decision only.
const PINNED: [&str; 3] = ["burn", "ort", "tract-onnx"];

/// Keys of `[package]` that every crate takes from the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// A crate of the workspace as ARCHITECTURE.md describes it.
#[derive(Debug, PartialEq)]
struct Row {
    folder: String,
    depends_on: BTreeSet<String>,
}

/// The crates, their folders and their dependencies on each other are exactly those of the table.
pub(crate) fn match_the_table() -> Outcome {
    let packages = repository::packages()?;
    let found: BTreeMap<_, _> = packages.iter().map(|package| (package.name.clone(), row_of(package))).collect();
    let written = written_rows()?;
    for (name, row) in &found {
        assert_eq!(written.get(name), Some(row), "ARCHITECTURE.md's row of {name} (left) against cargo metadata");
    }
    assert_eq!(written.len(), found.len(), "ARCHITECTURE.md describes crates that are not there");
    packages.iter().try_for_each(|package| dev_dependencies_stay_inside(package, &written))
}

fn row_of(package: &Package) -> Row {
    let is_test_crate = package.name == "edgefit-tests";
    let local = package.dependencies.iter().filter(|dependency| dependency.is_local);
    let depends_on = local.filter(|dependency| !dependency.is_dev || is_test_crate);
    Row {
        folder: format!("{}/", package.folder.display()),
        depends_on: depends_on.map(|dependency| dependency.name.clone()).collect(),
    }
}

fn written_rows() -> Result<BTreeMap<String, Row>, String> {
    let architecture = repository::read("ARCHITECTURE.md")?;
    let spans = |cell: &str| markdown::code_spans(cell).map(str::to_owned).collect::<Vec<_>>();
    let row = |cells: Vec<&str>| match cells.as_slice() {
        [name, folder, depends_on, _] => {
            let depends_on = spans(depends_on).into_iter().collect();
            Ok((spans(name).concat(), Row { folder: spans(folder).concat(), depends_on }))
        }
        _ => Err(format!("a row of crates has {} cells, not 4: {cells:?}", cells.len())),
    };
    markdown::table(&architecture, "Crates").into_iter().map(row).collect()
}

fn dev_dependencies_stay_inside(package: &Package, rows: &BTreeMap<String, Row>) -> Outcome {
    let allowed = &rows[&package.name].depends_on;
    for dependency in package.dependencies.iter().filter(|dependency| dependency.is_local && dependency.is_dev) {
        let name = &dependency.name;
        assert!(allowed.contains(name) || *name == package.name, "the tests of {} use {name}", package.name);
    }
    Ok(())
}

/// burn, ort and tract are required by an exact version.
pub(crate) fn are_pinned_exactly() -> Outcome {
    let packages = repository::packages()?;
    let dependencies = || packages.iter().flat_map(|package| &package.dependencies);
    for pinned in PINNED {
        let requirements: Vec<_> = dependencies().filter(|dependency| dependency.name == pinned).collect();
        assert!(!requirements.is_empty(), "no crate uses {pinned}");
        for dependency in requirements {
            let requirement = &dependency.requirement;
            assert!(requirement.starts_with('='), "{pinned} is required as {requirement}, not by an exact version");
        }
    }
    Ok(())
}

/// The program and the tests use every library with the same features, so that none is built twice (burn alone takes
/// minutes).
pub(crate) fn have_one_set_of_features() -> Outcome {
    let program = repository::features(&["--package=edgefit", "--edges=normal,build"])?;
    let tests = repository::features(&["--workspace", "--edges=normal,build,dev"])?;
    let twice: Vec<_> = program.difference(&tests).collect();
    assert!(twice.is_empty(), "the tests use these with more features than the program: {twice:#?}");
    Ok(())
}

/// Every crate takes its version, edition, license and lints from the workspace.
pub(crate) fn inherit_the_workspace() -> Outcome {
    for package in repository::packages()? {
        let manifest = repository::read(package.folder.join("Cargo.toml"))?;
        for key in INHERITED {
            assert!(manifest.contains(&format!("{key}.workspace = true")), "{}: {key} is its own", package.name);
        }
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: lints are its own", package.name);
    }
    Ok(())
}
