//! Why a study cannot be used, in kinds that the command line and its exit codes can tell apart.

use std::io;
use std::path::{Path, PathBuf};

use diesel::ConnectionError;
use diesel::result::Error as DieselError;
use thiserror::Error;

/// What is wrong with a study, and what to do.
#[derive(Debug, Error)]
#[error("{}: {fault}", path.display())]
pub struct StudyError {
    /// The file of the study.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a study.
#[derive(Debug, Error)]
pub enum Fault {
    /// There is no such file.
    #[error("there is no study here; name the folder of a run")]
    Missing,
    /// There is one already.
    #[error("there is a study already; go on with it by --resume, or choose another folder with --out")]
    Exists,
    /// It is another kind of file.
    #[error("this file is no study of edgefit, or it is damaged")]
    NotAStudy,
    /// A newer edgefit wrote it.
    #[error("this study has format {found}, and this edgefit understands up to {known}; update edgefit")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest version understood.
        known: i64,
    },
    /// Another process writes to it.
    #[error("another process is writing to this study; wait for it or stop it")]
    Locked,
    /// No space is left.
    #[error("the disk is full; free some space and go on with --resume, nothing that was finished is lost")]
    DiskFull,
    /// A record cannot be understood.
    #[error("its {what} cannot be read: {reason}")]
    Record {
        /// Which record.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A record would not be the same when it is read again.
    #[error("{what} cannot be kept: it holds a number that is not finite")]
    NotFinite {
        /// Which record.
        what: String,
    },
    /// The database or the system refuses something else.
    #[error("{0}")]
    Database(String),
}

impl Fault {
    /// The fault of a file.
    pub(super) fn of(self, path: &Path) -> StudyError {
        StudyError { path: path.to_owned(), fault: self }
    }

    /// A fault by the text that SQLite documents for its result codes; diesel hands on nothing else.
    fn of_message(message: &str) -> Self {
        let message_has = |text: &str| message.contains(text);
        if message_has("database or disk is full") {
            Self::DiskFull
        } else if message_has("database is locked") || message_has("database table is locked") {
            Self::Locked
        } else if message_has("not a database") || message_has("malformed") {
            Self::NotAStudy
        } else {
            Self::Database(message.to_owned())
        }
    }
}

impl From<DieselError> for Fault {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(_, info) => Self::of_message(info.message()),
            other => Self::of_message(&other.to_string()),
        }
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            other => Self::of_message(&other.to_string()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Database(error.to_string()),
        }
    }
}
