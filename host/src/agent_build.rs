//! Building the agent for a device: cargo, driven with the cross tool that is there.
//!
//! The sources are those of a checkout of edgefit; what is built goes into edgefit's own folder, where devices get their agent from.

mod tool;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use tool::Tool;

use crate::device::agents;
use crate::error::{Error, ErrorKind, Result};

/// What is to be built, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// What the agent is to run on, as Rust names it.
    pub target: String,
    /// The checkout; one around the working folder, or the one that this program was built from, when `None`.
    pub source: Option<PathBuf>,
    /// The cargo that builds.
    pub cargo: PathBuf,
    /// The compiler that it uses; its own when `None`.
    pub rustc: Option<PathBuf>,
    /// The cross tool; the first that is there when `None`.
    pub tool: Option<Tool>,
    /// Cargo's profile.
    pub profile: String,
}

/// Builds the agent and returns its file.
///
/// # Errors
/// When there is no source, no tool, no library of the target, or the build fails; each says what to do.
pub fn build(plan: &BuildPlan, tell: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let source = source(plan)?;
    let tool = plan.tool.clone().or_else(|| Tool::find(&plan.target, &paths())).ok_or_else(|| no_tool(&plan.target))?;
    if tool.takes_installed_libraries() {
        check_libraries(plan, &source)?;
    }
    let folder = agents::folder().ok_or_else(|| usage("there is no folder for agents: set HOME or EDGEFIT_HOME"))?;
    let built =
        source_target(plan, &source)?.join(&plan.target).join(profile_folder(&plan.profile)).join("edgefit-agent");
    tell(&format!("building the agent for {} with {}", plan.target, tool.name()));
    let status = command(plan, &tool, &source).status().map_err(|error| not_started(&plan.cargo, &error))?;
    if !status.success() {
        return Err(usage(format!("cargo failed ({status}); what it said stands above")));
    }
    put(&built, &folder, &plan.target)
}

/// The build, as cargo runs it. What the program's own cargo set is not passed on.
fn command(plan: &BuildPlan, tool: &Tool, source: &Path) -> Command {
    let mut command = tool.command(&plan.cargo, &plan.target);
    isolate(plan, &mut command);
    command.current_dir(source).args([
        "--locked",
        "--package",
        "edgefit-agent",
        "--bin",
        "edgefit-agent",
        "--profile",
        &plan.profile,
    ]);
    if *tool != Tool::Ndk {
        // cargo-ndk names the target itself.
        command.args(["--target", &plan.target]);
    }
    command
}

fn isolate(plan: &BuildPlan, command: &mut Command) {
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    if let Some(rustc) = &plan.rustc {
        command.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC", rustc);
    }
}

fn put(built: &Path, folder: &Path, target: &str) -> Result<PathBuf> {
    let told = |path: &Path, error: io::Error| Error::new(ErrorKind::Storage, format!("{}: {error}", path.display()));
    let place = folder.join(agents::file_name(target));
    let part = place.with_extension("part");
    fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
    fs::copy(built, &part).map_err(|error| told(built, error))?;
    fs::rename(&part, &place).map_err(|error| told(&place, error))?;
    Ok(place)
}

/// The checkout: as named, around the working folder, or where this program was built.
fn source(plan: &BuildPlan) -> Result<PathBuf> {
    let is_checkout = |folder: &Path| folder.join("device-agent/Cargo.toml").is_file();
    let here = env::current_dir().unwrap_or_default();
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let found = match &plan.source {
        Some(named) => is_checkout(named).then(|| named.clone()),
        None => here.ancestors().chain(built_from).find(|folder| is_checkout(folder)).map(Path::to_owned),
    };
    found.ok_or_else(|| usage("there is no checkout of edgefit here: run this in one, or name it by --source FOLDER"))
}

/// Where cargo puts what it builds, as it says itself.
fn source_target(plan: &BuildPlan, source: &Path) -> Result<PathBuf> {
    let mut command = Command::new(&plan.cargo);
    isolate(plan, &mut command);
    command.current_dir(source).args(["metadata", "--format-version", "1", "--no-deps"]);
    let output = command.output().map_err(|error| not_started(&plan.cargo, &error))?;
    let metadata: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let folder = metadata.as_ref().and_then(|metadata| metadata["target_directory"].as_str());
    folder
        .map(PathBuf::from)
        .ok_or_else(|| usage(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Cargo's folder of a profile: that of `dev` has another name.
fn profile_folder(profile: &str) -> &str {
    if profile == "dev" { "debug" } else { profile }
}

/// Without the target's standard library, every crate would fail.
fn check_libraries(plan: &BuildPlan, source: &Path) -> Result<()> {
    let rustc = plan.rustc.clone().unwrap_or_else(|| PathBuf::from("rustc"));
    let mut command = Command::new(&rustc);
    command.current_dir(source).args(["--print", "target-libdir", "--target", &plan.target]);
    let output = command.output().map_err(|error| not_started(&rustc, &error))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&folder).is_dir() {
        return Ok(());
    }
    let (rustc, target) = (rustc.display(), &plan.target);
    Err(usage(format!(
        "{rustc} has no standard library for {target}: rustup target add {target}; where rustup cannot be used, name a compiler \
         that has it by --cargo and --rustc (Debian: rustc-web, cargo-web and libstd-rust-web-dev of the device's architecture)"
    )))
}

fn no_tool(target: &str) -> Error {
    let gcc =
        Tool::gcc_prefix(target).map(|prefix| format!("a cross compiler (Debian: apt install gcc-{prefix}), or "));
    usage(format!(
        "there is no tool here that builds for {target}: install {}cargo-zigbuild with zig, or cross with a container engine{}",
        gcc.unwrap_or_default(),
        if target.contains("android") { ", or cargo-ndk with Android's NDK" } else { "" }
    ))
}

fn not_started(program: &Path, error: &io::Error) -> Error {
    usage(format!(
        "{} cannot be started: {error}; install Rust by https://rustup.rs, or name another by --cargo",
        program.display()
    ))
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message.into())
}

/// The folders that programs are looked for in.
fn paths() -> Vec<PathBuf> {
    env::var_os("PATH").map(|paths| env::split_paths(&paths).collect()).unwrap_or_default()
}
