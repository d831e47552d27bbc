//! The programs that are compared: edgefit's agent, a bare loop on tract, and ONNX Runtime's own loop in Python.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use edgefit::device::{Device, LocalOptions, MeasureRequest};
use edgefit_agent::stream;
use edgefit_protocol::handshake::{Hello, HelloReply};
use edgefit_protocol::job::Plan;
use edgefit_protocol::runtime::RuntimeName;

use super::Outcome;

/// A program that measures a median.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Edgefit(RuntimeName),
    Bare(RuntimeName),
    Python,
}

impl Tool {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Edgefit(_) => "edgefit",
            Self::Bare(_) => "bare loop",
            Self::Python => "Python's loop",
        }
    }
}

/// What the agent itself takes.
pub(crate) struct AgentCost {
    pub(crate) size_bytes: u64,
    pub(crate) idle_kib: u64,
    pub(crate) first_answer: Duration,
}

/// All programs.
pub(crate) struct Tools {
    device: Device,
    agent: PathBuf,
    bare: PathBuf,
    /// Python and ONNX Runtime's library of its package.
    python: Option<(String, String)>,
}

impl Tools {
    /// The programs beside this one, which cargo has put into `TARGET/release/deps`.
    pub(crate) fn new(python: Option<&str>) -> Outcome<Self> {
        let this = std::env::current_exe()?;
        let release = this.ancestors().nth(2).ok_or("this program is not in cargo's target folder")?;
        let (agent, bare) = (release.join("edgefit-agent"), release.join("examples/bare"));
        for program in [&agent, &bare] {
            if !program.is_file() {
                let how = "cargo build --release -p edgefit -p edgefit-agent --bins --examples";
                return Err(format!("{} is not there; build it with: {how}", program.display()).into());
            }
        }
        let options = LocalOptions {
            executable: Some(agent.clone()),
            arguments: vec!["--stdio".into()],
            ..LocalOptions::default()
        };
        let python = python.map(|python| Ok::<_, Box<dyn std::error::Error>>((python.to_owned(), library(python)?)));
        Ok(Self { device: Device::local(&options)?, agent, bare, python: python.transpose()? })
    }

    pub(crate) fn describe(&self) -> String {
        match &self.python {
            Some((_, library)) => format!("ONNX Runtime is {library}"),
            None => "without --python, tract only".to_owned(),
        }
    }

    /// Each runtime, edgefit on it, and what edgefit is compared with. Python's own time for a call, about 0.01 ms, is in its loop and
    /// in no bare loop.
    pub(crate) fn pairs(&self) -> Vec<(RuntimeName, Tool, Tool)> {
        let bare = |runtime| (runtime, Tool::Edgefit(runtime), Tool::Bare(runtime));
        let python = (RuntimeName::Ort, Tool::Edgefit(RuntimeName::Ort), Tool::Python);
        let with_python = [bare(RuntimeName::Ort), python].into_iter().filter(|_| self.python.is_some());
        std::iter::once(bare(RuntimeName::Tract)).chain(with_python).collect()
    }

    /// The bare program's command.
    fn bare(&self, runtime: RuntimeName, file: &Path, seconds: &str) -> Vec<OsString> {
        let library = self.python.iter().filter(|_| runtime == RuntimeName::Ort).map(|(_, library)| library.into());
        let words = [self.bare.as_os_str(), runtime.name().as_ref(), file.as_os_str(), seconds.as_ref()];
        words.map(OsString::from).into_iter().chain(library).collect()
    }

    /// The median of one fresh process.
    pub(crate) fn median_ms(&mut self, tool: Tool, model: &[u8], file: &Path, seconds: f64) -> Outcome<f64> {
        let seconds_text = seconds.to_string();
        match tool {
            Tool::Edgefit(runtime) => {
                let mut request = self.request(runtime);
                request.plan = Plan { min_runs: 5, min_ns: (seconds * 1e9) as u64, ..Plan::QUICK };
                Ok(self.device.measure(model, &request)?.median_ns() / 1e6)
            }
            Tool::Bare(runtime) => {
                let words = self.bare(runtime, file, &seconds_text);
                nanoseconds(Command::new(&words[0]).args(&words[1..]))
            }
            Tool::Python => {
                let (python, _) = self.python.as_ref().ok_or("there is no Python")?;
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/agreement/onnxruntime_loop.py");
                nanoseconds(Command::new(python).arg(script).arg(file).arg(seconds_text))
            }
        }
    }

