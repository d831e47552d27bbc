//! What can go wrong with a device.

use std::{io, time::Duration};

use edgefit_agent::stream::StreamError;
use edgefit_protocol::{
    error::{ErrorKind, JobError},
    frame::FrameError,
    handshake::HandshakeError,
};

use super::transport::{TransportError, Trouble};

/// Why a device did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The agent could not be started or reached.
    #[error("device {device} cannot be reached: {cause}")]
    Unreachable {
        /// How the device is named in its URL.
        device: String,
        /// What went wrong on the way.
        cause: TransportError,
    },
    /// Something answers, but not an agent of this version.
    #[error(
        "device {device}: {cause}\nto fix it: let both be of one version; agents for devices are built anew by `edgefit agent build`"
    )]
    Handshake {
        /// How the device is named in its URL.
        device: String,
        /// What does not fit.
        cause: HandshakeError,
    },
    /// The agent does not want to talk.
    #[error("device {device} refuses: {cause}")]
    Refused {
        /// How the device is named in its URL.
        device: String,
        /// Why.
        cause: JobError,
    },
    /// No connection lasted until the answer, as often as it was tried.
    #[error("device {device} was lost during a job, and {attempts} tries in a row came to nothing: {cause}")]
    Lost {
        /// How the device is named in its URL.
        device: String,
        /// Number of tries.
        attempts: u32,
        /// How the last one ended.
        cause: ConnectionError,
    },
    /// The job failed on the device, which is ready for the next one.
    #[error("device {device}: {cause}")]
    Job {
        /// How the device is named in its URL.
        device: String,
        /// What happened there.
        cause: JobError,
    },
}

impl DeviceError {
    /// What went wrong before there was an answer, if it did.
    pub(super) fn on_the_way(&self) -> Option<&TransportError> {
        match self {
            Self::Unreachable { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// Whether the device is lost, and not only a job on it.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }

    /// What to branch on, where the device itself told it.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Refused { cause, .. } | Self::Job { cause, .. } => Some(cause.kind),
            Self::Unreachable { .. } | Self::Handshake { .. } | Self::Lost { .. } => None,
        }
    }
}

impl From<DeviceError> for crate::error::Error {
    fn from(error: DeviceError) -> Self {
        use crate::error::ErrorKind as Exit;
        let kind = match error.kind() {
            None => Exit::Device,
            Some(kind) => exit_of(kind),
        };
        Self::new(kind, error)
    }
}

/// The exit code for a failure that the device told.
fn exit_of(kind: ErrorKind) -> crate::error::ErrorKind {
    use crate::error::ErrorKind as Exit;
    match kind {
        ErrorKind::Request | ErrorKind::DynamicShape | ErrorKind::WrongShape => Exit::Usage,
        ErrorKind::RuntimeMissing
        | ErrorKind::RuntimeTooOld
        | ErrorKind::RuntimeKnownBad
        | ErrorKind::ModelUnreadable
        | ErrorKind::Unsupported
        | ErrorKind::RunFailed
        | ErrorKind::Crashed
        | ErrorKind::OutOfMemory
        | ErrorKind::Timeout => Exit::Runtime,
        ErrorKind::Version
        | ErrorKind::Unauthorized
        | ErrorKind::Busy
        | ErrorKind::MissingBlob
        | ErrorKind::CorruptBlob
        | ErrorKind::Storage
        | ErrorKind::Device => Exit::Device,
        ErrorKind::Canceled => Exit::Interrupted,
        ErrorKind::Internal => Exit::Internal,
    }
}

/// How a connection ended before its answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The other side is gone.
    #[error("the agent closed the connection")]
    Closed,
    /// The other side is gone, and the transport knows why.
    #[error(transparent)]
    Ended(TransportError),
    /// There is no connection.
    #[error("no connection: {0}")]
    Unreachable(TransportError),
    /// The other side takes nothing any more.
    #[error("the agent took nothing for {} s", .0.as_secs())]
    Stuck(Duration),
    /// Nothing came in the time that the job may take.
    #[error("the agent was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The stream broke, or what came is not the protocol.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// What came is not the answer to what was asked.
    #[error("the agent answered something else than it was asked for")]
    OutOfTurn,
}

impl ConnectionError {
    /// What kind of trouble it is. Where the transport does not know why a connection ended, the agent counts as the reason.
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Ended(cause) | Self::Unreachable(cause) => cause.trouble,
            Self::Stream(StreamError::Io(error)) if Trouble::of(error.kind()) == Trouble::Cut => Trouble::Cut,
            Self::Closed | Self::Stuck(_) | Self::Silent(_) | Self::Stream(_) | Self::OutOfTurn => Trouble::Ended,
        }
    }
}

impl From<FrameError> for ConnectionError {
    fn from(error: FrameError) -> Self {
        Self::Stream(error.into())
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Stream(error.into())
    }
}
