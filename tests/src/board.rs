//! A board with another processor than this machine: Debian for 64-bit Arm in a folder, its programs run by QEMU.
//!
//! The board is a process in name spaces of its own, where the kernel is told to run Arm's programs by QEMU (binfmt_misc), so that
//! a shell of the board, what it starts and what that starts are all Arm's, and this machine stays as it is. That needs no
//! right but to make a user name space, and Linux 6.7 or later. Times on it mean nothing.

pub(crate) mod phone;
pub(crate) mod relay;
pub(crate) mod sshd;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::needs::{Missing, arm_system};
use crate::process;

/// The home of the board's user.
const HOME: &str = "/data";

const PATH: &str = "/usr/bin:/bin";

/// How the kernel knows a program of 64-bit Arm: the ELF header's class, byte order, type and machine. `F` opens QEMU at once, so
/// that it is found from within the board's own root.
const FORMAT: &str = r":edgefit:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:";

/// Makes the board in its name spaces, and keeps it until its input ends, at the latest with the tests: `$1` is Debian's files, `$2` the board's root, `$3` the format, `$4` the room of its disk.
const SET_UP: &str = r#"set -e
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' "$3" > /proc/sys/fs/binfmt_misc/register
for folder in bin lib usr etc; do mount --bind "$1/$folder" "$2/$folder"; done
for folder in dev proc sys; do mount --rbind "/$folder" "$2/$folder"; done
[ -z "$4" ] || mount -t tmpfs -o "size=$4" tmpfs "$2/data"
mkdir -p "$2/data/local/tmp"
exec chroot "$2" /bin/sh -c "echo up; exec cat > /dev/null"
"#;

/// A board that is switched on; off when it is dropped.
pub(crate) struct Board {
    keeper: Child,
    root: tempfile::TempDir,
}

impl Board {
    /// A board whose disk is this machine's.
    pub(crate) fn start() -> Result<Self, String> {
        Self::with_disk("")
    }

    /// A board with a disk of so many KiB.
    pub(crate) fn with_small_disk(size_kib: u64) -> Result<Self, String> {
        Self::with_disk(&format!("{size_kib}k"))
    }

    fn with_disk(size: &str) -> Result<Self, String> {
        let system = arm_system::root().map_err(|missing| missing.to_string())?;
        let root = root().map_err(|error| format!("a folder for a board: {error}"))?;
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--", "sh", "-c", SET_UP, "board"])
            .arg(system)
            .arg(root.path())
            .arg(format!("{FORMAT}{}:F", arm_system::QEMU))
            .arg(size)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        // A board that does not come up says why on its standard error.
        let _ = BufReader::new(keeper.stdout.take().ok_or("the output is piped")?).read_line(&mut line);
        match line.trim() {
            "up" => Ok(Self { keeper, root }),
            _ => {
                let _ = keeper.kill();
                let output = keeper.wait_with_output().map_err(|error| error.to_string())?;
                Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
            }
        }
    }

    /// A program of the board.
    pub(crate) fn command(&self, program: &str) -> Command {
        let [enter, arguments @ ..] = self.entry();
        let mut command = Command::new(enter);
        command.args(arguments).arg(program).env_clear().env("PATH", PATH).env("HOME", HOME);
        command
    }

    /// What a script prints that the board's shell runs.
    pub(crate) fn run(&self, script: &str) -> Result<String, String> {
        process::succeed(self.command("/bin/sh").args(["-c", script]))
    }

    /// A program of this machine at `path`, which is that of the board with its arguments. Of the environment, it is passed where ONNX
    /// Runtime's library is.
    pub(crate) fn program_here(&self, program: &str, path: &Path) -> Result<PathBuf, String> {
        let library = "${ORT_DYLIB_PATH:+ORT_DYLIB_PATH=$ORT_DYLIB_PATH}";
        let enter = self.entry().join(" ");
        write_program(path, &format!("exec env -i PATH={PATH} HOME={HOME} {library} {enter} {program} \"$@\""))
    }

    /// A program of this machine that runs the board's shell, as a login does: `$SSH_ORIGINAL_COMMAND` is the command, as in sshd's
    /// ForceCommand.
    pub(crate) fn login(&self, path: &Path) -> Result<PathBuf, String> {
        let enter = self.entry().join(" ");
        let command = r#""${SSH_ORIGINAL_COMMAND:-exec sh}""#;
        write_program(path, &format!("exec env -i PATH={PATH} HOME={HOME} {enter} /bin/sh -c {command}"))
    }

    /// Where a file of the board is on this machine, unless it is on a small disk.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file.trim_start_matches('/'))
    }

    /// The words that, put before a command, run it on the board.
    fn entry(&self) -> [String; 7] {
        let keeper = self.keeper.id().to_string();
        ["nsenter", "--user", "--mount", "--root", "--wd", "--target", &keeper].map(str::to_owned)
    }
}

impl Drop for Board {
    /// What ran on it loses its files with the folder, and ends with its connection.
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A script that can be run as a program.
fn write_program(path: &Path, line: &str) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{line}\n"))
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)))
        .map(|()| path.to_owned())
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// The folder in which the board's files are put together.
fn root() -> std::io::Result<tempfile::TempDir> {
    let root = tempfile::Builder::new().prefix("edgefit-board-").tempdir()?;
    for folder in ["bin", "lib", "usr", "etc", "dev", "proc", "sys", "tmp", "data"] {
        std::fs::create_dir(root.path().join(folder))?;
    }
    Ok(root)
}

/// A board comes up here.
pub(crate) fn provide() -> Result<(), Missing> {
    arm_system::root()?;
    Board::start().map(drop).map_err(|reason| {
        let kernel = "Linux 6.7 or later with binfmt_misc, and the right to make user name spaces";
        Missing::Absent(format!("a board that is emulated needs {kernel}: {reason}"))
    })
}
