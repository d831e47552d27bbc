//! `edgefit bench`: one model on one device.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use edgefit_protocol::job::Pass;

use super::running::{self, RunArgs};
use super::{Globals, output};
use crate::bench::{self, BenchOptions, ErrorSection, ModelFacts, Report, text, trace};
use crate::device::{DeviceInfo, Entry, PassStep};
use crate::error::{Error, Result};
use crate::model_file;
use crate::progress::Verbosity;

/// Arguments of `edgefit bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The model, an ONNX file
    #[arg(value_name = "MODEL.onnx", value_hint = ValueHint::FilePath)]
    model: PathBuf,
    #[command(flatten)]
    run: RunArgs,
    /// Measure every node, too
    #[arg(long)]
    per_op: bool,
    /// Measure energy, too, where the device tells it
    #[arg(long)]
    energy: bool,
    /// Write the report as JSON; to standard output, and nothing else there, without FILE or with `-`
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", value_hint = ValueHint::FilePath)]
    json: Option<PathBuf>,
    /// Write one run, node by node, as a trace for chrome://tracing or Perfetto; measures every node
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trace: Option<PathBuf>,
}

/// Runs the command. A failure is in the JSON, too.
pub(super) fn run_command(args: BenchArgs, globals: &Globals) -> Result<()> {
    let json = args.json.iter().filter(|path| !running::is_standard_output(path));
    json.chain(&args.trace).try_for_each(|path| running::check_result(path))?;
    let entry = globals.registry().entry(&args.run.device);
    let per_operator = args.per_op || args.trace.is_some();
    let asked = args.run.options(entry.as_ref().unwrap_or(&Entry::default()));
    let options = BenchOptions { per_operator, energy: args.energy, ..asked };
    let measured = entry.map_err(|error| Failure::from(Error::from(error)));
    match measured.and_then(|entry| measure(&args, &entry, &options, globals)) {
        Ok(report) => tell(&args, &report),
        Err(failure) => {
            if let Some(path) = &args.json {
                let report = Report::failed(failure.info.as_deref(), failure.section, &options);
                output::json(path, &report)?;
            }
            Err(failure.error)
        }
    }
}

/// A failure with what the report says of it.
struct Failure {
    info: Option<Box<DeviceInfo>>,
    section: ErrorSection,
    error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { info: None, section: ErrorSection::from(&error), error }
    }
}

fn measure(
    args: &BenchArgs,
    entry: &Entry,
    options: &BenchOptions,
    globals: &Globals,
) -> std::result::Result<Report, Failure> {
    let model = model_file::read(&args.model)?;
    let mut device = globals.registry().connect_entry(&args.run.device, entry)?;
    let facts = ModelFacts::of(&model, &options.shapes);
    let is_told = globals.verbosity() != Verbosity::Quiet;
    let mut hear = |step: PassStep<'_>| {
        if is_told {
            eprintln!("pass {}/{}: {}", step.number, step.passes, what(step.pass));
        }
    };
    let measured = bench::bench(&mut device, &model, &facts, options, &mut hear).map_err(running::advise);
    measured.map_err(|error| Failure {
        info: Some(Box::new(device.info().clone())),
        section: ErrorSection::from(&error),
        error: error.into(),
    })
}

fn what(pass: &Pass) -> &'static str {
    match pass {
        Pass::Latency(_) => "latency, in a fresh process",
        Pass::PerOperator(_) => "nodes",
        Pass::Memory => "memory",
        Pass::Outputs => "outputs",
        Pass::Energy(_) => "energy",
    }
}

fn tell(args: &BenchArgs, report: &Report) -> Result<()> {
    if let Some(path) = &args.trace {
        running::write_result(path, &trace::chrome_trace(report).to_string())?;
    }
    if let Some(path) = &args.json {
        output::json(path, report)?;
    }
    match args.json.as_deref().is_some_and(running::is_standard_output) {
        true => Ok(()),
        false => output::print(&text::render(report)),
    }
}
