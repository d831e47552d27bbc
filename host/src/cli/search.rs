//! `edgefit search`: the main job.

use std::path::PathBuf;

use clap::Args;
use edgefit_search::{Metric, Readings};
use edgefit_train::Compute;

use super::running::named;
use super::{Globals, interrupt, output};
use crate::config::{COMPUTES, SearchConfig, Setting};
use crate::error::{Error, ErrorKind, Result};
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
    /// The device to measure on, instead of the file's; given several times, each of them
    #[arg(long, value_name = "NAME")]
    device: Vec<String>,
    /// What trainings compute on, instead of the file's: cpu, wgpu or cuda
    #[arg(long, value_name = "NAME", value_parser = named(COMPUTES))]
    compute: Option<Compute>,
    /// The seed, instead of the file's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Set a key of the search file, such as constraints.latency_ms.max=50; once for each. A value that is no TOML is text
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Setting::parse)]
    settings: Vec<Setting>,
    /// Print winner.json instead of the summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run_command(args: SearchArgs, globals: &Globals) -> Result<()> {
    let mut config = SearchConfig::load_with(&args.search, &args.settings)?;
    config.strategy.trials = args.trials.unwrap_or(config.strategy.trials);
    config.choose_devices(&args.device).map_err(|error| Error::new(ErrorKind::Usage, error))?;
    let registry = globals.registry();
    for device in config.devices.iter_mut() {
        let entry = registry.entry(&device.name)?;
        device.complete(&entry);
    }
    if let Some(twice) = config.devices.twice() {
        return Err(Error::new(ErrorKind::Usage, format!("device {twice} is named twice, used in the same way")));
    }
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
    let on_each = |say: fn(&Readings, u8) -> String| {
        let is_alone = summary.devices.len() == 1;
        let on = |device: &String| if is_alone { String::new() } else { format!(" on {device}") };
        let each = (0_u8..).zip(&summary.devices).map(|(number, device)| say(readings, number) + &on(device));
        each.collect::<Vec<_>>().join("\n          ")
    };
    let rows = [
        ("winner", summary.genotype.clone()),
        ("accuracy", accuracy(readings)),
        ("latency", on_each(latency)),
        ("memory", on_each(memory)),
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

fn memory(readings: &Readings, device: u8) -> String {
    on(readings, device, Metric::PeakMemoryKib, |kib| quantity::kib(kib) + " peak, measured")
}

fn latency(readings: &Readings, device: u8) -> String {
    let interval = readings.measured_on(device, Metric::LatencyMs).and_then(|value| value.interval);
    let interval = interval.map(|(low, high)| {
        format!(" (95 % interval {} to {})", quantity::milliseconds(low), quantity::milliseconds(high))
    });
    let interval = interval.unwrap_or_default();
    on(readings, device, Metric::LatencyMs, |ms| format!("{} median, measured{interval}", quantity::milliseconds(ms)))
}

fn of(readings: &Readings, metric: Metric, say: impl Fn(f64) -> String) -> String {
    on(readings, 0, metric, say)
}

fn on(readings: &Readings, device: u8, metric: Metric, say: impl Fn(f64) -> String) -> String {
    readings.best_on(device, metric).map(|value| say(value.value)).unwrap_or_default()
}
