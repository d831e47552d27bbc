//! The first message in each direction: who speaks which version, and what the device is.
//!
//! Both start with [`MAGIC`] and a protocol version. [`peek_version`] reads just these, so that a
//! peer of any other version is answered with an error instead of being misread.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{device::DeviceDescription, error::JobError, frame::FrameError};

/// First bytes of both handshake messages.
pub const MAGIC: [u8; 4] = *b"EDGF";

/// Version of everything behind the handshake. It changes with every change of a wire type.
pub const PROTOCOL_VERSION: u32 = 6;

/// The host's first message. The first two fields are the same in every version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Always [`MAGIC`].
    pub magic: [u8; 4],
    /// Protocol version of the host.
    pub protocol: u32,
    /// Version of the host program, for messages to people.
    pub host_version: String,
    /// The shared secret, where the agent asks for one; at most
    /// [`crate::limits::MAX_TOKEN_BYTES`] bytes.
    pub token: Option<String>,
}

impl Hello {
    /// A greeting of this protocol version.
    pub fn new(host_version: impl Into<String>, token: Option<String>) -> Self {
        Self { magic: MAGIC, protocol: PROTOCOL_VERSION, host_version: host_version.into(), token }
    }
}

/// The agent's answer to a [`Hello`]. The first two fields are the same in every version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HelloReply {
    /// Always [`MAGIC`].
    pub magic: [u8; 4],
    /// Protocol version of the agent.
    pub protocol: u32,
    /// The agent, or why it does not want to talk.
    pub answer: Result<Welcome, JobError>,
}

impl HelloReply {
    /// An answer of this protocol version.
    pub fn new(answer: Result<Welcome, JobError>) -> Self {
        Self { magic: MAGIC, protocol: PROTOCOL_VERSION, answer }
    }
}

/// What an agent says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version of the agent program.
    pub agent_version: String,
    /// The device that it runs on.
    pub device: DeviceDescription,
}

/// Why a handshake message is not the start of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The bytes do not start with [`MAGIC`].
    #[error("the other side does not speak edgefit's protocol")]
    NotEdgefit,
    /// The other side speaks another version.
    #[error(
        "the other side speaks protocol version {theirs}, this one {PROTOCOL_VERSION}: install the same edgefit version on both"
    )]
    Version {
        /// Version of the other side.
        theirs: u32,
    },
    /// The version fits, the rest does not.
    #[error("the handshake cannot be read")]
    Malformed(#[from] FrameError),
}

/// Reads magic and version of a handshake body and checks them.
///
/// # Errors
///
/// [`HandshakeError::NotEdgefit`] or [`HandshakeError::Version`].
pub fn peek_version(body: &[u8]) -> Result<(), HandshakeError> {
    let prefix = postcard::take_from_bytes::<([u8; 4], u32)>(body);
    match prefix {
        Ok(((MAGIC, PROTOCOL_VERSION), _)) => Ok(()),
        Ok(((MAGIC, theirs), _)) => Err(HandshakeError::Version { theirs }),
        _ => Err(HandshakeError::NotEdgefit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{HEADER_BYTES, encode};

    fn check(message: &impl Serialize, expected: Result<(), HandshakeError>) {
        let frame = encode(message).unwrap();
        assert_eq!(peek_version(&frame[HEADER_BYTES..]), expected);
    }

    #[test]
    fn the_version_is_read_from_messages_of_any_version() {
        check(&Hello::new("0.1.0", None), Ok(()));
        check(&(MAGIC, 900_u32, [1_u8; 40].as_slice()), Err(HandshakeError::Version { theirs: 900 }));
        check(b"SSH-2.0-OpenSSH", Err(HandshakeError::NotEdgefit));
        check(&(), Err(HandshakeError::NotEdgefit));
    }
}
