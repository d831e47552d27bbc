//! A folder of edgefit's own files in which `edgefit runtime install` has put ONNX Runtime, kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use edgefit::onnx_runtime::{PINNED, Pinned};
use edgefit_agent::onnx_runtime::{HOME_VARIABLE, library_path, this_target};

use crate::process;

use super::{Missing, cache, program, python};

/// The folder, to be named in `EDGEFIT_HOME`.
pub(crate) fn home() -> Result<&'static Path, Missing> {
    static HOME: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(provide);
    HOME.as_deref().map_err(Missing::clone)
}

/// ONNX Runtime's library of this version for another machine.
pub(crate) fn library_for(target: &str, version: &str) -> Result<PathBuf, Missing> {
    let library = edgefit::onnx_runtime::pinned(target, Some(version));
    let library =
        library.ok_or_else(|| Missing::Absent(format!("ONNX Runtime {version} that is pinned for {target}")))?;
    Ok(library_path(&install(library)?, target, version))
}

fn provide() -> Result<PathBuf, Missing> {
    let target = this_target();
    match PINNED.iter().find(|library| library.target == target) {
        Some(library) => install(library),
        None => Err(Missing::Absent(format!("a library of ONNX Runtime that is pinned for {target}"))),
    }
}

/// The folder of edgefit's own files with just this library in it.
fn install(library: &Pinned) -> Result<PathBuf, Missing> {
    let name = format!("runtime-{}-{:.12}", library.version, library.library_sha256);
    let (program, python) = (program::edgefit()?, python::interpreter()?);
    let install = |folder: &Path| {
        let mut edgefit = Command::new(program);
        edgefit.args(["runtime", "install", "--target", library.target, "--version", library.version, "--python"]);
        process::succeed(edgefit.arg(python).env(HOME_VARIABLE, folder)).map(drop)
    };
    cache::entry(&name, install).map_err(Missing::Broken)
}
