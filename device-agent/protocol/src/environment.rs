//! The state of a device around a job: whatever may disturb a measurement and can be read.
//!
//! Nothing here is needed for a job to succeed; what a device does not offer is absent.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// One look at the device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Cores whose frequency scaling can be read.
    pub cores: Vec<CoreState>,
    /// Temperature sensors.
    pub temperatures: Vec<Temperature>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[f32; 3]>,
    /// Time that the cores spent.
    pub processor_ticks: Option<ProcessorTicks>,
    /// Memory that could be given to programs, in KiB.
    pub available_kib: Option<u64>,
    /// Context switches of the job's process so far.
    pub context_switches: Option<ContextSwitches>,
    /// Raspberry Pi: the bits of `vcgencmd get_throttled`.
    pub throttled_bits: Option<u32>,
    /// Android: the thermal status, from 0 for none over 3 for severe to 6 for shutdown.
    pub thermal_status: Option<u8>,
    /// Battery charge in percent.
    pub battery_percent: Option<u8>,
    /// Temperature of the battery in degrees Celsius.
    pub battery_celsius: Option<f32>,
    /// Whether the battery is being charged, or there is mains power.
    pub plugged_in: Option<bool>,
}

/// A look at the device between jobs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceState {
    /// Whatever may disturb a measurement.
    pub environment: Environment,
    /// The device's clock, in seconds since 1970.
    pub unix_s: u64,
    /// Room for blobs, in bytes, where the system tells it.
    pub free_bytes: Option<u64>,
}

/// Time of all cores together, in the kernel's ticks of 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorTicks {
    /// Since the machine started.
    pub all: u64,
    /// Of those, spent in programs, the kernel, or, on a virtual machine, by its host.
    pub busy: u64,
    /// Spent by the job's process.
    pub own: u64,
}

/// Frequency scaling of one core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreState {
    /// The core's number.
    pub index: u32,
    /// Frequency now, in kHz.
    pub frequency_khz: Option<u64>,
    /// Highest frequency that the governor may choose, in kHz.
    pub limit_khz: Option<u64>,
    /// Name of the governor.
    pub governor: Option<String>,
}

/// One temperature sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// The sensor's type as the kernel names it.
    pub sensor: String,
    /// Degrees Celsius.
    pub celsius: f32,
}

/// Context switches of a process since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextSwitches {
    /// It waited for something.
    pub voluntary: u64,
    /// It was made to wait.
    pub involuntary: u64,
}
