//! `edgefit table transfer`: another device's, runtime's or thread count's table, adapted by few measurements.

use std::path::PathBuf;

use clap::Args;
use edgefit_latency::{Source, file};
use edgefit_protocol::runtime::RuntimeName;

use super::super::Globals;
use super::measuring::{self, MeasuringArgs, Subject};
use crate::config::DeviceConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::{Origin, SpaceSpec};

/// Arguments of `edgefit table transfer`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TransferArgs {
    /// The table to start from
    source: PathBuf,
    /// What runs the models; as in the source if not given
    #[arg(long, value_parser = measuring::runtime())]
    runtime: Option<RuntimeName>,
    /// Threads that run one operator together; as in the source if not given
    #[arg(long, value_name = "N", value_parser = measuring::threads())]
    threads: Option<u32>,
    /// Models of the source's space to measure
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    models: u32,
    #[command(flatten)]
    measuring: MeasuringArgs,
}

/// Runs the command.
pub(super) fn run_command(args: TransferArgs, globals: &Globals) -> Result<()> {
    let subject = subject(&args)?;
    args.measuring.run(subject, globals)
}

fn subject(args: &TransferArgs) -> Result<Subject> {
    let table = file::load(&args.source)?;
    let path = args.source.display();
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let population = table.population();
    let population = population.ok_or_else(|| usage(format!("{path} does not say which space its models are from")))?;
    let from = table.provenance();
    let named = RuntimeName::ALL.into_iter().find(|runtime| runtime.name() == from.runtime);
    let runtime = args.runtime.or(named);
    let runtime = runtime.ok_or_else(|| usage(format!("this version has no runtime `{}`", from.runtime)))?;
    let threads = args.threads.unwrap_or(from.threads);
    let source = Source::new(from.clone(), table.samples().to_vec());
    Ok(Subject {
        device: DeviceConfig::named(args.measuring.device.clone(), Some(runtime), Some(threads)),
        models_from: Origin::Space(Box::new(SpaceSpec::of(population)?)),
        models: args.models as usize,
        source: Some(source.ok_or_else(|| usage(format!("{path} has too few models to start from")))?),
    })
}
