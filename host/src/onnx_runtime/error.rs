//! Why a library could not be installed, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::error::{Error as CommandError, ErrorKind};
use crate::run_folder::RunFolderError;

/// Why a library could not be installed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// There is no place for it.
    #[error("there is no folder for edgefit's own files; name one in the environment variable EDGEFIT_HOME")]
    NoFolder,
    /// There is no such Python, or it has no pip.
    #[error(
        "{python} cannot run pip ({reason}); install Python 3 with pip (on Debian: sudo apt-get install python3-pip), name another \
         Python by --python, or download {wheel} from PyPI elsewhere and give it by --wheel"
    )]
    NoPip {
        /// The Python that was tried.
        python: String,
        /// What happened.
        reason: String,
        /// What would have been downloaded.
        wheel: String,
    },
    /// pip did not download it.
    #[error(
        "pip did not download {wheel}:\n{said}\nCheck the network and pip's settings (`{python} -m pip config list`), or download it \
         elsewhere and give it by --wheel"
    )]
    Download {
        /// The Python that was used.
        python: String,
        /// What was to be downloaded.
        wheel: String,
        /// The last lines of what pip said.
        said: String,
    },
    /// What was downloaded is not what is pinned.
    #[error("{path} has the sha256 {found}, where {expected} is pinned; do not use it: download {wheel} again", path = .path.display())]
    WrongHash {
        /// The file, or the file within it.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The pinned hash.
        expected: &'static str,
        /// What was to be downloaded.
        wheel: String,
    },
    /// The wheel is no archive with the library in it.
    #[error("{path}: {reason}", path = .path.display())]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {cause}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The library cannot be written.
    #[error(transparent)]
    Write(#[from] RunFolderError),
}

impl InstallError {
    pub(super) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }
}

impl From<InstallError> for CommandError {
    fn from(error: InstallError) -> Self {
        let kind = match &error {
            InstallError::NoFolder => ErrorKind::Usage,
            InstallError::NoPip { .. }
            | InstallError::Download { .. }
            | InstallError::WrongHash { .. }
            | InstallError::Wheel { .. } => ErrorKind::Runtime,
            InstallError::Io { .. } | InstallError::Write(_) => ErrorKind::Storage,
        };
        Self::new(kind, error)
    }
}
