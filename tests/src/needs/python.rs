//! A Python environment with the `onnx` checker, and ONNX Runtime's shared library out of the `onnxruntime` wheel.
//!
//! Both come from PyPI by `tests/python/requirements.txt`, which pins every wheel by version and sha256; pip checks
//! the sums. Nothing is installed outside the cache folder, except Debian's `python3-venv` by root.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::harness::Outcome;
use crate::{process, repository};

use super::{Missing, cache, debian};

const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// The library's name in the wheel; the version is the one that `requirements.txt` pins.
const ONNX_RUNTIME: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";

/// The path of a Python that can import `onnx`, `onnxruntime` and `numpy`.
pub(crate) fn interpreter() -> Result<&'static Path, Missing> {
    static PYTHON: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(|| environment().map(|dir| python_of(&dir)));
    PYTHON.as_deref().map_err(Missing::clone)
}

/// The path of `libonnxruntime.so`.
pub(crate) fn onnx_runtime() -> Result<&'static Path, Missing> {
    static LIBRARY: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(find_library);
    LIBRARY.as_deref().map_err(Missing::clone)
}

fn environment() -> Result<PathBuf, Missing> {
    if !cfg!(target_os = "linux") {
        return Err(Missing::Absent("the ONNX Runtime and onnx wheels are used on Linux only".into()));
    }
    debian::ensure("python3", &["python3-venv"], works("python3", &["-c", "import ensurepip, venv"]))?;
    let requirements = repository::read(REQUIREMENTS).map_err(Missing::Broken)?;
    cache::entry(&format!("python-{:016x}", digest(&requirements)), install).map_err(Missing::Broken)
}

fn install(environment: &Path) -> Result<(), String> {
    process::succeed(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
    process::succeed(
        Command::new(python_of(environment))
            .args(["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r"])
            .arg(repository::root().join(REQUIREMENTS)),
    )
    .map(drop)
}

/// Tells one list of requirements from another.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn python_of(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

fn find_library() -> Result<PathBuf, Missing> {
    let site = process::succeed(
        Command::new(interpreter()?).args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]),
    )
    .map_err(Missing::Broken)?;
    let library = Path::new(site.trim()).join(ONNX_RUNTIME);
    match library.exists() {
        true => Ok(library),
        false => Err(Missing::Broken(format!("{} is not in the wheel", library.display()))),
    }
}

fn works(program: &str, arguments: &[&str]) -> bool {
    process::succeed(Command::new(program).args(arguments)).is_ok()
}

/// The library is a shared object of this machine.
pub(crate) fn has_onnx_runtime() -> Outcome {
    let library = std::fs::read(onnx_runtime()?)?;
    assert_eq!(library.get(..4), Some(b"\x7fELF".as_slice()));
    Ok(())
}

/// The checker accepts a model that is right and refuses one that is wrong.
pub(crate) fn has_onnx_checker() -> Outcome {
    let script = repository::root().join("tests/python/self_check.py");
    process::succeed(Command::new(interpreter()?).arg(script))?;
    Ok(())
}
