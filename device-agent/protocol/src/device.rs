//! What an agent says about the device that it runs on. Whatever cannot be read is absent.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::runtime::RuntimeName;

/// The device, as far as it can be read without special rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDescription {
    /// A stable identity, derived from the machine's own; the same after a restart.
    pub id: String,
    /// Name of the machine.
    pub host_name: Option<String>,
    /// Instruction set, such as `x86_64` or `aarch64`.
    pub arch: String,
    /// Operating system, such as `linux` or `android`.
    pub os: String,
    /// Name and version of the distribution.
    pub os_version: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// C library and calling convention the agent was built for, such as `gnu`.
    pub abi: String,
    /// Board, such as `Raspberry Pi 5 Model B Rev 1.0`.
    pub board: Option<String>,
    /// Chip or processor model.
    pub soc: Option<String>,
    /// Every core that is there.
    pub cores: Vec<Core>,
    /// Size of a memory page, in bytes.
    pub page_size_bytes: u64,
    /// Physical memory, in KiB.
    pub ram_kib: Option<u64>,
    /// Runtimes that the agent was built with.
    pub runtimes: Vec<RuntimeName>,
    /// What runs the agent in place of a processor of this architecture; times there say nothing about a real one.
    pub emulator: Option<String>,
}

/// One core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Its number, as an affinity names it.
    pub index: u32,
    /// Highest frequency, in kHz.
    pub max_frequency_khz: Option<u64>,
    /// Relative speed as the kernel states it, 1024 for the fastest.
    pub capacity: Option<u32>,
    /// Model of the core, where the kernel names it per core.
    pub model: Option<String>,
}
