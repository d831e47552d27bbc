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

/// The sections of CONTRIBUTING.md that list the files of an addition.
const ADDITIONS: [&str; 5] = [
    "How to add an operator",
    "How to add a search space",
    "How to add a strategy",
    "How to add a runtime",
    "How to add a data set format",
];

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

/// CONTRIBUTING.md lists the files of each addition: few, and (but for the new one) there.
pub(crate) fn additions_touch_few_files() -> Outcome {
    let contributing = repository::read("CONTRIBUTING.md")?;
    for title in ADDITIONS {
        let steps: Vec<&str> = steps_of(markdown::section(&contributing, title));
        assert!((1..=MOST_FILES).contains(&steps.len()), "`{title}` lists {} files", steps.len());
        for step in steps {
            let file = markdown::code_spans(step).next().ok_or_else(|| format!("{title}: {step}: names no file"))?;
            assert!(exists(place_of(file)), "{title}: {file} is not there");
        }
    }
    Ok(())
}

/// The file itself, or the folder of one that is to be written.
fn place_of(file: &str) -> &str {
    match file.contains(NEW_NAME) {
        true => file.rsplit_once('/').map_or("", |(folder, _)| folder),
        false => file,
    }
}

fn steps_of(section: &str) -> Vec<&str> {
    let is_step = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_digit());
    section.lines().filter(is_step).collect()
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
