//! Which libraries are there, and whether they work: each is loaded by the agent of this machine, in a process of its own.

use std::path::{Path, PathBuf};

use edgefit_agent::onnx_runtime::{data_folder, in_usual_places, installed, this_target};
use edgefit_protocol::runtime::{RuntimeDescription, RuntimeName};
use serde::Serialize;

use super::pinned::targets;
use crate::bench::ErrorSection;
use crate::device::{Device, DeviceError};

/// Name and version of the schema.
const SCHEMA: &str = "edgefit-runtimes/1";

/// Everything that is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// Always `edgefit-runtimes/1`.
    pub schema: &'static str,
    /// The machine, such as `x86_64-linux`.
    pub target: String,
    /// tract, which is part of the program.
    pub tract: RuntimeDescription,
    /// ONNX Runtime's libraries, in the order in which they are taken.
    pub libraries: Vec<Library>,
}

/// A library of ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Library {
    /// Who names it.
    pub source: Source,
    /// What it runs on.
    pub target: String,
    /// The file.
    pub path: PathBuf,
    /// Whether it is what is taken when nobody names one.
    pub is_default: bool,
    /// Whether it works.
    #[serde(flatten)]
    pub state: State,
}

/// Who names a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `--library`.
    Flag,
    /// The environment variable ORT_DYLIB_PATH.
    Environment,
    /// edgefit's own folder.
    Edgefit,
    /// The places that systems use.
    System,
}

impl Source {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "--library",
            Self::Environment => "ORT_DYLIB_PATH",
            Self::Edgefit => "edgefit",
            Self::System => "system",
        }
    }
}

/// Whether a library works.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// It was loaded.
    Usable {
        /// Its version.
        version: String,
        /// How it was built, as it says itself.
        build: Option<String>,
    },
    /// It cannot be used here.
    Unusable {
        /// Why, and what to do.
        error: ErrorSection,
    },
    /// It is for another machine.
    Foreign {
        /// Its version, by its folder.
        version: String,
    },
}

/// Lists the runtimes of a device that shares this machine's files.
///
/// # Errors
/// When the device cannot be asked.
pub fn list(device: &mut Device, flag: Option<&Path>) -> Result<Listing, DeviceError> {
    let tract = device.probe(RuntimeName::Tract, None)?;
    let target = this_target();
    let mut libraries = Vec::new();
    for (source, path) in candidates(flag, &target) {
        let state = state(device, &path)?;
        libraries.push(Library { source, target: target.clone(), path, is_default: false, state });
    }
    mark_default(device, &mut libraries, flag)?;
    libraries.extend(foreign(&target));
    Ok(Listing { schema: SCHEMA, target, tract, libraries })
}

fn candidates(flag: Option<&Path>, target: &str) -> Vec<(Source, PathBuf)> {
    let variable = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let own = data_folder().map(|data| installed(&data, target)).unwrap_or_default();
    let own = own.into_iter().map(|library| (Source::Edgefit, library.path));
    let system = in_usual_places().into_iter().map(|path| (Source::System, path));
    let named = flag.map(|path| (Source::Flag, path.to_owned()));
    named.into_iter().chain(variable.map(|path| (Source::Environment, path))).chain(own).chain(system).collect()
}

fn state(device: &mut Device, path: &Path) -> Result<State, DeviceError> {
    match device.probe(RuntimeName::Ort, Some(&path.to_string_lossy())) {
        Ok(found) => Ok(State::Usable { version: found.version, build: found.build }),
        Err(error @ DeviceError::Job { .. }) => Ok(State::Unusable { error: (&error).into() }),
        Err(error) => Err(error),
    }
}

/// Asks the agent itself which one it takes; a library that only the system's loader finds is added.
fn mark_default(device: &mut Device, libraries: &mut Vec<Library>, flag: Option<&Path>) -> Result<(), DeviceError> {
    let named = flag.map(|path| path.to_string_lossy());
    let found = match device.probe(RuntimeName::Ort, named.as_deref()) {
        Ok(found) => found,
        Err(DeviceError::Job { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(path) = found.library.map(PathBuf::from) else { return Ok(()) };
    libraries.iter_mut().for_each(|library| library.is_default = library.path == path);
    if !libraries.iter().any(|library| library.is_default) {
        let state = State::Usable { version: found.version, build: found.build };
        libraries.push(Library { source: Source::System, target: this_target(), path, is_default: true, state });
    }
    Ok(())
}

/// What is installed for devices.
fn foreign(this: &str) -> Vec<Library> {
    let Some(data) = data_folder() else { return Vec::new() };
    let others = targets().into_iter().filter(|target| *target != this);
    let libraries = others.flat_map(|target| installed(&data, target).into_iter().map(move |found| (target, found)));
    libraries
        .map(|(target, found)| Library {
            source: Source::Edgefit,
            target: target.to_owned(),
            path: found.path,
            is_default: false,
            state: State::Foreign { version: found.version },
        })
        .collect()
}
