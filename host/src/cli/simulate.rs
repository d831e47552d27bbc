//! `edgefit simulate`: strategies compared on a tabulated benchmark.

use std::path::PathBuf;

use clap::Args;

use super::Globals;
use super::output::print;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Verbosity;
use crate::simulate::{Candidate, Plan, check_name, json, run, text, write_plot};

/// Arguments of `edgefit simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The table: CSV, or gzipped with a name in .gz, with NAS-Bench-201 cells in column `arch`
    table: PathBuf,
    /// A strategy, its settings behind a colon: evolution:population=50,sample=10; or all; may be repeated
    #[arg(long = "strategy", value_name = "NAME", required = true)]
    strategies: Vec<String>,
    /// The column of the accuracy; more is better
    #[arg(long, value_name = "COLUMN")]
    accuracy_column: String,
    /// The column of the latency; without --max-latency it is a second objective
    #[arg(long, value_name = "COLUMN")]
    latency_column: Option<String>,
    /// The largest latency that is allowed, in the unit of its column; proposals above it cost no query
    #[arg(long, value_name = "X", requires = "latency_column", allow_negative_numbers = true)]
    max_latency: Option<f64>,
    /// Networks whose accuracy each search may ask for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    queries: u32,
    /// Searches of each strategy
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    repeats: u32,
    /// Seed of the first search; each next has the next one
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Draw the best so far against queries into this file, in .html or .svg
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run_command(args: SimulateArgs, globals: &Globals) -> Result<()> {
    if args.max_latency.is_some_and(|most| !most.is_finite()) {
        return Err(Error::new(ErrorKind::Usage, "--max-latency takes a number"));
    }
    args.plot.as_deref().map_or(Ok(()), check_name)?;
    let candidates = args.strategies.iter().map(|argument| Candidate::parse(argument));
    let plan = Plan {
        table: args.table,
        accuracy_column: args.accuracy_column,
        latency_column: args.latency_column,
        max_latency: args.max_latency,
        candidates: candidates.collect::<Result<Vec<_>>>()?.concat(),
        queries: args.queries as usize,
        repeats: args.repeats as usize,
        seed: args.seed,
    };
    let is_quiet = globals.verbosity() == Verbosity::Quiet;
    let comparison = run(plan, |strategy| {
        if !is_quiet {
            eprintln!("simulate: {strategy}");
        }
    })?;
    args.plot.as_deref().map_or(Ok(()), |file| write_plot(&comparison, file))?;
    print(&if args.json { json(&comparison) } else { text(&comparison) })
}
