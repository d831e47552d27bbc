//! The system of a small 64-bit Arm board: Debian's shell, tools and C and C++ libraries, and QEMU to run them on another machine.
//!
//! The packages are unpacked into the cache folder and not installed: this machine stays as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::process;

use super::{Missing, cache, debian};

/// The emulator, which needs nothing else to run.
pub(crate) const QEMU: &str = "/usr/bin/qemu-aarch64-static";

/// What is on the board.
const PACKAGES: [&str; 13] = [
    "libc6",
    "libc-bin",
    "libgcc-s1",
    "libstdc++6",
    "dash",
    "coreutils",
    "grep",
    "libacl1",
    "libattr1",
    "libgmp10",
    "libselinux1",
    "libpcre2-8-0",
    "sed",
];

/// Parts of the packages that no test looks at.
const LEFT_OUT: [&str; 4] = ["usr/share", "usr/lib/aarch64-linux-gnu/gconv", "var", "sbin"];

/// The folder that is the root of the board's files. Nobody writes into it.
pub(crate) fn root() -> Result<&'static Path, Missing> {
    static ROOT: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(provide);
    ROOT.as_deref().map_err(Missing::clone)
}

fn provide() -> Result<PathBuf, Missing> {
    let what = "a 64-bit Arm board, emulated";
    debian::ensure(what, &["qemu-user-static"], Path::new(QEMU).exists())?;
    let name = format!("arm-system-{}", PACKAGES.len());
    if !cache::holds(&name).map_err(Missing::Broken)? {
        debian::ensure_foreign(what, "arm64", &[], false)?;
    }
    cache::entry(&name, unpack).map_err(Missing::Broken)
}

fn unpack(root: &Path) -> Result<(), String> {
    let packages = tempfile::tempdir().map_err(|error| format!("a folder for packages: {error}"))?;
    debian::download(&PACKAGES.map(|name| format!("{name}:arm64")), packages.path())?;
    let files = std::fs::read_dir(packages.path()).map_err(|error| error.to_string())?;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "deb")) {
        process::succeed(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(root))?;
    }
    for folder in LEFT_OUT {
        // A package that leaves it out itself is as good.
        let _ = std::fs::remove_dir_all(root.join(folder));
    }
    std::fs::write(root.join("etc/os-release"), "PRETTY_NAME=\"Debian, emulated\"\n").map_err(|error| error.to_string())
}
