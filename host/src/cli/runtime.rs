//! `edgefit runtime`: ONNX Runtime's libraries on this machine, and getting one for it or for a device.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueHint};
use edgefit_agent::onnx_runtime::this_target;
use edgefit_protocol::runtime::RuntimeName;
use serde::Serialize;

use super::{Globals, output};
use crate::device::connect;
use crate::error::{Error, ErrorKind, Result};
use crate::onnx_runtime::{self, Library, Listing, Pinned, State, Wheel};
use crate::progress::Verbosity;

/// Arguments of `edgefit runtime`.
#[derive(Debug, Args)]
pub(super) struct RuntimeArgs {
    #[command(subcommand)]
    command: RuntimeCommand,
}

#[derive(Debug, Subcommand)]
enum RuntimeCommand {
    /// Lists the runtimes that are there, each with whether it works
    List(ListArgs),
    /// Gets ONNX Runtime's library from PyPI, checked by hash
    Install(InstallArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// A library to look at, too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    library: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct InstallArgs {
    /// What it is to run on [default: this machine]
    #[arg(long, value_parser = PossibleValuesParser::new(onnx_runtime::targets()))]
    target: Option<String>,
    /// Version of ONNX Runtime [default: the newest that is pinned]
    #[arg(long)]
    version: Option<String>,
    /// The Python whose pip downloads it, with its index, proxy and certificates
    #[arg(long, value_name = "PROGRAM", default_value = "python3", value_hint = ValueHint::CommandName)]
    python: String,
    /// A wheel that was downloaded elsewhere, instead of a download
    #[arg(long, value_name = "FILE", conflicts_with = "python", value_hint = ValueHint::FilePath)]
    wheel: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was installed.
#[derive(Debug, Serialize)]
struct Installed {
    schema: &'static str,
    target: &'static str,
    version: &'static str,
    path: PathBuf,
    sha256: &'static str,
}

/// Runs the command.
pub(super) fn run_command(args: RuntimeArgs, globals: &Globals) -> Result<()> {
    match args.command {
        RuntimeCommand::List(args) => list(&args),
        RuntimeCommand::Install(args) => install(args, globals),
    }
}

fn list(args: &ListArgs) -> Result<()> {
    let mut device = connect("local")?;
    let listing = onnx_runtime::list(&mut device, args.library.as_deref())?;
    if args.json { output::print_json(&listing) } else { output::print(&text(&listing)) }
}

fn text(listing: &Listing) -> String {
    let mut lines = vec![format!("tract {} is part of edgefit", listing.tract.version)];
    lines.extend(listing.libraries.iter().map(line));
    if !listing.libraries.iter().any(|library| library.is_default) {
        lines.push("no ONNX Runtime is usable; get one with: edgefit runtime install".to_owned());
    }
    lines.join("\n") + "\n"
}

fn line(library: &Library) -> String {
    let path = library.path.display();
    let source = library.source.name();
    let mark = if library.is_default { ", taken by default" } else { "" };
    match &library.state {
        State::Usable { version, .. } => format!("ort {version}, {path} ({source}{mark})"),
        State::Unusable { error } => format!("ort unusable, {path} ({source}): {}", error.message),
        State::Foreign { version } => format!("ort {version}, {path} ({source}, for {})", library.target),
    }
}

fn install(args: InstallArgs, globals: &Globals) -> Result<()> {
    let target = args.target.unwrap_or_else(this_target);
    let library = pinned(&target, args.version.as_deref())?;
    let wheel = args.wheel.map_or(Wheel::Python(args.python), Wheel::File);
    if let (Wheel::Python(python), true) = (&wheel, globals.verbosity() != Verbosity::Quiet) {
        eprintln!("getting ONNX Runtime {} for {target} with {python} -m pip", library.version);
    }
    let path = onnx_runtime::install(library, &wheel)?;
    if target == this_target() {
        connect("local")?.probe(RuntimeName::Ort, Some(&path.to_string_lossy()))?;
    }
    let Pinned { target, version, library_sha256, .. } = *library;
    match args.json {
        true => output::print_json(&Installed {
            schema: "edgefit-runtime-installed/1",
            target,
            version,
            path,
            sha256: library_sha256,
        }),
        false => output::print(&format!("ONNX Runtime {version} for {target}: {}\n", path.display())),
    }
}

fn pinned(target: &str, version: Option<&str>) -> Result<&'static Pinned> {
    onnx_runtime::pinned(target, version).ok_or_else(|| {
        let versions = onnx_runtime::versions(target);
        let message = match versions.is_empty() {
            true => format!(
                "there is no library for {target}; there are libraries for {}",
                onnx_runtime::targets().join(", ")
            ),
            false => format!(
                "version {} is not pinned for {target}; there are {}",
                version.unwrap_or("?"),
                versions.join(", ")
            ),
        };
        Error::new(ErrorKind::Usage, message)
    })
}
