//! `edgefit export`: a trained network of a run as an ONNX file, in floats or in 8 bits.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use edgefit_protocol::runtime::RuntimeName;
use edgefit_train::Dataset;
use serde::Serialize;

use super::{Globals, output};
use crate::accuracy::classify;
use crate::config::DeviceConfig;
use crate::device::{Device, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::int8::quantized;
use crate::kept_run::KeptRun;
use crate::latency_table::measuring::{MeasureFailure, measure, request};
use crate::progress::Verbosity;
use crate::quantity;
use crate::run_folder::write_whole;

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_KIB: f64 = 1024.0;

/// Processes that each file is measured in.
const PROCESSES: usize = 3;

/// Arguments of `edgefit export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The folder of the run
    #[arg(value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// The trial, one that was trained to the end [default: the winner]
    #[arg(long, value_name = "ID")]
    trial: Option<u64>,
    /// The file to write
    #[arg(long, value_name = "MODEL.onnx", value_hint = ValueHint::FilePath)]
    out: PathBuf,
    /// In 8 bits, calibrated on the run's training data; checked against the floats in ONNX Runtime on the run's device
    #[arg(long)]
    int8: bool,
    /// Print JSON instead of the text
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    format: &'static str,
    model: PathBuf,
    from: PathBuf,
    trial: u64,
    size_kib: f64,
    /// Samples that 8 bits were calibrated on.
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration_samples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
    /// Why there is no check.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchecked: Option<String>,
}

/// Both files in ONNX Runtime, on the run's device.
#[derive(Debug, Serialize)]
struct Check {
    runtime: String,
    test_samples: usize,
    float: Figures,
    int8: Figures,
}

#[derive(Debug, Serialize)]
struct Figures {
    accuracy: f64,
    latency_ms: f64,
    size_kib: f64,
}

/// Runs the command.
pub(super) fn run_command(args: ExportArgs, globals: &Globals) -> Result<()> {
    let mut run = KeptRun::open(&args.run)?;
    let trial = run.trial(args.trial)?;
    let from = run.model(&trial)?;
    let float = fs::read(&from).map_err(|e| Error::new(ErrorKind::Storage, format!("{}: {e}", from.display())))?;
    let mut exported = Exported {
        format: "edgefit-export/1",
        model: args.out.clone(),
        from,
        trial: trial.number,
        size_kib: size_kib(&float),
        calibration_samples: None,
        check: None,
        unchecked: None,
    };
    if !args.int8 {
        write_whole(&args.out, &float)?;
        return tell(&args, &exported);
    }
    let dataset = run.config.data.load(run.config.seed)?;
    let (int8, samples) = quantized(&float, &dataset.train)?;
    write_whole(&args.out, &int8)?;
    (exported.size_kib, exported.calibration_samples) = (size_kib(&int8), Some(samples));
    if globals.verbosity() != Verbosity::Quiet {
        eprintln!("calibrated on {samples} training samples; checking in ONNX Runtime");
    }
    match check(&globals.registry(), run.config.devices.first(), run.config.seed, &dataset, [&float, &int8]) {
        Ok(check) => exported.check = Some(check),
        Err(error) => exported.unchecked = Some(error.to_string()),
    }
    tell(&args, &exported)
}

/// Both files on the device: the share of the test samples that each classifies right, and the time that each takes.
fn check(
    registry: &Registry,
    config: &DeviceConfig,
    seed: u64,
    dataset: &Dataset,
    models: [&[u8]; 2],
) -> Result<Check> {
    let config = DeviceConfig { runtime: RuntimeName::Ort, ..config.clone() };
    let mut device = registry.connect(&config.name)?;
    let version = device.probe(config.runtime, None)?.version;
    let [float, int8] = models;
    Ok(Check {
        runtime: format!("{} {version}, {} thread(s), on {}", config.runtime.name(), config.threads, config.name),
        test_samples: dataset.test.len(),
        float: figures(&mut device, &config, seed, dataset, float)?,
        int8: figures(&mut device, &config, seed, dataset, int8)?,
    })
}

fn figures(device: &mut Device, config: &DeviceConfig, seed: u64, dataset: &Dataset, model: &[u8]) -> Result<Figures> {
    let request = request(config, seed, PROCESSES);
    let right = classify(device, model, &request.run_on, &dataset.test, dataset.classes.len(), seed)?;
    let measurement = measure(device, model, &request).map_err(|failure| match failure {
        MeasureFailure::Network(reason) => Error::new(ErrorKind::Runtime, reason),
        MeasureFailure::Run(error) => error,
    })?;
    let count = right.iter().filter(|right| **right).count();
    Ok(Figures {
        accuracy: count as f64 / right.len().max(1) as f64,
        latency_ms: measurement.median_ns() / NS_PER_MS,
        size_kib: size_kib(model),
    })
}

fn size_kib(model: &[u8]) -> f64 {
    model.len() as f64 / BYTES_PER_KIB
}

fn tell(args: &ExportArgs, exported: &Exported) -> Result<()> {
    if args.json { output::print_json(exported) } else { output::print(&text(exported)) }
}

fn text(exported: &Exported) -> String {
    let size = quantity::kib(exported.size_kib);
    let mut text = format!(
        "model     {}, {size}, trial {} from {}\n",
        shown(&exported.model),
        exported.trial,
        shown(&exported.from)
    );
    if let Some(samples) = exported.calibration_samples {
        text += &format!(
            "int8      weights per channel, activations per tensor, calibrated on {samples} training samples\n"
        );
    }
    if let Some(check) = &exported.check {
        text += &format!("checked   {} test samples in {}\n", check.test_samples, check.runtime);
        for (name, figures) in [("float", &check.float), ("int8", &check.int8)] {
            let (accuracy, latency) = (quantity::percent(figures.accuracy), quantity::milliseconds(figures.latency_ms));
            text += &format!("{name:9} {accuracy} right, {latency} median, {}\n", quantity::kib(figures.size_kib));
        }
    }
    if let Some(reason) = &exported.unchecked {
        text += &format!("unchecked {reason}\n");
    }
    text
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
