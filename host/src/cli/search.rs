//! `edgefit search`: the main job.

use std::path::PathBuf;

use clap::Args;
use edgefit_search::{Metric, Readings};
use edgefit_train::Compute;

use super::running::named;
use super::{Globals, interrupt, output};
use crate::config::{COMPUTES, SearchConfig};
use crate::error::Result;
use crate::progress::Progress;
use crate::quantity;
use crate::run_folder::RunFile;
use crate::search_run::{Place, Summary, run};

/// Arguments of `edgefit search`.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// The search file
    search: PathBuf,
    /// Go on with a run that was interrupted: the one in --out, or else the latest of this data and space
    #[arg(long)]
    resume: bool,
    /// The folder of the run [default: runs/DATA-SPACE-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Number of networks to train, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    trials: Option<u64>,
    /// The device to measure on, instead of the file's
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// What trainings compute on, instead of the file's: cpu, wgpu or cuda
    #[arg(long, value_name = "NAME", value_parser = named(COMPUTES))]
    compute: Option<Compute>,
    /// The seed, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Print winner.json instead of the summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run_command(args: SearchArgs, globals: &Globals) -> Result<()> {
    let mut config = SearchConfig::load(&args.search)?;
    config.strategy.trials = args.trials.unwrap_or(config.strategy.trials);
    config.device.name = args.device.unwrap_or(config.device.name);
    let registry = globals.registry();
    let entry = registry.entry(&config.device.name)?;
    config.device.complete(&entry);
    config.estimate.compute = args.compute.unwrap_or(config.estimate.compute);
    config.seed = args.seed.unwrap_or(config.seed);
    let interrupt = interrupt::listen()?;
    let progress = Progress::on_stderr(globals.verbosity());
    let place = Place { folder: args.out, resume: args.resume };
    let summary = run(&config, &place, &registry, &progress, interrupt)?;
    let text = if args.json { summary.winner_json.clone() } else { summary_text(&summary) };
    output::print(&text)
}

fn summary_text(summary: &Summary) -> String {
    let readings = &summary.readings;
    let folder = summary.folder.display();
    let rows = [
        ("winner", summary.genotype.clone()),
        ("accuracy", accuracy(readings)),
        ("latency", latency(readings)),
        ("memory", of(readings, Metric::PeakMemoryKib, |kib| quantity::kib(kib) + " peak, measured")),
        ("size", of(readings, Metric::ModelSizeKib, |kib| quantity::kib(kib) + ", the ONNX file")),
        ("bounds", summary.bounds.join(", ")),
        ("model", format!("{folder}/{}", RunFile::WinnerModel.name())),
        ("report", format!("{folder}/{}", RunFile::Report.name())),
    ];
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    let reasons = summary.reasons.iter().map(|(name, said)| (name.as_str(), said));
    let lines = shown.map(|(name, value)| (*name, value)).chain(reasons);
    lines.map(|(name, value)| format!("{name:9} {value}\n")).collect()
}

fn accuracy(readings: &Readings) -> String {
    of(readings, Metric::Accuracy, |share| {
        quantity::percent(share) + " of the test images, by the ONNX file on the device"
    })
}

fn latency(readings: &Readings) -> String {
    let interval = readings.measured(Metric::LatencyMs).and_then(|value| value.interval);
    let interval = interval.map(|(low, high)| {
        format!(" (95 % interval {} to {})", quantity::milliseconds(low), quantity::milliseconds(high))
    });
    let interval = interval.unwrap_or_default();
    of(readings, Metric::LatencyMs, |ms| format!("{} median, measured{interval}", quantity::milliseconds(ms)))
}

fn of(readings: &Readings, metric: Metric, say: impl Fn(f64) -> String) -> String {
    readings.best(metric).map(|value| say(value.value)).unwrap_or_default()
}
