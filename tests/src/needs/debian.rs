//! Installs Debian packages, where that is allowed: as root, on a system with `apt-get`.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use crate::process;

use super::Missing;

/// Installs `packages` unless `there` says that what they bring is there already.
pub(crate) fn ensure(what: &str, packages: &[&str], there: bool) -> Result<(), Missing> {
    if there {
        return Ok(());
    }
    if !may_install() {
        return Err(Missing::Absent(format!("{what}; install it with: sudo apt-get install {}", packages.join(" "))));
    }
    eprintln!("installing {} with apt-get for {what}", packages.join(" "));
    install(packages).map_err(|error| Missing::Broken(format!("{what}: {error}")))
}

/// As [`ensure`], with packages of another architecture among them, which apt is told of; with no package, just that.
pub(super) fn ensure_foreign(what: &str, architecture: &str, packages: &[&str], there: bool) -> Result<(), Missing> {
    if there {
        return Ok(());
    }
    if !may_install() || !is_debian() {
        let packages = packages.join(" ");
        let commands = format!("dpkg --add-architecture {architecture}; apt-get update; apt-get install {packages}");
        return Err(Missing::Absent(format!("{what}; as root on Debian: {commands}")));
    }
    let broken = |error| Missing::Broken(format!("{what}: {error}"));
    let known = process::succeed(Command::new("dpkg").arg("--print-foreign-architectures")).map_err(broken)?;
    if !known.lines().any(|line| line == architecture) {
        process::succeed(Command::new("dpkg").args(["--add-architecture", architecture])).map_err(broken)?;
    }
    match packages {
        [] => update().map_err(broken),
        _ => ensure(what, packages, false),
    }
}

/// Downloads packages into a folder and installs nothing.
pub(super) fn download(packages: &[String], folder: &Path) -> Result<(), String> {
    let _one_at_a_time = apt()?;
    process::succeed(Command::new("apt-get").args(["download", "-qq"]).args(packages).current_dir(folder)).map(drop)
}

/// Other systems keep other architectures elsewhere, or have no such packages.
fn is_debian() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=debian")
}

fn may_install() -> bool {
    is_root() && process::succeed(Command::new("apt-get").arg("--version")).is_ok()
}

/// Whether this process may install packages and mount file systems.
pub(crate) fn is_root() -> bool {
    process::succeed(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn install(packages: &[&str]) -> Result<(), String> {
    update()?;
    let _one_at_a_time = apt()?;
    process::succeed(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(packages),
    )
    .map(drop)
}

fn update() -> Result<(), String> {
    let _one_at_a_time = apt()?;
    process::succeed(Command::new("apt-get").args(["update", "-qq"])).map(drop)
}

/// One at a time: apt refuses a second run while the first holds its lock.
fn apt() -> Result<MutexGuard<'static, ()>, String> {
    static APT: Mutex<()> = Mutex::new(());
    APT.lock().map_err(|_| "an earlier installation failed".to_owned())
}
