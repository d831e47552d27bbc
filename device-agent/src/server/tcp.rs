//! Serving over TCP: loopback only unless a token is set, one host at a time.

use std::{
    io::{self, Read},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use edgefit_protocol::error::{ErrorKind, JobError};

use super::{Options, greeting, serve_greeted};
use crate::stream::notice_silence;

/// Longest time for the greeting of a host, and for one that does not take answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most failures in a row to take a host, and the pause after each: a host that is gone already, or too many open files, are no reason
/// to end.
const MAX_FAILURES: u32 = 60;
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// The same for a host that is turned away, while nobody else is let in, and how long it is kept waiting before.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// Why an agent does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Anyone on the network could use the device.
    #[error("{0} can be reached from other machines: set a token with --token-file, or listen on 127.0.0.1")]
    NeedsToken(IpAddr),
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens the port.
///
/// # Errors
///
/// [`ListenError`].
pub fn listen(address: SocketAddr, options: &Options) -> Result<TcpListener, ListenError> {
    if !address.ip().is_loopback() && options.token.is_none() {
        return Err(ListenError::NeedsToken(address.ip()));
    }
    Ok(TcpListener::bind(address)?)
}

/// Serves host after host until the listener fails.
///
/// # Errors
///
/// When the listener fails; a host that fails is written to the standard error.
pub fn serve_all(listener: TcpListener, options: &Options) -> io::Result<()> {
    let seat = Arc::new(Seat::default());
    let (sender, receiver) = sync_channel(1);
    let accepting = {
        let seat = Arc::clone(&seat);
        thread::spawn(move || accept(&listener, &seat, &sender))
    };
    for stream in receiver {
        if let Err(error) = serve_stream(stream, options) {
            eprintln!("edgefit-agent: {error}");
        }
        seat.leave();
    }
    accepting.join().unwrap_or_else(|_| Err(io::Error::other("the listener panicked")))
}

fn accept(listener: &TcpListener, seat: &Seat, hosts: &SyncSender<TcpStream>) -> io::Result<()> {
    let mut failures = 0;
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if failures >= MAX_FAILURES => return Err(error),
            Err(error) => {
                eprintln!("edgefit-agent: a host cannot be taken: {error}");
                failures += 1;
                thread::sleep(FAILURE_PAUSE);
                continue;
            }
        };
        failures = 0;
        if !seat.take() {
            turn_away(&stream);
        } else if hosts.send(stream).is_err() {
            return Ok(());
        }
    }
}

/// The place of the one host that the agent serves.
#[derive(Default)]
struct Seat {
    is_taken: Mutex<bool>,
    left: Condvar,
}

impl Seat {
    /// Takes it if it is free, or gets free soon: the host before may have left already, and its last job be about to end.
    fn take(&self) -> bool {
        let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(is_taken, SHORT_PATIENCE, |is_taken| *is_taken);
        let (mut is_taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut *is_taken, true)
    }

    fn leave(&self) {
        *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.left.notify_one();
    }
}

/// Tells another host that it has to wait. Whether it hears that is its own business. Its greeting is read first: closing
/// over unread bytes would take the answer back.
fn turn_away(mut stream: &TcpStream) {
    let busy = JobError::new(ErrorKind::Busy, "the agent is serving another host");
    let _ = stream.set_write_timeout(Some(SHORT_PATIENCE));
    let _ = ReadUntil { stream, end: Instant::now() + SHORT_PATIENCE }.read(&mut [0; 4096]);
    let _ = greeting::refuse(&mut stream, busy);
    let _ = stream.shutdown(Shutdown::Write);
}

fn serve_stream(stream: TcpStream, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    notice_silence(&stream)?;
    let mut reader = ReadUntil { stream: &stream, end: Instant::now() + PATIENCE };
    greeting::greet(&mut reader, &mut &stream, options)?;
    stream.set_read_timeout(None)?;
    let reader = stream.try_clone()?;
    let served = serve_greeted(reader, &stream, options);
    // Wakes the thread that still reads.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(served?)
}

/// Reads until a moment, however slowly the bytes come.
struct ReadUntil<'a> {
    stream: &'a TcpStream,
    end: Instant,
}

impl Read for ReadUntil<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the greeting took too long"));
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_host_that_sends_a_byte_now_and_then_is_not_listened_to_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut host = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let trickle = thread::spawn(move || {
            while host.write_all(b"e").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        let mut reader = ReadUntil { stream: &stream, end: Instant::now() + Duration::from_millis(200) };
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error}");
        drop(stream);
        trickle.join().unwrap();
    }
}
