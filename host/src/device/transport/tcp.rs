//! `tcp`: an agent that somebody started with `--tcp`, on the other end of a socket.

use std::{
    io,
    net::{Shutdown, TcpStream, ToSocketAddrs},
    time::Duration,
};

use edgefit_agent::stream::notice_silence;

use super::{Guard, Link, Transport, TransportError};

/// Longest time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// The transport.
#[derive(Debug)]
pub struct Tcp {
    address: String,
}

impl Tcp {
    /// To `HOST:PORT`.
    pub fn new(address: String) -> Self {
        Self { address }
    }

    fn open(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()?.take(MAX_ADDRESSES) {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Transport for Tcp {
    fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    fn connect(&mut self) -> Result<Link, TransportError> {
        let stream = self.open().map_err(|error| {
            let fix = "start the agent there: edgefit-agent --tcp ADDRESS:PORT --token-file FILE";
            TransportError { fix: Some(fix.to_owned()), ..error.into() }
        })?;
        stream.set_nodelay(true)?;
        notice_silence(&stream)?;
        let (reader, writer) = (stream.try_clone()?, stream.try_clone()?);
        Ok(Link { reader: Box::new(reader), writer: Box::new(writer), guard: Box::new(Socket(stream)) })
    }
}

/// Shut down with its link, so that the agent and the thread that reads notice it.
struct Socket(TcpStream);

impl Guard for Socket {}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that the other side has closed already is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
