//! Why there is no way to an agent, or none any more.

use std::{fmt, io};

/// What went wrong on the way to an agent, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportError {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
    /// What kind of trouble it is.
    pub trouble: Trouble,
}

/// What kind of trouble there is on a way, by what another try needs to go better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It stays until somebody does something.
    Lasting,
    /// Nothing answers, as long as the device is away.
    Absent,
    /// A connection was cut, which says nothing of the device or its agent.
    Cut,
    /// The agent ended by itself, or did not begin.
    Ended,
}

impl TransportError {
    /// What stays wrong until somebody does something.
    pub fn lasting(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: Some(fix.into()), trouble: Trouble::Lasting }
    }

    /// What may be gone the next time.
    pub fn passing(trouble: Trouble, message: impl Into<String>) -> Self {
        Self { message: message.into(), fix: None, trouble }
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
        Self { message: error.to_string(), fix: None, trouble: Trouble::of(error.kind()) }
    }
}

impl Trouble {
    /// What a failure of a stream, or of opening one, is.
    pub fn of(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused | Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable => Self::Absent,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => Self::Cut,
            _ => Self::Lasting,
        }
    }
}
