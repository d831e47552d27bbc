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
    report::{JobReport, Phase},
    runtime::{RuntimeDescription, RuntimeName},
};

use super::{
    error::ConnectionError,
    transport::{Guard, Link},
};

/// Replies that wait at most; the agent waits beyond them.
const QUEUE_LENGTH: usize = 16;

/// Bytes of a blob that are sent at a time: as much as a cut may cost, and enough that waiting for each answer costs little.
const PIECE_BYTES: usize = 128 * 1024;

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
    reached: Reached,
    guard: Box<dyn Guard>,
}

/// How far a question got on the device, whether it was answered or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reached {
    /// Bytes that are stored there, of all that the question needs.
    stored_bytes: u64,
    /// The phase of its job.
    phase: Option<Phase>,
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
        Self { writer: Writer::new(link.writer), bodies, reached: Reached::default(), guard: link.guard }
    }

    /// Begins another question.
    pub(super) fn begin(&mut self) {
        self.reached = Reached::default();
    }

    /// How far the question got.
    pub(super) fn reached(&self) -> Reached {
        self.reached
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

    /// Makes sure that a blob is on the device. What an earlier connection brought of it is not sent again, unless it is damaged.
    pub(super) fn upload(&mut self, sha256: &Sha256, bytes: &[u8]) -> Answer<BlobPath> {
        self.send(&Request::HasBlob { sha256: *sha256 })?;
        let stored_bytes = match self.next(PATIENCE)? {
            Reply::Blob { complete: true, path, stored_bytes } => {
                self.reached.stored_bytes += stored_bytes;
                return Ok(Ok(path));
            }
            Reply::Blob { stored_bytes, .. } => usize::try_from(stored_bytes).unwrap_or(usize::MAX),
            _ => return Err(ConnectionError::OutOfTurn),
        };
        // One that has all its bytes and no name was cut before its hash was checked.
        let begin = if stored_bytes < bytes.len() { stored_bytes } else { 0 };
        match self.put(sha256, bytes, begin)? {
            Err(_) if begin > 0 => self.put(sha256, bytes, 0),
            put => Ok(put),
        }
    }

    /// Sends a blob from an offset on.
    fn put(&mut self, sha256: &Sha256, bytes: &[u8], begin: usize) -> Answer<BlobPath> {
        let (total_bytes, before) = (bytes.len() as u64, self.reached.stored_bytes);
        let mut place = None;
        for (offset, chunk) in pieces(bytes, begin) {
            self.send(&Request::PutBlob { sha256: *sha256, total_bytes, offset, chunk: chunk.to_vec() })?;
            match self.next(PATIENCE)? {
                Reply::Blob { path, .. } => {
                    self.reached.stored_bytes = before + offset + chunk.len() as u64;
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

    /// Has a job run, or hears what an earlier connection did not of the job under this number; what it says on the way goes to `hear`.
    pub(super) fn run(&mut self, ticket: u64, job: &Job, hear: &mut dyn FnMut(Reply)) -> Answer<Box<JobReport>> {
        let patience = Duration::from_nanos(job.timeout_ns) + GRACE;
        self.send(&Request::Run { ticket, job: Box::new(job.clone()) })?;
        loop {
            match self.next(patience)? {
                Reply::Done(report) => return Ok(Ok(report)),
                Reply::Failed(error) => return Ok(Err(error)),
                said @ (Reply::Progress(_) | Reply::Output { .. }) => {
                    if let Reply::Progress(phase) = said {
                        self.reached.phase = self.reached.phase.max(Some(phase));
                    }
                    hear(said);
                }
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

const _: () = assert!(PIECE_BYTES <= limits::MAX_CHUNK_BYTES);

/// The pieces of a blob from an offset on, with their offsets; an empty blob is one empty piece.
fn pieces(bytes: &[u8], begin: usize) -> impl Iterator<Item = (u64, &[u8])> {
    let empty = bytes.is_empty().then_some(bytes);
    let offsets = (begin..).step_by(PIECE_BYTES).map(|offset| offset as u64);
    offsets.zip(empty.into_iter().chain(bytes[begin..].chunks(PIECE_BYTES)))
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
    fn every_byte_is_in_one_piece() {
        for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            for begin in [0, length / 2] {
                assert!(pieces(&bytes, begin).count() >= 1);
                let mut whole = bytes[..begin].to_vec();
                for (offset, piece) in pieces(&bytes, begin) {
                    assert_eq!(offset, whole.len() as u64);
                    whole.extend_from_slice(piece);
                }
                assert!(whole == bytes, "{length} bytes from {begin}");
            }
        }
    }
}
