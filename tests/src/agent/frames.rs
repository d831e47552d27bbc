//! Ten thousand random and damaged frames to one agent: no hang, no crash, and every answer is one of the protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use edgefit_agent::stream;
use edgefit_protocol::error::ErrorKind;
use edgefit_protocol::frame::{self, FrameHeader, HEADER_BYTES};
use edgefit_protocol::handshake::{Hello, HelloReply};
use edgefit_protocol::job::{Inputs, Job, Pass, Settings};
use edgefit_protocol::message::{Reply, Request};
use edgefit_protocol::runtime::RuntimeName;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::Outcome;
use crate::needs::program;

#[path = "../../../device-agent/protocol/fuzz/fuzz_targets/entry.rs"]
mod entry;

const FRAMES: usize = 10_000;

/// Longest silence of the agent; a frame takes it less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time of all frames together.
const LIMIT: Duration = Duration::from_secs(60);

/// An agent that serves host after host.
struct Agent {
    process: Child,
    address: String,
}

impl Agent {
    fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let mut process = Command::new(program::edgefit().map_err(|missing| missing.to_string())?)
            .args(["agent", "--tcp", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("the output is piped")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").ok_or("the agent does not say where it listens")?;
        Ok(Self { process, address: address.to_owned() })
    }

    /// A connection that was greeted.
    fn host(&self) -> Result<TcpStream, Box<dyn std::error::Error>> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut host = TcpStream::connect(&self.address)?;
            host.set_read_timeout(Some(PATIENCE))?;
            host.set_nodelay(true)?;
            stream::write(&mut host, &Hello::new("test", None))?;
            match stream::read::<HelloReply>(&mut host) {
                Ok(Some(HelloReply { answer: Ok(_), .. })) => return Ok(host),
                Ok(Some(HelloReply { answer: Err(error), .. })) if error.kind != ErrorKind::Busy => {
                    return Err(error.into());
                }
                // It still takes leave of the host before.
                Ok(_) | Err(_) => {}
            }
        }
        Err(format!("the agent greets nobody for {PATIENCE:?}").into())
    }

    /// Sends bytes and reads all answers, each of which has to be one of the protocol.
    fn answers(&self, bytes: &[u8]) -> Result<Vec<Reply>, Box<dyn std::error::Error>> {
        let mut host = self.host()?;
        // The agent may have enough of it before all is written.
        let _ = host.write_all(bytes);
        let _ = host.shutdown(Shutdown::Write);
        let mut said = Vec::new();
        match host.read_to_end(&mut said) {
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return Err(format!("the agent was silent for {PATIENCE:?}").into());
            }
            // A reset, since the agent did not read all.
            _ => {}
        }
        let (mut rest, mut replies) = (said.as_slice(), Vec::new());
        while let Ok(Some(reply)) = stream::read::<Reply>(&mut rest) {
            replies.push(reply);
        }
        Ok(replies)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The frames, then a request that is right.
pub(crate) fn damaged_frames_do_no_harm() -> Outcome {
    let mut agent = Agent::start().map_err(|error| error.to_string())?;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let whole = requests()?;
    let begun = Instant::now();
    for round in 0..FRAMES {
        let bytes = damaged(&whole, &mut rng);
        entry::header(&bytes);
        entry::body(bytes.get(HEADER_BYTES..).unwrap_or_default());
        entry::stream(&bytes, stream::read_body);
        let replies = agent.answers(&bytes).map_err(|error| format!("frame {round}: {error}"))?;
        assert!(replies.len() <= 1, "frame {round} has {} answers", replies.len());
        assert!(begun.elapsed() < LIMIT, "{round} frames took more than {LIMIT:?}");
    }
    assert!(agent.process.try_wait()?.is_none(), "the agent ended");
    // The connection stays open: the agent ends the work for a host that is gone.
    let mut host = agent.host().map_err(|error| error.to_string())?;
    stream::write(&mut host, &Request::Probe { runtime: RuntimeName::Tract, library: None })?;
    let reply = stream::read::<Reply>(&mut host)?;
    assert!(matches!(reply, Some(Reply::Runtime(_))), "{reply:?}");
    Ok(())
}

/// Frames of requests that start no process: that is what models are for.
fn requests() -> Result<Vec<Vec<u8>>, frame::FrameError> {
    let job = Job {
        model: [1; 32],
        runtime: RuntimeName::Tract,
        settings: Settings::default(),
        shapes: Vec::new(),
        inputs: Inputs::Seeded { seed: 1 },
        pass: Pass::Memory,
        timeout_ns: 1_000_000_000,
        step_timeout_ns: 1_000_000_000,
        memory_limit_bytes: None,
    };
    let put = Request::PutBlob { sha256: [1; 32], total_bytes: 8, offset: 0, chunk: vec![1, 2, 3] };
    let requests =
        [Request::HasBlob { sha256: [1; 32] }, put, Request::Run { ticket: 0, job: Box::new(job) }, Request::Cancel];
    requests.iter().map(frame::encode).collect()
}

/// Half of them have a right header in front of a random or damaged body, so that the damage reaches the decoder; the others are
/// random, cut, or have any byte changed.
fn damaged(whole: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = match rng.random_range(0..4) {
        0 => (0..rng.random_range(0..200)).map(|_| rng.random_range(0..=255)).collect(),
        _ => whole[rng.random_range(0..whole.len())].clone(),
    };
    for _ in 0..rng.random_range(0..3) {
        if let Some(last) = bytes.len().checked_sub(1) {
            bytes[rng.random_range(0..=last)] = rng.random_range(0..=255);
        }
    }
    if rng.random_range(0..4) == 0 {
        bytes.truncate(rng.random_range(0..=bytes.len()));
    }
    if rng.random_range(0..2) == 0 && bytes.len() >= HEADER_BYTES {
        let header = FrameHeader::of(&bytes[HEADER_BYTES..]).to_bytes();
        bytes[..HEADER_BYTES].copy_from_slice(&header);
    }
    bytes
}
