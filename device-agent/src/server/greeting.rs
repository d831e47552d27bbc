//! The handshake: version, token, and what this device is.

use std::io::{Read, Write};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    frame,
    handshake::{HandshakeError, Hello, HelloReply, Welcome, peek_version},
    limits,
};
use subtle::ConstantTimeEq;

use super::{Options, ServeError};
use crate::{
    VERSION,
    device::description,
    stream::{self, StreamError},
};

/// Reads the host's greeting and answers it. A refusal is sent before it is returned.
pub(super) fn greet(reader: &mut impl Read, writer: &mut impl Write, options: &Options) -> Result<(), ServeError> {
    let result = read_hello(reader).and_then(|hello| check_token(hello.token.as_deref(), options.token.as_deref()));
    let answer = match &result {
        Ok(()) => Ok(Welcome {
            agent_version: VERSION.to_owned(),
            device: description::read(options.program.emulator.as_deref()),
        }),
        Err(error) => Err(refusal(error)),
    };
    stream::write(writer, &HelloReply::new(answer))?;
    result
}

/// Reads a greeting and answers it with an error.
pub(super) fn turn_away(reader: &mut impl Read, writer: &mut impl Write, error: JobError) -> Result<(), ServeError> {
    read_hello(reader)?;
    Ok(refuse(writer, error)?)
}

/// Answers a greeting with an error, whatever it says.
pub(super) fn refuse(writer: &mut impl Write, error: JobError) -> Result<(), StreamError> {
    stream::write(writer, &HelloReply::new(Err(error)))
}

fn read_hello(reader: &mut impl Read) -> Result<Hello, ServeError> {
    let body = stream::read_body(reader)?.ok_or(HandshakeError::NotEdgefit)?;
    peek_version(&body)?;
    Ok(frame::decode_body(&body).map_err(HandshakeError::Malformed)?)
}

/// Compares in a time that does not depend on how much of the token is right.
fn check_token(shown: Option<&str>, expected: Option<&str>) -> Result<(), ServeError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let shown = shown.filter(|token| token.len() <= limits::MAX_TOKEN_BYTES);
    let equal = shown.unwrap_or_default().as_bytes().ct_eq(expected.as_bytes());
    if bool::from(equal) && !expected.is_empty() {
        return Ok(());
    }
    Err(ServeError::Unauthorized)
}

fn refusal(error: &ServeError) -> JobError {
    let kind = match error {
        ServeError::Unauthorized => ErrorKind::Unauthorized,
        ServeError::Handshake(_) => ErrorKind::Version,
        _ => ErrorKind::Request,
    };
    JobError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::process::Program;
    use edgefit_protocol::{frame::HEADER_BYTES, handshake::MAGIC};

    fn answer_to(greeting: &impl serde::Serialize, token: Option<&str>) -> Result<Welcome, ErrorKind> {
        let request = frame::encode(greeting).unwrap();
        let mut answer = Vec::new();
        let program = Program { executable: "agent".into(), arguments: Vec::new(), emulator: None };
        let options = Options { program, token: token.map(str::to_owned), store: None, lock: None };
        let greeted = greet(&mut request.as_slice(), &mut answer, &options);
        let reply: HelloReply = frame::decode_body(&answer[HEADER_BYTES..]).unwrap();
        assert_eq!(greeted.is_ok(), reply.answer.is_ok());
        reply.answer.map_err(|error| error.kind)
    }

    #[test]
    fn a_host_of_this_version_is_welcome() {
        let welcome = answer_to(&Hello::new("0.1.0", None), None).unwrap();
        assert_eq!(welcome.agent_version, VERSION);
        assert!(!welcome.device.cores.is_empty());
    }

    #[test]
    fn another_version_is_told_so() {
        let error = answer_to(&(MAGIC, 77_u32, [0_u8; 9].as_slice()), None);
        assert_eq!(error, Err(ErrorKind::Version));
        assert_eq!(answer_to(&"GET / HTTP/1.1", None), Err(ErrorKind::Version));
    }

    #[test]
    fn only_the_whole_token_opens() {
        let shown = |token: Option<&str>| {
            let hello = Hello::new("0.1.0", token.map(str::to_owned));
            answer_to(&hello, Some("secret")).map(|_| ())
        };
        assert_eq!(shown(Some("secret")), Ok(()));
        let too_long = "secret".repeat(100);
        for wrong in [None, Some(""), Some("secre"), Some("secret2"), Some(&*too_long)] {
            assert_eq!(shown(wrong), Err(ErrorKind::Unauthorized), "{wrong:?}");
        }
    }
}
