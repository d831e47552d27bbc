//! The inference runtimes that an agent can hold, and how one describes itself.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A runtime that this protocol version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeName {
    /// tract, compiled into the agent.
    Tract,
    /// ONNX Runtime, a shared library that is loaded at run time.
    Ort,
}

impl RuntimeName {
    /// Every runtime of this protocol version.
    pub const ALL: [Self; 2] = [Self::Tract, Self::Ort];

    /// The name as it is written in configuration files, tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tract => "tract",
            Self::Ort => "ort",
        }
    }
}

impl fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A runtime that was found usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeDescription {
    /// Which runtime.
    pub name: RuntimeName,
    /// Its version, such as `1.32.0`.
    pub version: String,
    /// How it was built, as it says itself.
    pub build: Option<String>,
    /// The file it was loaded from.
    pub library: Option<String>,
}
