//! `edgefit table transfer`: another device's, runtime's or thread count's table, adapted by few measurements.

use std::path::PathBuf;

use clap::Args;
use edgefit_latency::{Source, file};
use edgefit_protocol::limits::MAX_THREADS;
use edgefit_protocol::runtime::RuntimeName;

use super::super::{Globals, interrupt, output};
use super::{build, show};
use crate::config::DeviceConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::{BuildPlan, Origin, SpaceSpec, build};
use crate::progress::Progress;

/// Arguments of `edgefit table transfer`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TransferArgs {
    /// The table to start from
    source: PathBuf,
    /// The device to measure on
    #[arg(long, value_name = "NAME", default_value = "local")]
    device: String,
    /// What runs the models; as in the source if not given
    #[arg(long, value_parser = build::runtime())]
    runtime: Option<RuntimeName>,
    /// Threads that run one operator together; as in the source if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    threads: Option<u32>,
    /// The new table; it must not be there yet, unless --resume is given
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Models of the source's space to measure
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    models: u32,
    /// Minutes after which no further model is begun
    #[arg(long, value_name = "M", default_value_t = 10.0, value_parser = build::minutes)]
    minutes: f64,
    /// End before, once the mean error on held-out models is down to so many percent
    #[arg(long, value_name = "PERCENT", value_parser = build::percent)]
    target_error: Option<f64>,
    /// Fresh processes that each model is measured in
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    processes: u32,
    /// Seed of the models
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: u64,
    /// Go on with the table that is in the file
    #[arg(long)]
    resume: bool,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run_command(args: TransferArgs, globals: &Globals) -> Result<()> {
    let json = args.json;
    let registry = globals.registry();
    let mut plan = plan(args)?;
    plan.device.complete(&registry.entry(&plan.device.name)?);
    let interrupt = interrupt::listen()?;
    let built = build(&plan, &registry, &Progress::on_stderr(globals.verbosity()), interrupt)?;
    let description = show::Description::of(&plan.out, &built.table);
    match json {
        true => output::print_json(&description),
        false => output::print(&format!("ended    {}\n{}", built.ended, description.text())),
    }
}

fn plan(args: TransferArgs) -> Result<BuildPlan> {
    let table = file::load(&args.source)?;
    let path = args.source.display();
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let population = table.population();
    let population = population.ok_or_else(|| usage(format!("{path} does not say which space its models are from")))?;
    let from = table.provenance();
    let named = RuntimeName::ALL.into_iter().find(|runtime| runtime.name() == from.runtime);
    let runtime = args.runtime.or(named);
    let runtime = runtime.ok_or_else(|| usage(format!("this version has no runtime `{}`", from.runtime)))?;
    let source = Source::new(from.clone(), table.samples().to_vec());
    Ok(BuildPlan {
        device: DeviceConfig::named(args.device, Some(runtime), Some(args.threads.unwrap_or(from.threads))),
        models_from: Origin::Space(Box::new(SpaceSpec::of(population)?)),
        models: args.models as usize,
        seconds: args.minutes * 60.0,
        target_error: args.target_error.map(|percent| percent / 100.0),
        processes: args.processes as usize,
        seed: args.seed,
        source: Some(source.ok_or_else(|| usage(format!("{path} has too few models to start from")))?),
        out: args.out,
        resume: args.resume,
    })
}
