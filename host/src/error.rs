//! What can end a command, each with its documented exit code.
//!
//! The codes are part of the user's interface: they never change their meaning. The message says what happened and what to
//! do about it; the modules below say it in their own error types, and here it only gets its kind.

use std::fmt;

use edgefit_latency::TableError;
use edgefit_latency::file::FileError;
use edgefit_search::strategy::StrategyError;
use edgefit_search::{SearchError, SpaceError};
use edgefit_train::TrainError;
use edgefit_train::data::DataError;

use crate::config::ConfigError;
use crate::run_folder::RunFolderError;
use crate::study::StudyError;

/// Why a command ended without its result; the discriminant is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorKind {
    /// A defect of edgefit itself.
    Internal = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// A data set is missing, broken or does not fit.
    Data = 3,
    /// A device cannot be reached or died.
    Device = 4,
    /// A runtime is missing or cannot run the model.
    Runtime = 5,
    /// No architecture of the space meets the constraints.
    NoFeasibleArchitecture = 6,
    /// The user interrupted the run; it can be resumed.
    Interrupted = 7,
    /// A file or a run folder cannot be read or written: disk full, in use, newer format.
    Storage = 8,
}

impl ErrorKind {
    /// The kind as it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Data => "data",
            Self::Device => "device",
            Self::Runtime => "runtime",
            Self::NoFeasibleArchitecture => "no-feasible-architecture",
            Self::Interrupted => "interrupted",
            Self::Storage => "storage",
        }
    }

    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// A kind and the message for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// What happened and what to do.
    pub message: String,
}

impl Error {
    /// An error of a kind, said by `cause`.
    pub fn new(kind: ErrorKind, cause: impl fmt::Display) -> Self {
        Self { kind, message: cause.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<SpaceError> for Error {
    fn from(error: SpaceError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

impl From<StrategyError> for Error {
    fn from(error: StrategyError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        Self::new(ErrorKind::Internal, error)
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        let kind = match error {
            TableError::Other { .. } | TableError::NotFitted => ErrorKind::Usage,
            _ => ErrorKind::Device,
        };
        Self::new(kind, error)
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        Self::new(ErrorKind::Storage, error)
    }
}

impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        let kind = match error {
            TrainError::Compute { .. } => ErrorKind::Runtime,
            TrainError::Cancelled { .. } => ErrorKind::Interrupted,
            // The recipe is in a file of the user's.
            TrainError::Recipe(_) | TrainError::Diverged { .. } => ErrorKind::Usage,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, error)
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::new(ErrorKind::Data, error)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::Usage, error)
    }
}

impl From<StudyError> for Error {
    fn from(error: StudyError) -> Self {
        Self::new(ErrorKind::Storage, error)
    }
}

impl From<RunFolderError> for Error {
    fn from(error: RunFolderError) -> Self {
        let kind = match error {
            RunFolderError::DiskFull(_) | RunFolderError::Io { .. } | RunFolderError::InUse { .. } => {
                ErrorKind::Storage
            }
            RunFolderError::HoldsRun(_) | RunFolderError::NotARun(_) | RunFolderError::NothingToResume(_) => {
                ErrorKind::Usage
            }
        };
        Self::new(kind, error)
    }
}

/// The result of a command.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::ErrorKind;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let kinds = [
            (ErrorKind::Internal, 1),
            (ErrorKind::Usage, 2),
            (ErrorKind::Data, 3),
            (ErrorKind::Device, 4),
            (ErrorKind::Runtime, 5),
            (ErrorKind::NoFeasibleArchitecture, 6),
            (ErrorKind::Interrupted, 7),
            (ErrorKind::Storage, 8),
        ];
        for (kind, code) in kinds {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
        }
    }
}
