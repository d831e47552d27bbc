//! `edgefit-agent` for 64-bit Arm Linux, built by Debian's own cross tool chain: a Rust of its own beside that of rustup, which has no
//! such target without a download.
//!
//! The agent is kept in the cache folder under a name of its sources, so that the tool chain is needed only when they changed, and
//! so is the folder in which cargo builds, so that the libraries are built once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::{process, repository};

use super::{Missing, cache, debian};

/// The agent's target.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";

/// How cargo builds it: `[profile.emulated]` of the workspace.
const PROFILE: &str = "emulated";

const LINKER: &str = "aarch64-linux-gnu-gcc";

const PACKAGES: [&str; 6] = [
    "rustc-web",
    "cargo-web",
    "libstd-rust-web-dev:arm64",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "libstdc++6:arm64",
];

/// What the agent is made of.
const SOURCES: [&str; 2] = ["device-agent/src", "device-agent/protocol/src"];
const MANIFESTS: [&str; 4] =
    ["Cargo.toml", "Cargo.lock", "device-agent/Cargo.toml", "device-agent/protocol/Cargo.toml"];

/// The agent's program.
pub(crate) fn agent() -> Result<&'static Path, Missing> {
    static AGENT: LazyLock<Result<PathBuf, Missing>> = LazyLock::new(provide);
    AGENT.as_deref().map_err(Missing::clone)
}

fn provide() -> Result<PathBuf, Missing> {
    let key = key().map_err(Missing::Broken)?;
    let name = format!("agent-{TARGET}-{key:016x}");
    if !cache::holds(&name).map_err(Missing::Broken)? {
        debian::ensure_foreign("the agent for 64-bit Arm", "arm64", &PACKAGES, has_tool_chain())?;
    }
    let entry = cache::entry(&name, build).map_err(Missing::Broken)?;
    Ok(entry.join("edgefit-agent"))
}

/// Tells sources from other sources.
fn key() -> Result<u64, String> {
    let mut hasher = DefaultHasher::new();
    for manifest in MANIFESTS {
        repository::read(manifest)?.hash(&mut hasher);
    }
    for folder in SOURCES {
        hash_folder(&repository::root().join(folder), &mut hasher).map_err(|error| format!("{folder}: {error}"))?;
    }
    Ok(hasher.finish())
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> std::io::Result<()> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        path.file_name().hash(hasher);
        match path.is_dir() {
            true => hash_folder(&path, hasher)?,
            false => std::fs::read(&path)?.hash(hasher),
        }
    }
    Ok(())
}

fn has_tool_chain() -> bool {
    let works = |program: &str, argument: &str| process::succeed(Command::new(program).arg(argument)).is_ok();
    let libraries = Path::new("/usr/lib/rustlib").join(TARGET).join("lib");
    works("/usr/bin/rustc", "--version")
        && works("/usr/bin/cargo", "--version")
        && works(LINKER, "--version")
        && libraries.is_dir()
}

fn build(entry: &Path) -> Result<(), String> {
    let target = cache::folder_for("cross")?;
    eprintln!("building edgefit-agent for {TARGET}; the first time, this takes some minutes");
    process::succeed(&mut cargo(&target))?;
    let built = target.join(TARGET).join(PROFILE).join("edgefit-agent");
    std::fs::copy(&built, entry.join("edgefit-agent"))
        .map(drop)
        .map_err(|error| format!("{}: {error}", built.display()))
}

/// Debian's cargo, which sees nothing of the one that runs the tests.
fn cargo(target: &Path) -> Command {
    let mut cargo = Command::new("/usr/bin/cargo");
    for name in
        ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO"]
    {
        cargo.env_remove(name);
    }
    cargo
        .current_dir(repository::root())
        .args(["build", "--quiet", "--locked", "--package=edgefit-agent", "--bin=edgefit-agent"])
        .args(["--profile", PROFILE, "--target", TARGET, "--target-dir"])
        .arg(target)
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env("CC_aarch64_unknown_linux_gnu", LINKER);
    cargo
}
