//! How a host reaches the agent over TCP.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    time::Duration,
};

use edgefit_agent::stream;
use edgefit_protocol::{error::ErrorKind, message::Request};

use super::host::{agent, greet_over};

/// An agent that listens on a free port of this machine.
struct Listening {
    agent: Child,
    address: String,
}

impl Listening {
    fn start(arguments: &[&str]) -> Self {
        let mut agent = super::host::agent()
            .args(["--tcp", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { agent, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn greet(&self, token: Option<&str>) -> (TcpStream, Option<ErrorKind>) {
        let stream = self.connect();
        let answer = greet_over(&stream, &stream, token);
        (stream, answer.err().map(|error| error.kind))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

#[test]
fn one_host_at_a_time() {
    let agent = Listening::start(&[]);
    let (mut first, refused) = agent.greet(None);
    assert_eq!(refused, None);
    assert_eq!(agent.greet(None).1, Some(ErrorKind::Busy));
    stream::write(&mut first, &Request::Shutdown).unwrap();
    for _ in 0..20 {
        let (next, refused) = agent.greet(None);
        assert_eq!(refused, None, "the host before has left");
        drop(next);
    }
}

#[test]
fn only_the_token_opens() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "open sesame").unwrap();
    let agent = Listening::start(&["--token-file", file.path().to_str().unwrap()]);
    let greet = |token| agent.greet(token).1;
    assert_eq!(greet(None), Some(ErrorKind::Unauthorized));
    assert_eq!(greet(Some("open")), Some(ErrorKind::Unauthorized));
    assert_eq!(greet(Some("open sesame")), None);
}

#[test]
fn the_network_needs_a_token() {
    let output = agent().args(["--tcp", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--token-file"));
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = agent().args(["--tcp", &address]).output().unwrap();
    assert!(!output.status.success());
}
