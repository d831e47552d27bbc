//! `edgefit table`: its subcommands, one file each.

mod build;
mod evaluate;
mod merge;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Globals;
use crate::error::Result;

/// Subcommands of `edgefit table`.
#[derive(Debug, Subcommand)]
pub(super) enum TableCommand {
    /// Measures models of a space and fits the latency table of one device, runtime and thread count
    Build(Box<build::BuildArgs>),
    /// Says what is in a table: where it was measured, its kernels, what predicts and what that was chosen against
    Show(ShowArgs),
    /// Measures fresh models and says how well the table predicts them, or compares predictors on tabulated cells
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Puts the measurements of several tables of one device, runtime and thread count into one
    Merge(MergeArgs),
}

/// Arguments of `edgefit table show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The table
    table: PathBuf,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

/// Arguments of `edgefit table merge`.
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// The tables
    #[arg(required = true, num_args = 2..)]
    tables: Vec<PathBuf>,
    /// The file with all their measurements; it must not be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub(super) fn run_command(command: TableCommand, globals: &Globals) -> Result<()> {
    match command {
        TableCommand::Build(args) => build::run_command(*args, globals),
        TableCommand::Show(args) => show::run_command(args),
        TableCommand::Evaluate(args) => evaluate::run_command(*args, globals),
        TableCommand::Merge(args) => merge::run_command(args),
    }
}
