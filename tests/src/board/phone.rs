//! A stand-in for the daemon of a phone (adbd), which Debian does not have: the device's end of adb's own protocol over TCP, with the
//! shell service, in front of a board. The other end, adb and its server, are Android's real ones.
//!
//! Messages and streams are as in Android's system/adb/protocol.txt and shell_protocol.h. It asks for no key and knows the service
//! `shell,v2,raw:` only; what else is asked for is closed.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::needs::{Missing, debian};
use crate::process;

use super::Board;

const CONNECT: u32 = u32::from_le_bytes(*b"CNXN");
const OPEN: u32 = u32::from_le_bytes(*b"OPEN");
const OKAY: u32 = u32::from_le_bytes(*b"OKAY");
const WRITE: u32 = u32::from_le_bytes(*b"WRTE");
const CLOSE: u32 = u32::from_le_bytes(*b"CLSE");

/// The version from which on sums are not checked.
const VERSION: u32 = 0x0100_0001;

/// Largest body of a message.
const MAX_BODY: usize = 64 * 1024;

/// What the daemon says about its device.
const BANNER: &[u8] =
    b"device::ro.product.name=stand_in;ro.product.model=Stand_in;ro.product.device=stand_in;features=shell_v2,cmd";

/// Kinds of packets inside a shell's stream.
mod packet {
    pub(super) const INPUT: u8 = 0;
    pub(super) const OUTPUT: u8 = 1;
    pub(super) const ERRORS: u8 = 2;
    pub(super) const EXIT: u8 = 3;
    pub(super) const END_OF_INPUT: u8 = 4;
    pub(super) const HEADER_BYTES: usize = 5;
}

/// A phone that listens on a port of loopback.
pub(crate) struct Phone {
    pub(crate) port: u16,
}

impl Phone {
    /// Starts the daemon. It ends with this program.
    pub(crate) fn around(board: Arc<Board>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for host in listener.incoming().flatten() {
                let board = Arc::clone(&board);
                // A host that is cut off is at its end.
                thread::spawn(move || _ = serve(host, &board));
            }
        });
        Ok(Self { port })
    }
}

/// One message.
struct Message {
    command: u32,
    first: u32,
    second: u32,
    body: Vec<u8>,
}

impl Message {
    fn read(mut host: &TcpStream) -> io::Result<Self> {
        let mut header = [0; 24];
        host.read_exact(&mut header)?;
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = word(12) as usize;
        if word(20) != !word(0) || length > MAX_BODY {
            return Err(io::Error::other("no message of adb"));
        }
        let mut body = vec![0; length];
        host.read_exact(&mut body)?;
        Ok(Self { command: word(0), first: word(4), second: word(8), body })
    }
}

/// To the host, one message at a time.
#[derive(Clone)]
struct Host(Arc<Mutex<TcpStream>>);

impl Host {
    fn send(&self, command: u32, first: u32, second: u32, body: &[u8]) -> io::Result<()> {
        let sum = body.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        let words = [command, first, second, body.len() as u32, sum, !command];
        let mut message: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        message.extend_from_slice(body);
        self.0.lock().map_err(|_| io::Error::other("another stream panicked"))?.write_all(&message)
    }
}

/// A shell that runs, as the connection sees it.
struct Shell {
    input: Sender<Vec<u8>>,
    credit: Arc<Credit>,
}

fn serve(stream: TcpStream, board: &Board) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let host = Host(Arc::new(Mutex::new(stream.try_clone()?)));
    let mut shells: HashMap<u32, Shell> = HashMap::new();
    let mut next = 1;
    loop {
        let message = Message::read(&stream)?;
        match message.command {
            CONNECT => host.send(CONNECT, VERSION, MAX_BODY as u32, BANNER)?,
            OPEN => {
                let theirs = message.first;
                let Some(script) = script_in(&message.body) else {
                    host.send(CLOSE, 0, theirs, b"")?;
                    continue;
                };
                host.send(OKAY, next, theirs, b"")?;
                shells.insert(next, Shell::start(board, &script, &host, Ends { ours: next, theirs })?);
                next += 1;
            }
            OKAY => _ = shells.get(&message.second).map(|shell| shell.credit.give()),
            // A shell that has ended takes nothing any more.
            WRITE => _ = shells.get(&message.second).map(|shell| shell.input.send(message.body)),
            CLOSE => _ = shells.remove(&message.second),
            _ => {}
        }
    }
}

