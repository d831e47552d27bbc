//! A folder of edgefit's own files in which `edgefit runtime install` has put ONNX Runtime, kept in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use edgefit::onnx_runtime::PINNED;
use edgefit_agent::onnx_runtime::{HOME_VARIABLE, this_target};

use crate::process;

use super::{Missing, cache, program, python};

/// The folder, to be named in `EDGEFIT_HOME`.
pub(crate) fn home() -> Result<&'static Path, Missing> {
    static HOME: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(provide);
    HOME.as_deref().map_err(Missing::clone)
}

fn provide() -> Result<PathBuf, Missing> {
    let target = this_target();
    let Some(library) = PINNED.iter().find(|library| library.target == target) else {
        return Err(Missing::Absent(format!("a library of ONNX Runtime that is pinned for {target}")));
    };
    let name = format!("runtime-{}-{:.12}", library.version, library.library_sha256);
    let (program, python) = (program::edgefit()?, python::interpreter()?);
    let install = |folder: &Path| {
        let mut edgefit = Command::new(program);
        edgefit.args(["runtime", "install", "--python"]).arg(python).env(HOME_VARIABLE, folder);
        process::succeed(&mut edgefit).map(drop)
    };
    cache::entry(&name, install).map_err(Missing::Broken)
}
