//! README, ARCHITECTURE, CONTRIBUTING, CHANGELOG and the licenses say what is true.

use crate::harness::Outcome;
use crate::repository;

use super::markdown;

/// The documents whose paths must exist.
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "BENCHMARKS.md"];

/// Adding to an open set touches at most so many files.
const MOST_FILES: usize = 3;

/// Stands for the name of what is added.
const NEW_NAME: &str = "NAME";

/// The section of CONTRIBUTING.md on the closed set: the compiler lists what else there is to do.
const CLOSED_SET: &str = "How to add an operator";

/// The sections of CONTRIBUTING.md on open sets.
const OPEN_SETS: [&str; 4] =
    ["How to add a search space", "How to add a strategy", "How to add a runtime", "How to add a data set format"];

/// Every path of the repository that a document names is there.
pub(crate) fn paths_exist() -> Outcome {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = repository::read(document)?;
        let paths = markdown::code_spans(&text).filter(|span| is_path(span));
        missing.extend(paths.filter(|path| !exists(path)).map(|path| format!("{document}: {path}")));
    }
    assert!(missing.is_empty(), "documents name paths that are not there: {missing:#?}");
    Ok(())
}

/// The tests that ARCHITECTURE.md names beside its invariants are in the table of contents.
pub(crate) fn invariants_name_real_tests() -> Outcome {
    let architecture = repository::read("ARCHITECTURE.md")?;
    let contents = repository::read("tests/src/main.rs")?;
    let invariants = markdown::table(&architecture, "Invariants").into_iter();
    let tests: Vec<&str> = invariants.flat_map(|row| row.last().copied()).flat_map(markdown::code_spans).collect();
    assert!(!tests.is_empty(), "no invariant names a test");
    let unknown: Vec<_> = tests.into_iter().filter(|test| !contents.contains(&format!("test(\"{test}\""))).collect();
    assert!(unknown.is_empty(), "ARCHITECTURE.md names tests that are not there: {unknown:?}");
    Ok(())
}

/// A code span is taken as a path of the repository when it begins with one of its folders.
fn is_path(span: &str) -> bool {
    let folders = ["host/", "device-agent/", "onnx-export/", "latency-tables/", "tests/", ".ci/", ".cargo/"];
    let is_pattern = span.contains([' ', '*', '<']) || span.contains(NEW_NAME);
    folders.iter().any(|folder| span.starts_with(folder)) && !is_pattern
}

fn exists(path: &str) -> bool {
    repository::root().join(path).exists()
}

/// CHANGELOG.md is kept as keepachangelog.com has it.
pub(crate) fn changelog_is_kept() -> Outcome {
    let changelog = repository::read("CHANGELOG.md")?;
    let unreleased = markdown::section(&changelog, "[Unreleased]");
    let entries = unreleased.lines().filter(|line| line.starts_with("- ")).count();
    assert!(entries > 0, "CHANGELOG.md has no entry under `## [Unreleased]`");
    Ok(())
}

/// Both licenses are there, whole, as `license` in Cargo.toml says.
pub(crate) fn licenses_are_whole() -> Outcome {
    let apache = repository::read("LICENSE-APACHE")?;
    assert!(apache.contains("Version 2.0, January 2004") && apache.contains("END OF TERMS AND CONDITIONS"));
    let mit = repository::read("LICENSE-MIT")?;
    assert!(mit.contains("Permission is hereby granted") && mit.contains("the edgefit authors"));
    assert!(repository::read("Cargo.toml")?.contains("license = \"MIT OR Apache-2.0\""));
    Ok(())
}

/// CONTRIBUTING.md lists the files of each addition: few for an open set, and (but for the new one) there.
pub(crate) fn additions_touch_few_files() -> Outcome {
    let contributing = repository::read("CONTRIBUTING.md")?;
    let files_of = |title| markdown::section(&contributing, title).lines().filter_map(step_file);
    for title in OPEN_SETS {
        assert!(files_of(title).count() <= MOST_FILES, "`{title}` takes more than {MOST_FILES} files");
    }
    for title in OPEN_SETS.into_iter().chain([CLOSED_SET]) {
        assert!(files_of(title).count() > 0, "CONTRIBUTING.md does not say `{title}`");
        for file in files_of(title) {
            assert!(exists(place_of(file)), "`{title}` names {file}, which is not there");
        }
    }
    Ok(())
}

/// The file of a numbered step, such as ``1. `a/b.rs`: what``.
fn step_file(line: &str) -> Option<&str> {
    line.starts_with(|letter: char| letter.is_ascii_digit()).then(|| markdown::code_spans(line).next())?
}

/// The file itself, or the folder of one that is to be written.
fn place_of(file: &str) -> &str {
    match file.contains(NEW_NAME) {
        true => file.rsplit_once('/').map_or("", |(folder, _)| folder),
        false => file,
    }
}

/// `.ci/run` takes the test command from README.md; it must find exactly one.
pub(crate) fn readme_marks_its_test_command() -> Outcome {
    let readme = repository::read("README.md")?;
    let marked: Vec<&str> = readme.split("<!-- test command -->").skip(1).collect();
    assert_eq!(marked.len(), 1, "README.md marks {} test commands", marked.len());
    let command = marked[0].lines().skip_while(|line| !line.starts_with("```")).nth(1);
    assert!(command.is_some_and(|line| line.starts_with("cargo test")), "the marked command is {command:?}");
    Ok(())
}
