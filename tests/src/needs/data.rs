//! Data sets that are too large for the repository, looked for in the folder that `EDGEFIT_DATA` names.

use std::path::PathBuf;

use super::Missing;

/// The path of a data set.
pub(crate) fn path(name: &str) -> Result<PathBuf, Missing> {
    let folder = std::env::var_os("EDGEFIT_DATA").map(PathBuf::from);
    let path = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
    path.ok_or_else(|| Missing::Absent(format!("the data set {name}; set EDGEFIT_DATA to a folder that holds it")))
}
