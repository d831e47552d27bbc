//! What can be read from, and asked of, the machine that the agent runs on.
//!
//! Reading never fails: what a machine does not offer is absent. The files of the kernel are
//! parsed by functions over text, so that boards that are not at hand can be tested.

pub mod affinity;
mod board;
pub mod cores;
pub mod description;
mod emulator;
pub mod energy;
pub mod environment;
mod kernel_file;
mod phone;
mod program;
#[cfg(test)]
mod recorded;
pub mod resident;

/// Where the kernel shows devices.
const SYS: &str = "/sys";
