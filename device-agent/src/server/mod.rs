//! The agent's side of a connection: greets the host, keeps its blobs, and runs one job at a time.

mod connection;
mod greeting;
mod inbox;
mod kept;
pub mod lock;
mod store;
pub mod tcp;

use std::{
    io::{Read, Write},
    path::PathBuf,
    sync::Arc,
};

use edgefit_protocol::{error::JobError, handshake::HandshakeError};

use crate::{stream::StreamError, worker::process::Program};
use lock::Lock;

/// How an agent serves.
#[derive(Debug, Clone)]
pub struct Options {
    /// What a job's process is.
    pub program: Program,
    /// The token that a host has to show, if any.
    pub token: Option<String>,
    /// Where blobs are kept between connections; without it they are gone with the connection.
    pub store: Option<PathBuf>,
    /// The lock of a session, whose host comes back when its connection was cut: a job under way is then ended well, and its answer kept.
    pub lock: Option<Arc<Lock>>,
}

/// Why an agent stopped serving before its host said so.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connection broke, or what came over it was not the protocol.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The host is another program, or another version.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The host showed no token, or a wrong one.
    #[error("the token is missing or wrong: name what the agent's --token-file holds, tcp://HOST:PORT?token=TOKEN")]
    Unauthorized,
    /// The host asked for something while a job was running.
    #[error("the host sent another request before the last one was answered")]
    OutOfTurn,
    /// There is no place for blobs.
    #[error("there is no place for models: {0}")]
    Store(std::io::Error),
}

/// Serves one host over a pair of byte streams until it says goodbye or is gone.
///
/// Jobs end with the thread that calls this, so that it should be the main thread.
///
/// # Errors
///
/// [`ServeError`]; a job that fails is no error.
pub fn serve(
    mut reader: impl Read + Send + 'static,
    mut writer: impl Write,
    options: &Options,
) -> Result<(), ServeError> {
    greeting::greet(&mut reader, &mut writer, options)?;
    serve_greeted(reader, writer, options)
}

/// Tells a host why it is not served.
///
/// # Errors
///
/// When the host does not greet, or does not listen.
pub fn turn_away(mut reader: impl Read, mut writer: impl Write, reason: JobError) -> Result<(), ServeError> {
    greeting::turn_away(&mut reader, &mut writer, reason)
}

fn serve_greeted(reader: impl Read + Send + 'static, writer: impl Write, options: &Options) -> Result<(), ServeError> {
    let store = store::Store::open(options.store.as_deref()).map_err(ServeError::Store)?;
    connection::Connection::new(reader, writer, store, options).run()
}
