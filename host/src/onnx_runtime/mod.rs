//! ONNX Runtime's shared libraries on this machine: which are there, which of them work, and getting one.
//!
//! A library comes out of the wheel `onnxruntime` on PyPI. The user's own pip downloads it, so that their index, proxy and
//! certificates count; what is downloaded counts only when it has the hash that is pinned here.

mod error;
mod listing;
mod pinned;
mod pip;
mod unpack;

use std::path::{Path, PathBuf};

use edgefit_agent::onnx_runtime::{data_folder, library_path};

use crate::run_folder::write_whole;

pub use error::InstallError;
pub use listing::{Library, Listing, Source, State, list};
pub use pinned::{PINNED, Pinned, pinned, targets, versions};

/// Where a wheel comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wheel {
    /// The package index that this Python's pip uses.
    Python(String),
    /// A file that the user has downloaded.
    File(PathBuf),
}

/// Puts a library into edgefit's own folder and returns its path. One that is there already and whole is left as it is.
///
/// # Errors
/// [`InstallError`] says what to do.
pub fn install(library: &Pinned, wheel: &Wheel) -> Result<PathBuf, InstallError> {
    let data = data_folder().ok_or(InstallError::NoFolder)?;
    let path = library_path(&data, library.target, library.version);
    if unpack::is_whole(&path, library) {
        return Ok(path);
    }
    let bytes = match wheel {
        Wheel::File(file) => unpack::library_of(file, library)?,
        Wheel::Python(python) => {
            let folder =
                tempfile::tempdir().map_err(|cause| InstallError::io(Path::new("a temporary folder"), cause))?;
            unpack::library_of(&pip::download(python, library, folder.path())?, library)?
        }
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|cause| InstallError::io(folder, cause))?;
    }
    write_whole(&path, &bytes)?;
    Ok(path)
}