    fn request(&self, runtime: RuntimeName) -> MeasureRequest {
        let mut request =
            MeasureRequest { processes: 1, per_operator: None, memory_processes: 0, ..MeasureRequest::quick(runtime) };
        request.run_on.settings.ort.library = self.python.as_ref().map(|(_, library)| library.clone());
        request
    }

    /// Peaks in KiB of so many processes each: the agent's for the job, and the bare program's, in turns.
    pub(crate) fn memory(
        &mut self,
        runtime: RuntimeName,
        model: &[u8],
        file: &Path,
        processes: usize,
    ) -> Outcome<[Vec<f64>; 2]> {
        let mut request = MeasureRequest { memory_processes: 1, ..self.request(runtime) };
        request.plan = Plan { warm_up_ns: 0, min_runs: 1, min_ns: 0, max_runs: 1, ..Plan::QUICK };
        let mut peaks = [Vec::new(), Vec::new()];
        for _ in 0..processes {
            let memory = self.device.measure(model, &request)?.memory;
            peaks[0].push(memory.and_then(|memory| memory.peak_kib()).ok_or("the agent read no peak")? as f64);
            peaks[1].push(self.bare_peak_kib(runtime, file)?);
        }
        Ok(peaks)
    }

    fn bare_peak_kib(&self, runtime: RuntimeName, file: &Path) -> Outcome<f64> {
        let mut time = Command::new("/usr/bin/time");
        time.arg("-v").args(self.bare(runtime, file, "0"));
        let output = time.output().map_err(|error| format!("/usr/bin/time (Debian's package time): {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().find_map(|line| line.trim().strip_prefix("Maximum resident set size (kbytes): "));
        Ok(line.ok_or(format!("/usr/bin/time tells no peak: {said}"))?.trim().parse()?)
    }

    /// The agent's own cost.
    pub(crate) fn agent(&self) -> Outcome<AgentCost> {
        let mut first: Vec<Duration> = Vec::new();
        let mut idle_kib = 0;
        for _ in 0..20 {
            let (answered, kib) = self.greet()?;
            first.push(answered);
            idle_kib = kib;
        }
        first.sort_unstable();
        Ok(AgentCost {
            size_bytes: std::fs::metadata(&self.agent)?.len(),
            idle_kib,
            first_answer: first[first.len() / 2],
        })
    }

    /// Starts an agent and greets it: the time to its answer, and its resident memory then.
    fn greet(&self) -> Outcome<(Duration, u64)> {
        let started = Instant::now();
        let mut command = Command::new(&self.agent);
        let mut agent = command.arg("--stdio").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (mut input, mut output) = (agent.stdin.take(), agent.stdout.take());
        let (writer, reader) = input.as_mut().zip(output.as_mut()).ok_or("the streams are piped")?;
        greet_over(writer, reader)?;
        let answered = started.elapsed();
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("there is no VmRSS")?.parse()?;
        drop((input, output));
        agent.wait()?;
        Ok((answered, kib))
    }
}

fn greet_over(writer: &mut impl Write, reader: &mut impl Read) -> Outcome<()> {
    stream::write(writer, &Hello::new("benchmark", None))?;
    let reply: Option<HelloReply> = stream::read(reader)?;
    reply.ok_or("the agent closed the connection")?.answer?;
    Ok(())
}

fn nanoseconds(command: &mut Command) -> Outcome<f64> {
    Ok(text_of(command)?.parse::<f64>()? / 1e6)
}

fn library(python: &str) -> Outcome<String> {
    let code = "import glob, os, onnxruntime as o; print(glob.glob(os.path.join(os.path.dirname(o.__file__), 'capi', \
                'libonnxruntime.so.*'))[0])";
    text_of(Command::new(python).args(["-c", code]))
}

fn text_of(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
