//! Messages over byte streams: the I/O around [`edgefit_protocol::frame`].
//!
//! Used by the agent, by its job processes, and by the host.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use edgefit_protocol::frame::{self, FrameError, FrameHeader, HEADER_BYTES};
use rustix::net::sockopt;
use serde::{Serialize, de::DeserializeOwned};

/// Why a message could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream broke, or ended within a frame.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// What came is not a message.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Reads one message; `None` when the stream ends before its first byte.
///
/// # Errors
///
/// [`StreamError::Io`] when the stream breaks or ends within a frame, [`StreamError::Frame`] when
/// a frame is over the limit, damaged, or not a message of type `T`.
pub fn read<T: DeserializeOwned>(reader: &mut impl Read) -> Result<Option<T>, StreamError> {
    match read_body(reader)? {
        Some(body) => Ok(Some(frame::decode_body(&body)?)),
        None => Ok(None),
    }
}

/// Reads the verified body of one frame; `None` when the stream ends before its first byte.
///
/// # Errors
///
/// As [`read`], without the decoding.
pub fn read_body(reader: &mut impl Read) -> Result<Option<Vec<u8>>, StreamError> {
    let mut header = [0; HEADER_BYTES];
    if !read_first(reader, &mut header[..1])? {
        return Ok(None);
    }
    reader.read_exact(&mut header[1..])?;
    let header = FrameHeader::parse(header)?;
    let mut body = Vec::new();
    // Grows as bytes come in: a header alone does not make it allocate.
    reader.take(header.body_bytes as u64).read_to_end(&mut body)?;
    if body.len() < header.body_bytes {
        return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    header.verify(&body)?;
    Ok(Some(body))
}

/// Writes one message and flushes.
///
/// # Errors
///
/// [`StreamError::Frame`] when the message is over the limit, [`StreamError::Io`] when the stream
/// broke.
pub fn write<T: Serialize + ?Sized>(writer: &mut impl Write, message: &T) -> Result<(), StreamError> {
    writer.write_all(&frame::encode(message)?)?;
    writer.flush()?;
    Ok(())
}

/// Silence after which the other end of a socket is asked for a sign of life, the time between two such questions, and their number.
const SILENCE: Duration = Duration::from_secs(20);
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
const QUESTIONS: u32 = 4;

/// Has the system end a connection whose other end vanished without a word: one that lost its power, or its network. That takes 40 s.
///
/// # Errors
///
/// When the system refuses.
pub fn notice_silence(socket: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, SILENCE)?;
    sockopt::set_tcp_keepintvl(socket, BETWEEN_QUESTIONS)?;
    Ok(sockopt::set_tcp_keepcnt(socket, QUESTIONS)?)
}

/// Fills a one-byte buffer; `false` at the end of the stream.
fn read_first(reader: &mut impl Read, byte: &mut [u8]) -> io::Result<bool> {
    loop {
        match reader.read(byte) {
            Ok(count) => return Ok(count > 0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::message::Request;

    fn written(messages: &[Request]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            write(&mut bytes, message).unwrap();
        }
        bytes
    }

    #[test]
    fn messages_come_in_order_and_then_none() {
        let bytes = written(&[Request::Cancel, Request::Shutdown]);
        let mut reader = bytes.as_slice();
        assert_eq!(read(&mut reader).unwrap(), Some(Request::Cancel));
        assert_eq!(read(&mut reader).unwrap(), Some(Request::Shutdown));
        assert_eq!(read::<Request>(&mut reader).unwrap(), None);
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_broken() {
        let bytes = written(&[Request::Shutdown]);
        for end in 1..bytes.len() {
            let error = read::<Request>(&mut &bytes[..end]).unwrap_err();
            assert!(matches!(error, StreamError::Io(_)), "{end}: {error}");
        }
    }
}
