//! Transports: how the two byte streams to an agent come about, one file each.
//!
//! Above the streams there is one client and one protocol, whatever the transport. `ssh` and `adb` have the same way to an agent on a
//! device with a shell, `remote`, which brings the agent there first.

pub mod adb;
mod error;
mod facts;
pub mod local;
mod process;
pub mod remote;
mod script;
pub mod ssh;
pub mod tcp;

use std::io::{Read, Write};

pub use error::{TransportError, Trouble};
pub use facts::Facts;

/// A way to an agent.
pub trait Transport: Send {
    /// The device's URL, for messages.
    fn url(&self) -> String;

    /// Starts or reaches an agent.
    ///
    /// # Errors
    ///
    /// What went wrong on the way, and what to do.
    fn connect(&mut self) -> Result<Link, TransportError>;

    /// Takes nothing for granted at the next connection: the last one did not lead to an agent.
    fn forget(&mut self) {}

    /// What is known of the device without an agent; `None` where only an agent tells.
    ///
    /// # Errors
    ///
    /// As [`Transport::connect`].
    fn look(&mut self) -> Result<Option<Facts>, TransportError> {
        Ok(None)
    }
}

/// Two byte streams to an agent.
pub struct Link {
    /// From the agent.
    pub reader: Box<dyn Read + Send>,
    /// To the agent.
    pub writer: Box<dyn Write + Send>,
    /// What the streams need to live; dropping it, after the streams, ends the agent's side.
    pub guard: Box<dyn Guard>,
}

/// What keeps a link alive, and knows how it ended.
pub trait Guard: Send {
    /// Why the link ended, where that is known.
    fn last_words(&mut self) -> Option<TransportError> {
        None
    }
}
