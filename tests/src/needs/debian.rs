//! Installs Debian packages, where that is allowed: as root, on a system with `apt-get`.

use std::process::Command;
use std::sync::Mutex;

use crate::process;

use super::Missing;

/// Installs `packages` unless `there` says that what they bring is there already.
pub(super) fn ensure(what: &str, packages: &[&str], there: bool) -> Result<(), Missing> {
    if there {
        return Ok(());
    }
    if !is_root() || process::succeed(Command::new("apt-get").arg("--version")).is_err() {
        return Err(Missing::Absent(format!("{what}; install it with: sudo apt-get install {}", packages.join(" "))));
    }
    eprintln!("installing {} with apt-get for {what}", packages.join(" "));
    install(packages).map_err(|error| Missing::Broken(format!("{what}: {error}")))
}

/// Whether this process may install packages and mount file systems.
pub(crate) fn is_root() -> bool {
    process::succeed(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// One at a time: apt refuses a second run while the first holds its lock.
fn install(packages: &[&str]) -> Result<(), String> {
    static APT: Mutex<()> = Mutex::new(());
    let _one_at_a_time = APT.lock().map_err(|_| "an earlier installation failed".to_owned())?;
    process::succeed(Command::new("apt-get").args(["update", "-qq"]))?;
    process::succeed(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(packages),
    )
    .map(drop)
}
