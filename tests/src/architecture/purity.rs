//! The pure crates do no I/O, read no clock, start no thread and own no globals; seen in their sources.
//!
//! Unit tests at the end of a file may do what they like. What a dependency does is not seen here: the pure crates'
//! dependencies are few, and reviewed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::Outcome;
use crate::repository;

/// Folders of the sources that ARCHITECTURE.md calls pure, or of which it says that they open no file.
const PURE: [&str; 5] =
    ["onnx-export/graph/src", "onnx-export/src", "device-agent/protocol/src", "host/search/src", "latency-tables/src"];

/// The module inside a pure folder that reads and writes files.
const FILES: &str = "latency-tables/src/file";

/// Modules of `std` (or `core`) that pure code does not name.
const MODULES: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "thread", "time"];

/// Words of globals, clocks, threads, output, and of collections whose order is another one in each process.
const WORDS: [&str; 26] = [
    "static mut",
    "thread_local!",
    "LazyLock",
    "OnceLock",
    "LazyCell",
    "OnceCell",
    "Atomic",
    "Mutex",
    "RwLock",
    "SystemTime",
    "Instant",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "include!",
    "extern crate std",
    "rand::rng",
    "thread_rng",
    "SysRng",
    "OsRng",
    "HashMap",
    "HashSet",
    "RandomState",
    "DefaultHasher",
];

/// Pure crates name nothing of the outside world.
pub(crate) fn pure_crates_do_no_io() -> Outcome {
    let sources: Vec<_> = repository::sources()?.into_iter().filter(|(path, _)| is_pure(path)).collect();
    for folder in PURE {
        assert!(sources.iter().any(|(path, _)| path.starts_with(folder)), "{folder} has no sources");
    }
    let found: Vec<_> = sources.iter().filter_map(|(path, source)| report(path, source)).collect();
    assert!(found.is_empty(), "pure crates reach outside:\n{}", found.join("\n"));
    check_the_check();
    Ok(())
}

fn is_pure(path: &Path) -> bool {
    let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    !is_test && !path.starts_with(FILES) && PURE.iter().any(|folder| path.starts_with(folder))
}

fn report(path: &Path, source: &str) -> Option<String> {
    let found = impurities(source);
    (!found.is_empty()).then(|| format!("{}: {found:?}", path.display()))
}

/// What of the outside world the source names.
fn impurities(source: &str) -> BTreeSet<String> {
    let code = code_of(source);
    let words = WORDS.into_iter().filter(|word| code.contains(word)).map(str::to_owned);
    let modules = std_modules(&code).filter(|module| MODULES.contains(&module.as_str()));
    words.chain(modules.map(|module| format!("std::{module}"))).collect()
}

/// The source without its unit tests and comments, in one line.
fn code_of(source: &str) -> String {
    let lines = repository::before_tests(source).lines();
    lines.map(|line| line.split("//").next().unwrap_or_default().trim()).collect::<Vec<_>>().join(" ")
}

/// The first path segments after `std::` or `core::`, also those of a group in braces.
fn std_modules(code: &str) -> impl Iterator<Item = String> {
    let after = ["std::", "core::"].into_iter().flat_map(|prefix| code.split(prefix).skip(1));
    after.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => group_heads(group),
        None => vec![first_word(rest)],
    })
}

/// The heads of `fs::{File, read}, io::Read}`: `fs` and `io`.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads) = (0_usize, vec![first_word(group)]);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(first_word(&group[at + 1..])),
            _ => {}
        }
    }
    heads
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The check sees what it is there to see, and nothing else.
fn check_the_check() {
    let check = |source: &str, expected: &[&str]| {
        assert_eq!(impurities(source).into_iter().collect::<Vec<_>>(), expected, "in {source:?}");
    };
    check("use std::fs::File;", &["std::fs"]);
    check("use std::{\n    collections::{BTreeMap, BTreeSet},\n    io::Read,\n};", &["std::io"]);
    check("fn f() { core::time::Duration::ZERO; }", &["std::time"]);
    check("static mut N: u8 = 0;", &["static mut"]);
    check("// std::fs is not used\nuse std::fmt;", &[]);
    check("use std::fmt;\n#[cfg(test)]\nmod tests { use std::fs; }", &[]);
}

/// The protocol is for devices without an operating system too.
pub(crate) fn protocol_needs_no_std() -> Outcome {
    let protocol = repository::read("device-agent/protocol/src/lib.rs")?;
    assert!(protocol.contains("no_std"), "edgefit-protocol is not no_std");
    Ok(())
}
