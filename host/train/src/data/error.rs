//! What can be wrong with data, each error naming the file and, where there is one, the row.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::SampleShape;

/// Why a data set could not be read.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file or a folder could not be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what its format says.
    #[error("{path}: {reason}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
    /// An image cannot be decoded.
    #[error("{path} is not a readable image: {reason}", path = .path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// Samples of different sizes.
    #[error("{path} is {found} where those before it are {expected}; state one size to resize all to", path = .path.display())]
    Size {
        /// The first file that differs.
        path: PathBuf,
        /// Its size.
        found: String,
        /// Size of those before.
        expected: String,
    },
    /// The format needs a path.
    #[error("the format `{0}` needs a path")]
    NoPath(&'static str),
    /// Nothing where the data should be.
    #[error("{path}: {expected} was not found", path = .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What was looked for.
        expected: String,
    },
    /// The splits cannot be made.
    #[error("cannot split the data: {0}")]
    Split(String),
}

impl DataError {
    /// An error about the contents of a file.
    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}

/// A size as people write it.
pub(super) fn describe(shape: SampleShape) -> String {
    match shape {
        SampleShape::Image { height, width, channels } => format!("{height}x{width} with {channels} channels"),
        SampleShape::Series { length, channels } => format!("{length} time steps of {channels} channels"),
    }
}

/// That two splits have samples of one size.
pub(super) fn same_shape(train: SampleShape, other: SampleShape) -> Result<(), DataError> {
    if train == other {
        return Ok(());
    }
    let (train, other) = (describe(train), describe(other));
    Err(DataError::Split(format!("training samples are {train}, others are {other}; state one size to resize all to")))
}
