//! Devices that are not this machine, by the real programs that reach them: OpenSSH, adb, and sockets.
//!
//! The device is a board of another processor, emulated (see `board`); what a user types and gets is what is tested.

pub(crate) mod adb;
pub(crate) mod pool;
pub(crate) mod site;
pub(crate) mod ssh;
pub(crate) mod trouble;
pub(crate) mod vanishing;
