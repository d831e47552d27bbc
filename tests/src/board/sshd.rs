//! A board in a network: OpenSSH's own server in front of it, one more as a jump host, and the configuration of a user who reaches
//! the board directly or by the jump host. Where speed matters and the processor does not, this machine takes the board's place.
//!
//! Both servers listen on loopback only, with a configuration and keys that are made for one test.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::needs::{Missing, debian};
use crate::process;

use super::{Board, relay::Relay, write_program};

const SSHD: &str = "/usr/sbin/sshd";

/// Longest time for a server to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The board, its servers and its user.
pub(crate) struct Network {
    /// None where this machine is the device.
    board: Option<Board>,
    /// Between the user and the board, when it is reached directly.
    pub(crate) cable: Relay,
    jump: Server,
    _gate: Server,
    folder: tempfile::TempDir,
}

/// A server.
struct Server {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Network {
    /// Puts a board into a network.
    pub(crate) fn around(board: Board) -> Result<Self, String> {
        let network = Self::before(|path| board.login(path))?;
        Ok(Self { board: Some(board), ..network })
    }

    /// Puts this machine into a network, with a folder as the home of its account.
    pub(crate) fn around_this_machine(home: &Path) -> Result<Self, String> {
        let command = r#""${SSH_ORIGINAL_COMMAND:-exec sh}""#;
        let shell = format!("exec env -i PATH=/usr/bin:/bin HOME={} /bin/sh -c {command}", home.display());
        Self::before(|path| write_program(path, &shell))
    }

    /// Servers before a device, whose shell `login` makes.
    fn before(login: impl FnOnce(&Path) -> Result<PathBuf, String>) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("edgefit-ssh-").tempdir().map_err(|error| error.to_string())?;
        let path = folder.path();
        for key in ["host_key", "key"] {
            let file = path.join(key);
            process::succeed(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file))?;
        }
        let login = login(&path.join("login"))?;
        let gate = Server::start(path, "gate", &format!("ForceCommand {}\n", login.display()))?;
        let jump = Server::start(path, "jump", "ForceCommand /bin/false\n")?;
        let cable = Relay::to(gate.port).map_err(|error| error.to_string())?;
        user(path, &[("board", cable.port(), ""), ("far", gate.port, "ProxyJump jump\n"), ("jump", jump.port, "")])?;
        Ok(Self { board: None, cable, jump, _gate: gate, folder })
    }

    /// The board.
    pub(crate) fn board(&self) -> &Board {
        self.board.as_ref().expect("the test has put one into the network")
    }

    /// The folder in which the user's ssh is, which knows the hosts `board`, and `far` behind the jump host.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    /// How often somebody was let in by the jump host.
    pub(crate) fn jumps(&self) -> usize {
        let log = fs::read_to_string(&self.jump.log).unwrap_or_default();
        log.matches("Accepted publickey").count()
    }
}

impl Server {
    fn start(folder: &Path, name: &str, more: &str) -> Result<Self, String> {
        let port = free_port()?;
        let at = folder.display();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/key.pub\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nMaxStartups 100\n{more}"
        );
        let (file, log) = (folder.join(format!("{name}.config")), folder.join(format!("{name}.log")));
        fs::write(&file, config).map_err(|error| error.to_string())?;
        let errors = File::create(&log).map_err(|error| error.to_string())?;
        let mut command = Command::new(SSHD);
        command.args(["-D", "-e", "-f"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let process = command.spawn().map_err(|error| format!("{SSHD}: {error}"))?;
        let server = Self { process, port, log };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> Result<(), String> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("sshd does not listen: {}", fs::read_to_string(&self.log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    /// Its connections end by themselves, with their users.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16, String> {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| error.to_string())
}

/// The user's configuration and known hosts, and an `ssh` that reads them: OpenSSH's own looks in the account's home, whatever HOME is.
fn user(folder: &Path, hosts: &[(&str, u16, &str)]) -> Result<(), String> {
    let key = fs::read_to_string(folder.join("host_key.pub")).map_err(|error| error.to_string())?;
    let account = process::succeed(Command::new("id").arg("-un"))?;
    let (mut config, mut known) = (String::new(), String::new());
    for (alias, port, more) in hosts {
        let _ = write!(config, "Host {alias}\nHostName 127.0.0.1\nPort {port}\n{more}");
        let _ = write!(known, "[127.0.0.1]:{port} {key}");
    }
    let at = folder.display();
    let _ = write!(
        config,
        "Host *\nUser {}\nIdentityFile {at}/key\nIdentitiesOnly yes\nUserKnownHostsFile {at}/known_hosts\nStrictHostKeyChecking yes\n",
        account.trim()
    );
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"));
    write("config", &config)?;
    write("known_hosts", &known)?;
    fs::create_dir(folder.join("programs")).map_err(|error| error.to_string())?;
    write_program(&folder.join("programs/ssh"), &format!("exec /usr/bin/ssh -F {at}/config \"$@\"")).map(drop)
}

/// Debian's packages of OpenSSH.
pub(crate) fn provide() -> Result<(), Missing> {
    let there = Path::new(SSHD).exists() && Path::new("/usr/bin/ssh").exists();
    debian::ensure("sshd", &["openssh-server", "openssh-client"], there)?;
    // Where sshd run by root locks itself in before anybody has logged in; a package's service makes it.
    if debian::is_root() {
        fs::create_dir_all("/run/sshd").map_err(|error| Missing::Broken(format!("/run/sshd: {error}")))?;
    }
    Ok(())
}
