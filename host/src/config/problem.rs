//! What is wrong with a search file, told so that it can be mended: file, line, key, the line itself and a way out.
//!
//! All problems of a file are told at once, in the order of its lines.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a search file gives no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; give the path of a search file, such as host/examples/digits.toml", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is read, but what it says is wrong.
    #[error("{0}")]
    Invalid(Problems),
}

/// Everything that is wrong with one file; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in the order of their lines; nothing where there are none.
    pub(super) fn sorted(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// The problems, first line first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key with its section, such as `data.validation`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line as it stands in the file.
    source_line: String,
    /// How many characters of it are meant.
    width: usize,
}

impl Problem {
    /// A problem at a range of bytes of the text.
    pub(super) fn at(file: &Path, text: &str, span: Range<usize>, key: String, message: String) -> Self {
        let start = text.floor_char_boundary(span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = text.floor_char_boundary(span.end).clamp(start, line_end);
        Self {
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            key,
            message,
            help: None,
            source_line: text[line_start..line_end].trim_end().to_owned(),
            width: text[start..end].chars().count().max(1),
        }
    }

    /// The same problem with a way out of it.
    pub(super) fn with_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, margin) = (self.line, " ".repeat(self.line.to_string().len()));
        write!(f, "{}:{line}: ", self.file.display())?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        writeln!(f, "{}", self.message)?;
        writeln!(f, "  {line} | {}", self.source_line)?;
        write!(f, "  {margin} | {}{}", " ".repeat(self.column - 1), "^".repeat(self.width))?;
        match &self.help {
            Some(help) => write!(f, "\n  {margin} = help: {help}"),
            None => Ok(()),
        }
    }
}
