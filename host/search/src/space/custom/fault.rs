//! Where a definition is wrong, and what would be right: enough for who has the file to show its line.

use std::fmt;

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionFault {
    /// The keys from the top to the place; in a list, the position.
    pub path: Vec<String>,
    /// What is wrong there.
    pub reason: String,
    /// The name that is not known, if that is what is wrong.
    pub typed: Option<String>,
    /// What could stand there.
    pub known: Vec<String>,
}

impl fmt::Display for DefinitionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.join("."), self.reason)?;
        match self.known.as_slice() {
            [] => Ok(()),
            known => write!(f, "; there are {}", known.join(", ")),
        }
    }
}

/// A place in a definition.
#[derive(Debug, Clone)]
pub(super) struct Place(Vec<String>);

impl Place {
    /// A key at the top.
    pub(super) fn top(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }

    /// A key of the table here.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        path.push(key.to_owned());
        Self(path)
    }

    /// A position of the list here.
    pub(super) fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    /// A fault here.
    pub(super) fn fault(&self, reason: impl Into<String>) -> DefinitionFault {
        DefinitionFault { path: self.0.clone(), reason: reason.into(), typed: None, known: Vec::new() }
    }

    /// A name here that is none of those that are known.
    pub(super) fn unknown(&self, typed: &str, reason: &str, known: Vec<String>) -> DefinitionFault {
        DefinitionFault { typed: Some(typed.to_owned()), known, ..self.fault(format!("`{typed}` {reason}")) }
    }
}
