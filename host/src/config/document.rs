//! A search file while it is read: its text, and what has been found wrong with it so far.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::problem::{ConfigError, Problem, Problems};
use super::setting::Placed;

/// Who says what a command line sets.
const COMMAND_LINE: &str = "--set";

/// The text of a file with what is set over it, and the problems found in them.
pub(super) struct Document<'t> {
    file: &'t Path,
    text: &'t str,
    settings: &'t [Placed],
    folder: &'t Path,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Document<'t> {
    /// A text, the file it is from, and the folder that its relative paths begin at.
    pub(super) fn new(file: &'t Path, text: &'t str, folder: &'t Path) -> Self {
        Self { file, text, settings: &[], folder, problems: RefCell::new(Vec::new()) }
    }

    /// The same with settings over it, the last one first.
    pub(super) fn with(self, settings: &'t [Placed]) -> Self {
        Self { settings, ..self }
    }

    /// The text as TOML.
    ///
    /// # Errors
    /// Every place where it is none; what the keys mean is not looked at then.
    pub(super) fn table(&self) -> Result<Spanned<DeTable<'t>>, ConfigError> {
        let (mut table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            self.report(error.span().unwrap_or(0..0), "", error.message(), None);
        }
        self.check()?;
        self.settings.iter().for_each(|setting| setting.put_into(table.get_mut()));
        Ok(table)
    }

    /// A path of the file as the rest of the program can use it.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        let path = self.folder.join(path);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Remembers something that is wrong at a range of bytes; of a key with a fault, only the first that was found.
    pub(super) fn report(&self, span: Range<usize>, key: &str, message: impl Into<String>, help: Option<String>) {
        let set = self.settings.iter().find_map(|setting| setting.find(&span));
        let (file, text, span) =
            set.map_or((self.file, self.text, span.clone()), |(line, span)| (Path::new(COMMAND_LINE), line, span));
        let problem = Problem::at(file, text, span, key.to_owned(), message.into());
        let mut problems = self.problems.borrow_mut();
        let is_known = |other: &Problem| (other.line, &other.key) == (problem.line, &problem.key);
        if key.is_empty() || !problems.iter().any(is_known) {
            problems.push(problem.with_help(help));
        }
    }

    /// A file that this one names: a relative path begins at the folder of this one.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Takes over what is wrong with a file that this one names.
    pub(super) fn adopt(&self, problems: &Problems) {
        self.problems.borrow_mut().extend(problems.iter().cloned());
    }

    /// Whether nothing was wrong so far.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match Problems::sorted(self.problems.borrow().clone()) {
            Some(problems) => Err(ConfigError::Invalid(problems)),
            None => Ok(()),
        }
    }
}
