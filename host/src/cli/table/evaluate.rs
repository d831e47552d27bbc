//! `edgefit table evaluate`: on fresh models of a device, or on tabulated cells.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::super::{Globals, interrupt, output};
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::{Evaluation, FreshPlan, TabulatedPlan, Tested, evaluate_fresh, evaluate_tabulated};
use crate::progress::Progress;

/// Arguments of `edgefit table evaluate`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["table", "csv"]))]
pub(in crate::cli) struct EvaluateArgs {
    /// The table
    table: Option<PathBuf>,
    /// Fresh models to measure, each twice
    #[arg(long, value_name = "N", requires = "table", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    models: Option<u32>,
    /// Measure these ONNX models instead, of any space or none, each twice
    #[arg(long, value_name = "MODEL", num_args = 1.., conflicts_with = "models", requires = "table")]
    onnx: Vec<PathBuf>,
    /// The device to measure on
    #[arg(long, value_name = "NAME", default_value = "local", conflicts_with = "csv")]
    device: String,
    /// Fresh processes that each model is measured in, each time, at least; more follow while no two agree
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "csv", value_parser = clap::value_parser!(u32).range(1..=100))]
    processes: u32,
    /// Tabulated latencies instead: CSV, or gzipped with a name in .gz, with NAS-Bench-201 cells in column `arch`
    #[arg(long, value_name = "TABLE", requires_all = ["latency_column", "train", "repeats"])]
    csv: Option<PathBuf>,
    /// The column of the latencies, in milliseconds
    #[arg(long, value_name = "L", requires = "csv")]
    latency_column: Option<String>,
    /// Cells to fit; all others are tested
    #[arg(long, value_name = "N", requires = "csv", value_parser = clap::value_parser!(u32).range(4..=1_000_000))]
    train: Option<u32>,
    /// How many times cells are drawn; the figures are the means
    #[arg(long, value_name = "R", requires = "csv", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeats: Option<u32>,
    /// Leave out what a runtime that removes dead branches does not run
    #[arg(long, requires = "csv")]
    pruned: bool,
    /// Seed of what is drawn
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: u64,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

const WITHOUT_MODELS: &str = "name a table with --models N or --onnx MODEL, or --csv with what belongs to it";

/// Runs the command.
pub(super) fn run_command(args: EvaluateArgs, globals: &Globals) -> Result<()> {
    let (json, lists_models) = (args.json, !args.onnx.is_empty());
    let evaluation = evaluate(args, globals)?;
    match json {
        true => output::print_json(&evaluation),
        false if lists_models => output::print(&(evaluation.text() + &evaluation.models_text())),
        false => output::print(&evaluation.text()),
    }
}

fn evaluate(args: EvaluateArgs, globals: &Globals) -> Result<Evaluation> {
    match args {
        EvaluateArgs {
            csv: Some(csv),
            latency_column: Some(latency_column),
            train: Some(train),
            repeats: Some(repeats),
            pruned,
            seed,
            ..
        } => {
            let (train, repeats) = (train as usize, repeats as usize);
            evaluate_tabulated(&TabulatedPlan { csv, latency_column, train, repeats, pruned, seed })
        }
        EvaluateArgs { table: Some(table), models, onnx, device, processes, seed, .. } => {
            let tested = match models {
                Some(models) => Tested::Drawn(models as usize),
                None if onnx.is_empty() => return Err(Error::new(ErrorKind::Usage, WITHOUT_MODELS)),
                None => Tested::Files(onnx),
            };
            let plan = FreshPlan { table, device, tested, processes: processes as usize, seed };
            let interrupt = interrupt::listen()?;
            evaluate_fresh(&plan, &globals.registry(), &Progress::on_stderr(globals.verbosity()), interrupt)
        }
        _ => Err(Error::new(ErrorKind::Usage, WITHOUT_MODELS)),
    }
}
