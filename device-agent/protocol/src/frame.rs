//! Frames: how one message is cut out of a byte stream.
//!
//! A frame is the length of the body and its CRC-32 (IEEE), each a little-endian `u32`, then the
//! body, one message in postcard's encoding. The length is compared with
//! [`limits::MAX_FRAME_BYTES`] before anything of the body is read. Reading from and writing to a
//! stream is the business of the callers.

use alloc::vec::Vec;

use serde::{Serialize, de::DeserializeOwned};

use crate::limits;

/// Bytes before the body of a frame.
pub const HEADER_BYTES: usize = 8;

/// Why bytes are not a frame, or a frame is not the expected message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header or the message to send announces more than the limit.
    #[error("a frame of {bytes} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Announced length of the body, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body has another length than its header says.
    #[error("a frame of {announced} bytes holds {found} bytes")]
    WrongLength {
        /// Length in the header, in bytes.
        announced: usize,
        /// Length found, in bytes.
        found: usize,
    },
    /// The body does not have the checksum of its header.
    #[error("the checksum of a frame is wrong: the bytes changed on their way")]
    Checksum,
    /// The body is not a message of the expected type, or has bytes behind it.
    #[error("the body of a frame is not a message of this protocol version")]
    Malformed,
    /// The message could not be encoded.
    #[error("a message could not be encoded")]
    Encode,
}

/// The first [`HEADER_BYTES`] bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the body, in bytes; at most [`limits::MAX_FRAME_BYTES`].
    pub body_bytes: usize,
    /// CRC-32 of the body.
    pub crc32: u32,
}

impl FrameHeader {
    /// Reads a header and checks the announced length.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLarge`] when the body would be over the limit.
    pub fn parse(bytes: [u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, c0, c1, c2, c3] = bytes;
        let body_bytes = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        check_length(body_bytes)?;
        Ok(Self { body_bytes, crc32: u32::from_le_bytes([c0, c1, c2, c3]) })
    }

    /// The header of a body.
    pub fn of(body: &[u8]) -> Self {
        Self { body_bytes: body.len(), crc32: crc32fast::hash(body) }
    }

    /// The header as it stands in front of the body.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let ([l0, l1, l2, l3], [c0, c1, c2, c3]) = ((self.body_bytes as u32).to_le_bytes(), self.crc32.to_le_bytes());
        [l0, l1, l2, l3, c0, c1, c2, c3]
    }

    /// Checks the body that followed this header and reads its message.
    ///
    /// # Errors
    ///
    /// [`FrameError::WrongLength`], [`FrameError::Checksum`], or [`FrameError::Malformed`].
    pub fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, FrameError> {
        self.verify(body)?;
        decode_body(body)
    }

    /// Checks length and checksum of the body that followed this header.
    ///
    /// # Errors
    ///
    /// [`FrameError::WrongLength`] or [`FrameError::Checksum`].
    pub fn verify(&self, body: &[u8]) -> Result<(), FrameError> {
        if body.len() != self.body_bytes {
            return Err(FrameError::WrongLength { announced: self.body_bytes, found: body.len() });
        }
        if crc32fast::hash(body) != self.crc32 {
            return Err(FrameError::Checksum);
        }
        Ok(())
    }
}

/// Encodes one message as a whole frame, header and body.
///
/// # Errors
///
/// [`FrameError::TooLarge`] when the message does not fit into a frame.
pub fn encode<T: Serialize + ?Sized>(message: &T) -> Result<Vec<u8>, FrameError> {
    let room_for_header = Vec::from([0; HEADER_BYTES]);
    let mut frame = postcard::to_extend(message, room_for_header).map_err(|_| FrameError::Encode)?;
    let body_bytes = frame.len() - HEADER_BYTES;
    check_length(body_bytes)?;
    let header = FrameHeader::of(&frame[HEADER_BYTES..]);
    frame[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    Ok(frame)
}

/// Reads the message of a verified body; every byte has to belong to it.
///
/// # Errors
///
/// [`FrameError::Malformed`].
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

fn check_length(bytes: usize) -> Result<(), FrameError> {
    let limit = limits::MAX_FRAME_BYTES;
    if bytes > limit {
        return Err(FrameError::TooLarge { bytes, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Reply, Request};
    use alloc::{string::String, vec};
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    fn split(frame: &[u8]) -> (FrameHeader, &[u8]) {
        let header = frame[..HEADER_BYTES].try_into().unwrap();
        (FrameHeader::parse(header).unwrap(), &frame[HEADER_BYTES..])
    }

    fn put_blob(chunk: Vec<u8>) -> Request {
        Request::PutBlob { sha256: [7; 32], total_bytes: 10, offset: 0, chunk }
    }

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let sent = put_blob(vec![1, 2, 3]);
        let frame = encode(&sent).unwrap();
        let (header, body) = split(&frame);
        assert_eq!(header.decode::<Request>(body), Ok(sent));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_from_the_header_alone() {
        let mut header = [0xff; HEADER_BYTES];
        header[4] = 0;
        assert!(matches!(FrameHeader::parse(header), Err(FrameError::TooLarge { .. })));
    }

    #[test]
    fn a_message_over_the_limit_is_not_sent() {
        let message = put_blob(vec![0; limits::MAX_FRAME_BYTES]);
        assert!(matches!(encode(&message), Err(FrameError::TooLarge { .. })));
    }

    #[test]
    fn bytes_behind_a_message_are_refused() {
        let mut frame = encode(&Request::Shutdown).unwrap();
        frame.push(0);
        let body = &frame[HEADER_BYTES..];
        assert_eq!(decode_body::<Request>(body), Err(FrameError::Malformed));
    }

    #[test]
    fn an_announced_length_without_bytes_allocates_nothing() {
        // A string that claims to be 2^63 bytes long.
        let body = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode_body::<String>(&body), Err(FrameError::Malformed));
        assert_eq!(decode_body::<Vec<u64>>(&body), Err(FrameError::Malformed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode_body::<Request>(&bytes);
            let _ = decode_body::<Reply>(&bytes);
        }

        #[test]
        fn damaged_messages_never_panic(
            chunk in prop::collection::vec(any::<u8>(), 0..64),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            end in any::<prop::sample::Index>(),
        ) {
            let mut body = encode(&put_blob(chunk)).unwrap().split_off(HEADER_BYTES);
            let at = at.index(body.len());
            body[at] = byte;
            let _ = decode_body::<Request>(&body);
            body.truncate(end.index(body.len()));
            let _ = decode_body::<Request>(&body);
        }

        #[test]
        fn a_changed_bit_is_noticed(chunk in prop::collection::vec(any::<u8>(), 0..64), bit in any::<prop::sample::Index>()) {
            let frame = encode(&put_blob(chunk)).unwrap();
            let mut changed = frame.clone();
            let bit = bit.index(frame.len() * 8);
            changed[bit / 8] ^= 1 << (bit % 8);
            let header = changed[..HEADER_BYTES].try_into().unwrap();
            let noticed = FrameHeader::parse(header)
                .and_then(|header| header.decode::<Request>(&changed[HEADER_BYTES..]))
                .is_err();
            assert!(noticed);
        }
    }
}
