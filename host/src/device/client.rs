//! One connection to an agent: greets, uploads, asks, waits for answers.

use std::{
    io::{self, Read, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use edgefit_agent::stream::{self, StreamError};
use edgefit_protocol::{
    environment::DeviceState,
    error::JobError,
    frame,
    handshake::{HandshakeError, Hello, HelloReply, Welcome, peek_version},
    job::Job,
    limits,
    message::{Reply, Request, Sha256},
    report::JobReport,
    runtime::{RuntimeDescription, RuntimeName},
};

use super::{
    error::ConnectionError,
    transport::{Guard, Link},
};

/// Replies that wait at most; the agent waits beyond them.
const QUEUE_LENGTH: usize = 16;

/// Longest wait for an answer that takes the agent no work.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a job may take over its own timeout until its answer is here.
const GRACE: Duration = Duration::from_secs(15);

/// Where a blob is on the device, as its agent says.
pub(super) type BlobPath = Option<String>;

type Body = Result<Vec<u8>, StreamError>;

/// A connection. The order of the fields is that of their end: an agent that sees its input closed ends by itself.
pub(super) struct Client {
    writer: Writer,
    bodies: Receiver<Body>,
    guard: Box<dyn Guard>,
}

/// Writes in a thread of its own, so that a transport that takes nothing any more does not hold up its user.
struct Writer {
    frames: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
}

/// How a greeting can end.
pub(super) enum GreetError {
    Connection(ConnectionError),
    Handshake(HandshakeError),
    Refused(JobError),
}

/// An answer, or the connection's end.
pub(super) type Answer<T> = Result<Result<T, JobError>, ConnectionError>;

impl Client {
    pub(super) fn new(link: Link) -> Self {
        let (sender, bodies) = sync_channel(QUEUE_LENGTH);
        let reader = link.reader;
        thread::spawn(move || read_bodies(reader, &sender));
        Self { writer: Writer::new(link.writer), bodies, guard: link.guard }
    }

    /// What is known about how the connection ended, in place of the bare fact.
    pub(super) fn explain(&mut self, cause: ConnectionError) -> ConnectionError {
        match cause {
            ConnectionError::Closed | ConnectionError::Stream(StreamError::Io(_)) => {
                self.guard.last_words().map_or(cause, ConnectionError::Ended)
            }
            cause => cause,
        }
    }

    /// Says hello.
    pub(super) fn greet(&mut self, token: Option<String>) -> Result<Welcome, GreetError> {
        let body = self.say_hello(token).map_err(GreetError::Connection)?;
        peek_version(&body).map_err(GreetError::Handshake)?;
        let reply: HelloReply = frame::decode_body(&body).map_err(|error| GreetError::Handshake(error.into()))?;
        reply.answer.map_err(GreetError::Refused)
    }

    fn say_hello(&mut self, token: Option<String>) -> Result<Vec<u8>, ConnectionError> {
        let hello = Hello::new(env!("CARGO_PKG_VERSION"), token);
        self.writer.write(frame::encode(&hello)?)?;
        self.next_body(PATIENCE)
    }

    /// Makes sure that a blob is on the device.
    pub(super) fn upload(&mut self, sha256: &Sha256, bytes: &[u8]) -> Answer<BlobPath> {
        self.send(&Request::HasBlob { sha256: *sha256 })?;
        if let Reply::Blob { complete: true, path, .. } = self.next(PATIENCE)? {
            return Ok(Ok(path));
        }
        let mut offset = 0;
        let mut place = None;
        for chunk in chunks(bytes) {
            let piece =
                Request::PutBlob { sha256: *sha256, total_bytes: bytes.len() as u64, offset, chunk: chunk.to_vec() };
            self.send(&piece)?;
            match self.next(PATIENCE)? {
                Reply::Blob { path, .. } => {
                    offset += chunk.len() as u64;
                    place = path;
                }
                Reply::Failed(error) => return Ok(Err(error)),
                _ => return Err(ConnectionError::OutOfTurn),
            }
        }
        Ok(Ok(place))
    }

    /// Asks how the device is.
    pub(super) fn state(&mut self) -> Answer<DeviceState> {
        self.send(&Request::State)?;
        match self.next(PATIENCE)? {
            Reply::State(state) => Ok(Ok(*state)),
            Reply::Failed(error) => Ok(Err(error)),
            _ => Err(ConnectionError::OutOfTurn),
        }
    }

    /// Asks whether a runtime is usable.
    pub(super) fn probe(&mut self, runtime: RuntimeName, library: Option<String>) -> Answer<RuntimeDescription> {
        self.send(&Request::Probe { runtime, library })?;
        match self.next(PATIENCE)? {
            Reply::Runtime(description) => Ok(Ok(description)),
            Reply::Failed(error) => Ok(Err(error)),
            _ => Err(ConnectionError::OutOfTurn),
        }
    }

    /// Has a job run; what it says on the way goes to `hear`.
    pub(super) fn run(&mut self, job: &Job, hear: &mut dyn FnMut(Reply)) -> Answer<Box<JobReport>> {
        let patience = Duration::from_nanos(job.timeout_ns) + GRACE;
        self.send(&Request::Run(Box::new(job.clone())))?;
        loop {
            match self.next(patience)? {
                Reply::Done(report) => return Ok(Ok(report)),
                Reply::Failed(error) => return Ok(Err(error)),
                said @ (Reply::Progress(_) | Reply::Output { .. }) => hear(said),
                Reply::Blob { .. } | Reply::State(_) | Reply::Runtime(_) => return Err(ConnectionError::OutOfTurn),
            }
        }
    }

    fn send(&mut self, request: &Request) -> Result<(), ConnectionError> {
        self.writer.write(frame::encode(request)?)
    }

    fn next(&mut self, patience: Duration) -> Result<Reply, ConnectionError> {
        Ok(frame::decode_body(&self.next_body(patience)?)?)
    }

    fn next_body(&mut self, patience: Duration) -> Result<Vec<u8>, ConnectionError> {
        match self.bodies.recv_timeout(patience) {
            Ok(body) => Ok(body?),
            Err(RecvTimeoutError::Timeout) => Err(ConnectionError::Silent(patience)),
            Err(RecvTimeoutError::Disconnected) => Err(ConnectionError::Closed),
        }
    }
}

impl Writer {
    fn new(mut stream: Box<dyn Write + Send>) -> Self {
        let (frames, queue) = sync_channel::<Vec<u8>>(1);
        let (sender, written) = sync_channel(1);
        thread::spawn(move || {
            for frame in queue {
                if sender.send(stream.write_all(&frame).and_then(|()| stream.flush())).is_err() {
                    return;
                }
            }
        });
        Self { frames, written }
    }

    fn write(&mut self, frame: Vec<u8>) -> Result<(), ConnectionError> {
        self.frames.send(frame).map_err(|_| ConnectionError::Closed)?;
        match self.written.recv_timeout(PATIENCE) {
            Ok(written) => Ok(written?),
            Err(RecvTimeoutError::Timeout) => Err(ConnectionError::Stuck(PATIENCE)),
            Err(RecvTimeoutError::Disconnected) => Err(ConnectionError::Closed),
        }
    }
}

/// The pieces of a blob; an empty blob is one empty piece.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    empty.into_iter().chain(bytes.chunks(limits::MAX_CHUNK_BYTES))
}

/// Ends with the stream, or with the client.
fn read_bodies(mut reader: impl Read, bodies: &SyncSender<Body>) {
    while let Some(body) = stream::read_body(&mut reader).transpose() {
        let broken = body.is_err();
        if bodies.send(body).is_err() || broken {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_chunk() {
        for length in [0, 1, limits::MAX_CHUNK_BYTES, limits::MAX_CHUNK_BYTES + 1] {
            let bytes = vec![0; length];
            assert!(chunks(&bytes).count() >= 1);
            assert_eq!(chunks(&bytes).map(<[u8]>::len).sum::<usize>(), length);
        }
    }
}
