//! The agent's command line, the same for `edgefit-agent` and for `edgefit agent`.
//!
//! Parsed by hand: there are four words, and the agent is to be small.

use std::{
    ffi::OsString,
    fmt, fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use edgefit_protocol::limits::MAX_TOKEN_BYTES;

use crate::{
    VERSION,
    server::{self, Options, lock, tcp},
    worker::{child, process::Program},
};

/// The hidden word that starts a job's process.
pub const JOB: &str = "job";

const USAGE: &str = "\
Runs ONNX models on this device and measures them for edgefit.

Usage: edgefit-agent --stdio
       edgefit-agent --tcp ADDRESS:PORT [--token-file FILE]

Options:
  --stdio             Serve one host over standard input and output
  --tcp ADDRESS:PORT  Serve one host at a time over TCP
  --token-file FILE   Serve only hosts that show the token in this file
  --store FOLDER      Keep models in this folder between connections; over --stdio, for one agent at a time
  --session NAME.N    Take the place of the agent that connection M < N of the same host left behind in the folder, and its answer
  --emulator COMMAND  Say that COMMAND runs this program, whose times so mean nothing, and run jobs by it, too
  -h, --help          Print help
  -V, --version       Print version
";

/// What the command line means.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Help,
    Version,
    Job,
    Stdio(Common),
    Tcp(SocketAddr, Common),
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Common {
    token_file: Option<PathBuf>,
    store: Option<PathBuf>,
    session: Option<String>,
    emulator: Option<String>,
}

/// Runs the agent with these arguments, the program's own name not among them. `prefix` is what
/// this program needs before [`JOB`]: nothing, or the name of a subcommand.
pub fn run(arguments: impl IntoIterator<Item = OsString>, prefix: &[&str]) -> ExitCode {
    match parse(arguments) {
        Ok(command) => obey(command, prefix),
        Err(message) => {
            eprintln!("error: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter();
    let mut common = Common::default();
    let mut stdio = false;
    let mut address = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing".to_owned());
        match argument.to_str() {
            Some(JOB) => return Ok(Command::Job),
            Some("-h" | "--help") => return Ok(Command::Help),
            Some("-V" | "--version") => return Ok(Command::Version),
            Some("--stdio") => stdio = true,
            Some("--tcp") => address = Some(parse_address(&value()?)?),
            Some("--token-file") => common.token_file = Some(value()?.into()),
            Some("--store") => common.store = Some(value()?.into()),
            Some("--session") => common.session = Some(text(value()?)?),
            Some("--emulator") => common.emulator = Some(text(value()?)?),
            _ => return Err(format!("unexpected argument {}", argument.display())),
        }
    }
    match (stdio, address) {
        (true, None) => Ok(Command::Stdio(common)),
        (false, Some(address)) => Ok(Command::Tcp(address, common)),
        _ => Err("give one of --stdio and --tcp".to_owned()),
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is no text", value.display()))
}

fn parse_address(value: &OsString) -> Result<SocketAddr, String> {
    value.to_str().and_then(|value| value.parse().ok()).ok_or_else(|| format!("{} is no ADDRESS:PORT", value.display()))
}

fn obey(command: Command, prefix: &[&str]) -> ExitCode {
    let result = match command {
        Command::Job => return child::run(),
        Command::Help => print(USAGE),
        Command::Version => print(&format!("edgefit-agent {VERSION}\n")),
        Command::Stdio(common) => serve_stdio(common, prefix),
        Command::Tcp(address, common) => serve_tcp(address, common, prefix),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edgefit-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn print(text: &str) -> Outcome {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn serve_stdio(common: Common, prefix: &[&str]) -> Outcome {
    let session = common.session.clone();
    let mut options = options(common, prefix)?;
    let lock = options.store.as_deref().map(|store| lock::take(store, session.as_deref())).transpose();
    match lock {
        Ok(lock) => {
            options.lock = lock.map(Arc::new);
            Ok(server::serve(io::stdin(), io::stdout(), &options)?)
        }
        Err(reason) => Ok(server::turn_away(io::stdin(), io::stdout(), reason)?),
    }
}

/// The first line on standard output tells the address, for a port chosen by the system.
fn serve_tcp(address: SocketAddr, common: Common, prefix: &[&str]) -> Outcome {
    let options = options(common, prefix)?;
    let listener = tcp::listen(address, &options)?;
    print(&format!("listening on {}\n", listener.local_addr()?))?;
    Ok(tcp::serve_all(listener, &options)?)
}

fn options(common: Common, prefix: &[&str]) -> Result<Options, Box<dyn std::error::Error>> {
    let token = common.token_file.as_deref().map(read_token).transpose()?;
    let program = Program::this(&[prefix, &[JOB]].concat(), common.emulator)?;
    Ok(Options { program, token, store: common.store, lock: None })
}

/// The token in a file, without the space around it.
fn read_token(path: &Path) -> Result<String, String> {
    let wrong = |what: &dyn fmt::Display| format!("token file {}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    match text.trim() {
        "" => Err(wrong(&"it is empty")),
        token if token.len() > MAX_TOKEN_BYTES => Err(wrong(&format!("more than {MAX_TOKEN_BYTES} bytes"))),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn exactly_one_way_to_serve() {
        assert_eq!(parsed("--stdio"), Ok(Command::Stdio(Common::default())));
        let address = "127.0.0.1:7000".parse().unwrap();
        let common = Common { token_file: Some("t".into()), ..Common::default() };
        assert_eq!(parsed("--tcp 127.0.0.1:7000 --token-file t"), Ok(Command::Tcp(address, common)));
        assert_eq!(parsed("job"), Ok(Command::Job));
        for wrong in ["", "--stdio --tcp 127.0.0.1:1", "--tcp", "--tcp host", "--nonsense"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(read_token(&path).unwrap_err().contains("token: "), "it is not there");
        for wrong in ["\n", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            fs::write(&path, wrong).unwrap();
            assert!(read_token(&path).unwrap_err().starts_with("token file"), "{}", wrong.len());
        }
        fs::write(&path, " secret\n").unwrap();
        assert_eq!(read_token(&path).as_deref(), Ok("secret"));
    }
}
