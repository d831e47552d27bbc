//! The command line: what a user types becomes a call of the engine, and its outcome an exit code.
//!
//! One file a command, each with its arguments and a `run`. Nothing here measures, trains or decides.

mod agent;
mod bench;
mod compare;
mod devices;
mod export;
mod interrupt;
mod output;
mod predict;
mod report;
mod running;
mod runtime;
mod search;
mod shell;
mod simulate;
mod table;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::device::Registry;
use crate::error::Result;
use crate::progress::Verbosity;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  internal error (a defect of edgefit)
  2  the command line or a configuration is wrong
  3  data missing or broken
  4  device unreachable or lost
  5  runtime missing, or it cannot run the model
  6  no feasible architecture
  7  interrupted; the run can be resumed
  8  a file cannot be read or written (disk full, run in use, newer format)";

/// Fits a neural network to a device.
#[derive(Debug, Parser)]
#[command(name = "edgefit", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Print only errors and results
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// The file of the device registry [default: edgefit/devices.toml in the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "EDGEFIT_DEVICES", hide_env_values = true, value_hint = ValueHint::FilePath)]
    devices: Option<PathBuf>,
}

impl Globals {
    /// The device registry; what takes a while there is told.
    fn registry(&self) -> Registry {
        let is_told = self.verbosity() != Verbosity::Quiet;
        Registry::new(self.devices.clone()).telling(move |text| {
            if is_told {
                eprintln!("{text}");
            }
        })
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Searches, trains and measures: from a search file to winner.onnx
    Search(search::SearchArgs),
    /// Profiles any ONNX model on a device
    Bench(Box<bench::BenchArgs>),
    /// Measures several models side by side: latency, memory, and accuracy where data is given
    Compare(Box<compare::CompareArgs>),
    /// Lists, adds, checks and removes the devices that models are measured on
    #[command(subcommand)]
    Devices(Box<devices::DevicesCommand>),
    /// Lists and gets ONNX Runtime's libraries
    Runtime(runtime::RuntimeArgs),
    /// Builds, shows, merges and evaluates latency tables
    #[command(subcommand)]
    Table(table::TableCommand),
    /// Predicts latency and memory of any ONNX model from a latency table
    Predict(predict::PredictArgs),
    /// Trains an architecture of a run to the end
    Train(train::TrainArgs),
    /// Writes a trained network of a run as ONNX, in floats or 8 bits
    Export(export::ExportArgs),
    /// Writes the HTML report of a run anew
    Report(report::ReportArgs),
    /// Compares search strategies on a tabulated benchmark, in seconds
    Simulate(simulate::SimulateArgs),
    /// Serves as this machine's agent, or builds the agent for a device
    Agent(agent::AgentArgs),
    /// Prints shell completions
    Completions(shell::CompletionsArgs),
    /// Prints the man page
    Man,
}

/// Parses the command line, runs the command and tells its outcome.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Search(args) => search::run_command(args, &cli.globals)?,
        Command::Bench(args) => bench::run_command(*args, &cli.globals)?,
        Command::Compare(args) => compare::run_command(*args, &cli.globals)?,
        Command::Devices(command) => devices::run_command(*command, &cli.globals)?,
        Command::Runtime(args) => runtime::run_command(args, &cli.globals)?,
        Command::Table(command) => table::run_command(command, &cli.globals)?,
        Command::Predict(args) => predict::run_command(args)?,
        Command::Train(args) => train::run_command(args, &cli.globals)?,
        Command::Export(args) => export::run_command(args, &cli.globals)?,
        Command::Report(args) => report::run_command(args)?,
        Command::Simulate(args) => simulate::run_command(args, &cli.globals)?,
        Command::Agent(args) => return agent::run_command(args, &cli.globals),
        Command::Completions(args) => shell::completions(args)?,
        Command::Man => shell::man()?,
    }
    Ok(ExitCode::SUCCESS)
}
