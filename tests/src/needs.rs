//! What tests need beyond the workspace, and how it comes here.
//!
//! Each need is a file of this folder. What can be fetched from a package registry is fetched on first use and kept
//! in the cache folder; what cannot is named, with the way to get it. Nothing here knows which test asks.

pub(crate) mod arm_system;
mod cache;
pub(crate) mod checkout;
pub(crate) mod chromium;
pub(crate) mod cross;
pub(crate) mod data;
pub(crate) mod debian;
pub(crate) mod mount;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod runtime;

use std::fmt;

use crate::board;

/// Something that a test needs and that may be absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// The sources are a git checkout, so that it is known which files belong to the project.
    GitCheckout,
    /// The shared library of ONNX Runtime.
    OnnxRuntime,
    /// ONNX Runtime as `edgefit runtime install` gets it.
    InstalledRuntime,
    /// A Python with the `onnx` package and its checker.
    OnnxChecker,
    /// A browser to look at the report with.
    Chromium,
    /// The `edgefit` program.
    Program,
    /// A data set of this name in the folder `EDGEFIT_DATA`.
    Data(&'static str),
    /// The right to mount a file system of a stated size.
    Mount,
    /// A 64-bit Arm board, emulated, and the agent for it.
    Board,
    /// OpenSSH's server and client.
    Ssh,
    /// Android's adb.
    Adb,
    /// Some minutes, which only who asks for it has.
    Time,
}

/// Why a need is not there; the text says how to get it.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    /// Only the owner of this machine can provide it.
    Absent(String),
    /// It can be provided here, and that failed.
    Broken(String),
}

impl Need {
    /// Provides the need, the first time by fetching it.
    pub(crate) fn provide(&self) -> Result<(), Missing> {
        match self {
            Need::GitCheckout => checkout::provide(),
            Need::OnnxRuntime => python::onnx_runtime().map(drop),
            Need::InstalledRuntime => runtime::home().map(drop),
            Need::OnnxChecker => python::interpreter().map(drop),
            Need::Chromium => chromium::provide(),
            Need::Program => program::edgefit().map(drop),
            Need::Data(name) => data::path(name).map(drop),
            Need::Mount => mount::provide(),
            Need::Board => cross::agent().map(drop).and_then(|()| board::provide()),
            Need::Ssh => board::sshd::provide(),
            Need::Adb => board::phone::provide(),
            Need::Time => time(),
        }
    }
}

fn time() -> Result<(), Missing> {
    match std::env::var_os("EDGEFIT_LONG_TESTS") {
        Some(_) => Ok(()),
        None => Err(Missing::Absent("time for a test of minutes; set EDGEFIT_LONG_TESTS=1".to_owned())),
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Absent(text) => write!(f, "missing: {text}"),
            Missing::Broken(text) => write!(f, "could not be provided: {text}"),
        }
    }
}
