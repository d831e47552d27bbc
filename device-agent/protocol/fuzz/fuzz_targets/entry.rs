//! What is fuzzed, and what must hold whatever the bytes are. `cargo fuzz` calls it here, the workspace's tests call it a bounded
//! number of times.

use edgefit_protocol::frame::{FrameError, FrameHeader, HEADER_BYTES, decode_body, encode};
use edgefit_protocol::handshake::{Hello, HelloReply, peek_version};
use edgefit_protocol::limits::MAX_FRAME_BYTES;
use edgefit_protocol::message::{Reply, Request};
use serde::{Serialize, de::DeserializeOwned};

/// The body of a frame: it decodes to a message that encodes to what decodes to it again, or it is refused.
pub(crate) fn body(bytes: &[u8]) {
    round_trip::<Request>(bytes);
    round_trip::<Reply>(bytes);
    round_trip::<Hello>(bytes);
    round_trip::<HelloReply>(bytes);
    let _ = peek_version(bytes);
}

/// Encodings are compared, not messages: a float that is not a number is not equal to itself.
fn round_trip<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(message) = decode_body::<T>(bytes) else { return };
    let frame = encode(&message).expect("what came in one frame goes into one");
    let again: T = decode_body(&frame[HEADER_BYTES..]).expect("what was encoded is decoded");
    assert_eq!(encode(&again).expect("it was encoded before"), frame, "a message changed on its way");
}

/// A byte stream: it gives whole bodies with the right checksum, each within the limit, and then it ends or breaks. `read_body` is
/// the agent's own reader.
pub(crate) fn stream<'a, E>(
    mut bytes: &'a [u8],
    mut read_body: impl FnMut(&mut &'a [u8]) -> Result<Option<Vec<u8>>, E>,
) {
    let mut left = bytes.len();
    while let Ok(Some(found)) = read_body(&mut bytes) {
        assert!(found.len() <= MAX_FRAME_BYTES, "a frame of {} bytes is over the limit", found.len());
        assert_eq!(bytes.len() + HEADER_BYTES + found.len(), left, "a frame took other bytes than its own");
        left = bytes.len();
        body(&found);
    }
}

/// The first bytes of a frame: never more is announced than a frame may have.
pub(crate) fn header(bytes: &[u8]) {
    let Some(first) = bytes.first_chunk::<HEADER_BYTES>() else { return };
    match FrameHeader::parse(*first) {
        Ok(header) => assert!(header.body_bytes <= MAX_FRAME_BYTES),
        Err(error) => assert!(matches!(error, FrameError::TooLarge { .. }), "{error}"),
    }
}
