//! `edgefit agent`: this program as the agent of the machine that it is on, and agents built for others.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueHint};

use super::{Globals, output};
use crate::agent_build::{self, BuildPlan, Tool};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Verbosity;

/// Arguments of `edgefit agent`; but for the subcommand they are those of `edgefit-agent`.
#[derive(Debug, Args)]
pub(super) struct AgentArgs {
    #[command(subcommand)]
    command: Option<AgentCommand>,
    /// Arguments of the agent, such as --stdio
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Builds the agent for a device, with the cross tool that is there
    Build(BuildArgs),
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// What it is to run on, as Rust names it, such as aarch64-unknown-linux-gnu, aarch64-unknown-linux-musl or aarch64-linux-android
    #[arg(long)]
    target: String,
    /// What builds for another machine [default: the first that is there]
    #[arg(long, value_parser = PossibleValuesParser::new(["native", "zigbuild", "gcc", "cross", "ndk"]))]
    tool: Option<String>,
    /// A checkout of edgefit [default: around the working folder, or the one that this program was built from]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    source: Option<PathBuf>,
    /// The cargo that builds
    #[arg(long, value_name = "PROGRAM", default_value = "cargo", value_hint = ValueHint::CommandName)]
    cargo: PathBuf,
    /// The compiler that cargo uses [default: its own]
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::CommandName)]
    rustc: Option<PathBuf>,
    /// Cargo's profile: dist is small and takes minutes, release is quicker to build
    #[arg(long, default_value = "dist")]
    profile: String,
}

/// Runs the command. The agent itself has exit codes of its own, which its caller knows.
///
/// # Errors
/// When an agent cannot be built.
pub(super) fn run_command(args: AgentArgs, globals: &Globals) -> Result<ExitCode> {
    match args.command {
        Some(AgentCommand::Build(args)) => build(args, globals),
        None => Ok(edgefit_agent::command::run(args.arguments, &["agent"])),
    }
}

fn build(args: BuildArgs, globals: &Globals) -> Result<ExitCode> {
    let BuildArgs { target, tool, source, cargo, rustc, profile } = args;
    let named = tool.as_deref().map(|name| {
        let message = format!("no {name} is known for {target}; leave --tool out");
        Tool::named(name, &target).ok_or_else(|| Error::new(ErrorKind::Usage, message))
    });
    let plan = BuildPlan { tool: named.transpose()?, target, source, cargo, rustc, profile };
    let is_told = globals.verbosity() != Verbosity::Quiet;
    let mut tell = |text: &str| {
        if is_told {
            eprintln!("{text}");
        }
    };
    let path = agent_build::build(&plan, &mut tell)?;
    output::print(&format!("the agent for {}: {}\n", plan.target, path.display()))?;
    Ok(ExitCode::SUCCESS)
}
