//! `edgefit devices`: the device registry.

mod add;
mod check;
mod list;

use clap::{Args, Subcommand};

use super::{Globals, output};
use crate::error::Result;

/// Subcommands of `edgefit devices`.
#[derive(Debug, Subcommand)]
pub(super) enum DevicesCommand {
    /// Lists the devices that there are
    List(list::ListArgs),
    /// Adds a device
    Add(Box<add::AddArgs>),
    /// Connects a device, brings the agent there, and says what it found and what is missing
    Check(check::CheckArgs),
    /// Removes a device from the registry; nothing on the device changes
    Remove(RemoveArgs),
}

/// Arguments of `edgefit devices remove`.
#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Its name
    name: String,
}

/// Runs the command.
pub(super) fn run_command(command: DevicesCommand, globals: &Globals) -> Result<()> {
    let registry = globals.registry();
    match command {
        DevicesCommand::List(args) => list::run(&args, &registry),
        DevicesCommand::Add(args) => add::run(*args, &registry),
        DevicesCommand::Check(args) => check::run(&args, &registry),
        DevicesCommand::Remove(args) => {
            registry.remove(&args.name)?;
            output::print(&format!("removed {}\n", args.name))
        }
    }
}
