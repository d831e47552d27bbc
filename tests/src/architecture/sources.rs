//! What every source file has and has not: first lines that say what it is for, one concept, no path of one machine.

use std::path::PathBuf;

use crate::harness::Outcome;
use crate::repository;

/// Lines before the unit tests from which on a file is hardly one concept.
const MOST_LINES: usize = 500;

/// How the paths begin that exist on one machine only; split, so that this file does not name them itself.
const MACHINE_PATHS: [&[&str]; 4] = [&["/ro", "ot/"], &["/ho", "me/"], &["/wo", "rk/"], &["/Us", "ers/"]];

/// Every Rust file begins with `//!` and has words there.
pub(crate) fn begin_with_their_purpose() -> Outcome {
    let says_nothing = |source: &str| {
        let mut words = source.lines().map_while(|line| line.strip_prefix("//!")).flat_map(str::split_whitespace);
        words.next().is_none()
    };
    report("do not begin with `//!` lines that say what the file is for", says_nothing)
}

/// No file is longer than one concept is.
pub(crate) fn are_one_concept() -> Outcome {
    report("are longer than 500 lines before their tests; which concepts are in there?", |source| {
        repository::before_tests(source).lines().count() > MOST_LINES
    })
}

fn report(what: &str, is_wrong: impl Fn(&str) -> bool) -> Outcome {
    let sources = repository::sources()?;
    assert!(!sources.is_empty(), "no sources were found");
    let wrong: Vec<PathBuf> =
        sources.into_iter().filter(|(_, source)| is_wrong(source)).map(|(path, _)| path).collect();
    assert!(wrong.is_empty(), "these files {what}: {wrong:#?}");
    Ok(())
}

/// No file of the project names a folder of the machine where it was written.
pub(crate) fn name_no_machine() -> Outcome {
    let prefixes: Vec<String> = MACHINE_PATHS.iter().map(|parts| parts.concat()).collect();
    let mut found = Vec::new();
    for (path, text) in repository::texts()? {
        let lines = text.lines().enumerate().filter(|(_, line)| prefixes.iter().any(|prefix| names(line, prefix)));
        found.extend(lines.map(|(at, line)| format!("{}:{}: {}", path.display(), at + 1, line.trim())));
    }
    assert!(found.is_empty(), "paths of one machine:\n{}", found.join("\n"));
    Ok(())
}

/// Whether the line has a path that begins with `prefix`, not one that has it in the middle.
fn names(line: &str, prefix: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || "._-}~".contains(letter));
    line.match_indices(prefix).any(|(at, _)| begins(at))
}
