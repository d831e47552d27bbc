//! The messages between the edgefit host and the agent on a device, and how they travel.
//!
//! [`message`] is the contract on one page: every request and every reply. The other modules hold
//! the types that those messages carry, [`frame`] turns a message into bytes and back, and
//! [`limits`] holds every bound in one place.
//!
//! The crate does no I/O, reads no clock and needs only `alloc`, so that the same code runs in the
//! host, in an agent under Linux and on a microcontroller.
//!
//! # Compatibility
//!
//! Host and agent of the same [`handshake::PROTOCOL_VERSION`] understand each other. The first
//! fields of the two handshake messages never change, so that any two versions can tell each other
//! which they are; everything behind the handshake may change with the version.
#![no_std]

extern crate alloc;

pub mod device;
pub mod environment;
pub mod error;
pub mod frame;
pub mod handshake;
pub mod job;
pub mod limits;
pub mod message;
pub mod report;
pub mod runtime;
pub mod tensor;
