//! Serving over TCP: loopback only unless a token is set, one host at a time.

use std::{
    io::{self, Read},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use edgefit_protocol::error::{ErrorKind, JobError};

use super::{Options, greeting, serve_greeted};

/// Longest silence of a host that has not greeted yet, and of one that does not take answers.
const PATIENCE: Duration = Duration::from_secs(10);

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
    loop {
        let (stream, _) = listener.accept()?;
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
    let _ = stream.set_read_timeout(Some(SHORT_PATIENCE));
    let _ = stream.set_write_timeout(Some(SHORT_PATIENCE));
    let _ = stream.read(&mut [0; 4096]);
    let _ = greeting::refuse(&mut stream, busy);
    let _ = stream.shutdown(Shutdown::Write);
}

fn serve_stream(stream: TcpStream, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    greeting::greet(&mut &stream, &mut &stream, options)?;
    stream.set_read_timeout(None)?;
    let reader = stream.try_clone()?;
    let served = serve_greeted(reader, &stream, options);
    // Wakes the thread that still reads.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(served?)
}