/// The script of a raw shell's service, such as `shell,v2,TERM=xterm,raw:SCRIPT`.
fn script_in(service: &[u8]) -> Option<String> {
    let text = String::from_utf8(service.to_vec()).ok()?;
    let (service, script) = text.trim_end_matches('\0').split_once(':')?;
    let words: Vec<&str> = service.split(',').collect();
    (words.first() == Some(&"shell") && words.contains(&"v2") && words.contains(&"raw")).then(|| script.to_owned())
}

/// A stream's numbers on both sides.
#[derive(Clone, Copy)]
struct Ends {
    ours: u32,
    theirs: u32,
}

/// A stream may send its next message when the last one was taken.
#[derive(Default)]
struct Credit {
    state: Mutex<Option<bool>>,
    changed: Condvar,
}

impl Credit {
    fn give(&self) {
        self.set(Some(true));
    }

    fn end(&self) {
        self.set(None);
    }

    fn set(&self, state: Option<bool>) {
        *self.state.lock().expect("nobody panics over it") = state;
        self.changed.notify_all();
    }

    /// Waits for it; `false` when there will be none.
    fn take(&self) -> bool {
        let state = self.state.lock().expect("nobody panics over it");
        let mut state = self.changed.wait_while(state, |state| *state == Some(false)).expect("nobody panics over it");
        let there = state.is_some();
        *state = state.map(|_| false);
        there
    }
}

impl Shell {
    fn start(board: &Board, script: &str, host: &Host, ends: Ends) -> io::Result<Self> {
        let mut command = board.command("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let credit = Arc::new(Credit::default());
        credit.give();
        let (input, taken) = channel();
        let writer = host.clone();
        thread::spawn(move || stdin.map(|stdin| take_input(&taken, stdin, &writer, ends)));
        let output = Output { host: host.clone(), ends, credit: Arc::clone(&credit) };
        thread::spawn(move || {
            thread::scope(|scope| {
                scope.spawn(|| stdout.map(|stdout| output.pass(packet::OUTPUT, stdout)));
                scope.spawn(|| stderr.map(|stderr| output.pass(packet::ERRORS, stderr)));
            });
            let code =
                child.wait().map_or(255, |status| status.code().or(status.signal().map(|n| 128 + n)).unwrap_or(255));
            output.packet(packet::EXIT, &[code as u8]);
            // A host that is gone needs no leave.
            _ = output.host.send(CLOSE, ends.ours, ends.theirs, b"");
        });
        Ok(Self { input, credit })
    }
}

impl Drop for Shell {
    /// Nobody listens any more: what runs loses its streams, its input with the field.
    fn drop(&mut self) {
        self.credit.end();
    }
}

/// Gives a shell what comes for it, and takes the next message only when that was read.
fn take_input(messages: &Receiver<Vec<u8>>, stdin: ChildStdin, host: &Host, ends: Ends) {
    let (mut waiting, mut stdin) = (Vec::new(), Some(stdin));
    while let Ok(body) = messages.recv() {
        waiting.extend_from_slice(&body);
        while let Some((kind, content)) = next_packet(&mut waiting) {
            match kind {
                // A shell that reads no more is told so by its own writes.
                packet::INPUT => _ = stdin.as_mut().map(|stdin| stdin.write_all(&content).and_then(|()| stdin.flush())),
                packet::END_OF_INPUT => stdin = None,
                _ => {}
            }
        }
        if host.send(OKAY, ends.ours, ends.theirs, b"").is_err() {
            return;
        }
    }
}

/// The first packet, if it is whole.
fn next_packet(waiting: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let [kind, a, b, c, d] = *waiting.first_chunk::<{ packet::HEADER_BYTES }>()?;
    let end = packet::HEADER_BYTES + u32::from_le_bytes([a, b, c, d]) as usize;
    let content = waiting.get(packet::HEADER_BYTES..end)?.to_vec();
    waiting.drain(..end);
    Some((kind, content))
}

/// From a shell to the host.
struct Output {
    host: Host,
    ends: Ends,
    credit: Arc<Credit>,
}

impl Output {
    fn pass(&self, kind: u8, mut from: impl Read) {
        let mut buffer = vec![0; MAX_BODY / 2];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if !self.packet(kind, &buffer[..count]) {
                return;
            }
        }
    }

    /// Whether it was sent.
    fn packet(&self, kind: u8, content: &[u8]) -> bool {
        let mut body = vec![kind];
        body.extend((content.len() as u32).to_le_bytes());
        body.extend_from_slice(content);
        self.credit.take() && self.host.send(WRITE, self.ends.ours, self.ends.theirs, &body).is_ok()
    }
}

/// Debian's package of adb.
pub(crate) fn provide() -> Result<(), Missing> {
    let there = process::succeed(Command::new("adb").arg("version")).is_ok();
    debian::ensure("adb", &["adb"], there)
}
