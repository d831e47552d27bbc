//! A cable between a host and a device: bytes go through it both ways, are counted, and it can be cut.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A listening port of loopback that leads to another one.
pub(crate) struct Relay {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    open: Mutex<Vec<TcpStream>>,
    connections: AtomicU64,
    sent_bytes: AtomicU64,
}

impl Relay {
    /// A cable to a port of loopback.
    pub(crate) fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let own = listener.local_addr()?.port();
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        // It ends with this program.
        thread::spawn(move || listener.incoming().flatten().for_each(|host| serving.serve(host, port)));
        Ok(Self { port: own, state })
    }

    /// The port on the host's side.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection that is open, and says how many there were.
    pub(crate) fn cut(&self) -> usize {
        let mut open = self.state.open.lock().expect("nobody panics over it");
        // One that ended meanwhile is as good as cut.
        let cut = open.drain(..).filter(|stream| stream.shutdown(Shutdown::Both).is_ok());
        cut.count() / 2
    }

    /// Connections until now.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Bytes from the host to the device until now.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.state.sent_bytes.load(Ordering::Relaxed)
    }
}

impl State {
    fn serve(self: &Arc<Self>, host: TcpStream, port: u16) {
        // A device that is not there closes the connection of its host.
        let _ = self.connect(host, SocketAddr::from(([127, 0, 0, 1], port)));
    }

    fn connect(self: &Arc<Self>, host: TcpStream, address: SocketAddr) -> io::Result<()> {
        let device = TcpStream::connect(address)?;
        host.set_nodelay(true)?;
        device.set_nodelay(true)?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        let both = [host.try_clone()?, device.try_clone()?];
        self.open.lock().expect("nobody panics over it").extend(both);
        let (from_host, to_device) = (host.try_clone()?, device.try_clone()?);
        let counting = Arc::clone(self);
        thread::spawn(move || {
            pass(from_host, to_device, &|bytes| _ = counting.sent_bytes.fetch_add(bytes, Ordering::Relaxed))
        });
        thread::spawn(move || pass(device, host, &|_| ()));
        Ok(())
    }
}

/// Passes bytes on until either side ends.
fn pass(mut from: TcpStream, mut to: TcpStream, count: &dyn Fn(u64)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        count(bytes as u64);
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    // The other side learns of the end; one that is gone knows it.
    let _ = to.shutdown(Shutdown::Write);
}
