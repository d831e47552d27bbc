//! Transports: how the two byte streams to an agent come about, one file each.
//!
//! Above the streams there is one client and one protocol, whatever the transport.

pub mod local;

use std::{
    any::Any,
    io::{self, Read, Write},
};

/// A way to an agent.
pub trait Transport: Send {
    /// The device's URL, for messages.
    fn url(&self) -> String;

    /// Starts or reaches an agent.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn connect(&self) -> io::Result<Link>;
}

/// Two byte streams to an agent.
pub struct Link {
    /// From the agent.
    pub reader: Box<dyn Read + Send>,
    /// To the agent.
    pub writer: Box<dyn Write + Send>,
    /// What the streams need to live; dropping it, after the streams, ends the agent's side.
    pub guard: Box<dyn Any + Send>,
}
