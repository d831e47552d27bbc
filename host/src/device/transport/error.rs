//! Why there is no way to an agent.

use std::{fmt, io};

/// What went wrong on the way to an agent, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportError {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
    /// Whether another try may go better.
    pub is_passing: bool,
}

impl TransportError {
    /// What stays wrong until somebody does something.
    pub fn lasting(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: Some(fix.into()), is_passing: false }
    }

    /// What may be gone the next time.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), fix: None, is_passing: true }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.fix.iter().try_for_each(|fix| write!(f, "\nto fix it: {fix}"))
    }
}

impl std::error::Error for TransportError {}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        let is_passing = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::TimedOut
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        );
        Self { message: error.to_string(), fix: None, is_passing }
    }
}
