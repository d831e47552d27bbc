//! A file system of a stated size, to see what happens when the disk is full.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

use super::{Missing, debian};

/// A folder that is a small disk of its own, in memory; unmounted when it is dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// A disk of `size_kib` KiB.
    pub(crate) fn new(size_kib: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("a folder to mount on: {error}"))?;
        let options = format!("size={size_kib}k");
        process::succeed(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()))?;
        Ok(Self { folder })
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path: PathBuf = self.path().to_owned();
        if let Err(error) = process::succeed(Command::new("umount").arg(path)) {
            eprintln!("a disk of a test stays mounted: {error}");
        }
    }
}

/// Root may mount, but not in every container.
pub(crate) fn provide() -> Result<(), Missing> {
    let absent = |reason| Missing::Absent(format!("the right to mount a small file system ({reason}); run as root"));
    if !debian::is_root() {
        return Err(absent("not root".to_owned()));
    }
    SmallDisk::new(64).map(drop).map_err(absent)
}
