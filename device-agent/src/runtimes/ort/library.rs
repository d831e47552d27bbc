//! Finding ONNX Runtime's shared library, and checking it before `ort` takes it: `ort` can be
//! initialized only once in a process.

use std::{
    env,
    ffi::CStr,
    path::{Path, PathBuf},
};

use edgefit_protocol::error::{ErrorKind, JobError};
use libloading::Library;

use crate::{device::cores, onnx_runtime};

/// Lowest minor version of ONNX Runtime 1.x that has everything the agent calls.
const MIN_MINOR_VERSION: u32 = ort::MINOR_VERSION;

/// Versions that are known to crash, the core that they crash on, and how.
const KNOWN_BAD: [(&str, &str, &str); 1] = [("1.21.0", "Cortex-A72", "an illegal instruction")];

const HOW_TO_GET_IT: &str =
    "get one with `edgefit runtime install`, or name a libonnxruntime.so by --library or in ORT_DYLIB_PATH";

/// A library that is there and not known to be bad.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) version: String,
}

/// Finds the library by the job's path, `ORT_DYLIB_PATH`, edgefit's own folder or the system's places, in this order, and checks
/// its version.
pub(super) fn find(named: Option<&str>) -> Result<Found, JobError> {
    let models = core_models();
    let from_environment = || env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.map(PathBuf::from).or_else(from_environment).unwrap_or_else(|| unnamed(&models));
    let version = version_of(&path)?;
    check_version(&path, &version)?;
    check_known_bad(&path, &version, &models)?;
    Ok(Found { path, version })
}

fn core_models() -> Vec<String> {
    cores::read().into_iter().filter_map(|core| core.model).collect()
}

/// The library that is there without a name: of those in edgefit's own folder the newest that is not known to be bad; else what
/// the system has, or its loader finds. No second one is tried: a process can load only one.
fn unnamed(models: &[String]) -> PathBuf {
    let data = onnx_runtime::data_folder();
    let installed = data.map(|data| onnx_runtime::installed(&data, &onnx_runtime::this_target())).unwrap_or_default();
    let good = installed.iter().find(|library| known_bad(&library.version, models).is_none());
    let own = good.or(installed.first()).map(|library| library.path.clone());
    own.or_else(|| onnx_runtime::in_usual_places().into_iter().next())
        .unwrap_or_else(|| PathBuf::from("libonnxruntime.so"))
}

/// Asks the library itself.
fn version_of(path: &Path) -> Result<String, JobError> {
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: loading runs the library's initializers; the user names the library as ONNX
    // Runtime, and this process exists for just this job.
    let library = unsafe { Library::new(path) }.map_err(|error| missing(path, &error))?;
    // SAFETY: ONNX Runtime documents this symbol with this type in every version.
    let get_base = unsafe { library.get::<GetApiBase>(b"OrtGetApiBase\0") }.map_err(|error| missing(path, &error))?;
    // SAFETY: the function takes nothing and returns a static table or null.
    let base = unsafe { get_base().as_ref() }.ok_or_else(|| missing(path, &"it has no API".to_owned()))?;
    // SAFETY: the documentation promises a static string that ends with a zero byte.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    let version = version.to_string_lossy().into_owned();
    // Kept loaded: `ort` opens the same library next.
    std::mem::forget(library);
    Ok(version)
}

fn missing(path: &Path, error: &dyn std::fmt::Display) -> JobError {
    let message = format!("ONNX Runtime's library {} cannot be loaded ({error}); {HOW_TO_GET_IT}", path.display());
    JobError::new(ErrorKind::RuntimeMissing, message)
}

fn check_version(path: &Path, version: &str) -> Result<(), JobError> {
    let minor: Option<u32> = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    if minor.is_some_and(|minor| minor >= MIN_MINOR_VERSION) {
        return Ok(());
    }
    let message = format!(
        "{} is ONNX Runtime {version}; at least 1.{MIN_MINOR_VERSION} is needed; {HOW_TO_GET_IT}",
        path.display()
    );
    Err(JobError::new(ErrorKind::RuntimeTooOld, message))
}

fn check_known_bad(path: &Path, version: &str, models: &[String]) -> Result<(), JobError> {
    match known_bad(version, models) {
        None => Ok(()),
        Some((core, how)) => {
            let path = path.display();
            let message =
                format!("{path} is ONNX Runtime {version}, which ends with {how} on a {core}; {HOW_TO_GET_IT}");
            Err(JobError::new(ErrorKind::RuntimeKnownBad, message))
        }
    }
}

fn known_bad(version: &str, models: &[String]) -> Option<(&'static str, &'static str)> {
    KNOWN_BAD
        .iter()
        .find(|(bad, core, _)| *bad == version && models.iter().any(|model| model == core))
        .map(|(_, core, how)| (*core, *how))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bad_pair_is_refused() {
        let pi_4 = ["Cortex-A72".to_owned()];
        let pi_5 = ["Cortex-A76".to_owned()];
        assert!(known_bad("1.21.0", &pi_4).is_some());
        assert!(known_bad("1.21.1", &pi_4).is_none());
        assert!(known_bad("1.21.0", &pi_5).is_none());
    }

    #[test]
    fn a_bad_library_says_how_to_get_another() {
        let error = check_known_bad(Path::new("x.so"), "1.21.0", &["Cortex-A72".to_owned()]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::RuntimeKnownBad);
        assert!(error.message.contains("edgefit runtime install"), "{error}");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let check = |version| check_version(Path::new("x.so"), version).map_err(|e| e.kind);
        assert_eq!(check("1.32.0"), Ok(()));
        assert_eq!(check("1.17.3"), Ok(()));
        for version in ["1.9.0", "1.16.3", "", "1.x.0"] {
            assert_eq!(check(version), Err(ErrorKind::RuntimeTooOld), "{version}");
        }
    }

    #[test]
    fn a_missing_and_a_foreign_library_say_how_to_get_one() {
        for path in ["/no/such/libonnxruntime.so", "libc.so.6"] {
            let error = find(Some(path)).err().unwrap();
            assert_eq!(error.kind, ErrorKind::RuntimeMissing);
            assert!(error.message.contains("ORT_DYLIB_PATH"), "{error}");
        }
    }
}
