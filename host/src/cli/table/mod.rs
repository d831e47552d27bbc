//! `edgefit table`: its subcommands, one file each.

mod build;
mod diff;
mod evaluate;
mod measuring;
mod merge;
mod show;
mod transfer;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Globals;
use crate::error::Result;

/// Subcommands of `edgefit table`.
#[derive(Debug, Subcommand)]
pub(super) enum TableCommand {
    /// Measures models of a space and fits the latency table of one device, runtime and thread count
    Build(Box<build::BuildArgs>),
    /// Adapts the table of another device, runtime or thread count by few measurements, and says whether that was better than starting afresh
    Transfer(Box<transfer::TransferArgs>),
    /// Says what is in a table: where it was measured, its kernels, what predicts and what that was chosen against
    Show(ShowArgs),
    /// Measures fresh models and says how well the table predicts them, or compares predictors on tabulated cells
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Puts the measurements of several tables of one device, runtime and thread count into one
    Merge(MergeArgs),
    /// Says in what two tables differ: devices, times of shared kernels and models, and how each predicts the other's
    Diff(DiffArgs),
}

/// Arguments of `edgefit table show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The table
    table: PathBuf,
    /// Also write a page with plots: predicted against measured, error by kernel, coverage of the intervals
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

/// Arguments of `edgefit table diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The first table
    first: PathBuf,
    /// The second table, which is said to be so much slower or faster
    second: PathBuf,
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
        TableCommand::Transfer(args) => transfer::run_command(*args, globals),
        TableCommand::Merge(args) => merge::run_command(args),
        TableCommand::Diff(args) => diff::run_command(&args),
    }
}
