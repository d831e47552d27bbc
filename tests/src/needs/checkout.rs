//! The need of a git checkout: without one nobody knows which files belong to the project.

use crate::repository;

use super::Missing;

/// Is there when the root of the sources has a `.git`.
pub(crate) fn provide() -> Result<(), Missing> {
    if repository::root().join(".git").exists() {
        return Ok(());
    }
    Err(Missing::Absent("the sources are no git checkout; clone the repository instead of unpacking an archive".into()))
}
