//! `edgefit train`: one architecture of a run, trained to the end.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::{Args, ValueHint};
use edgefit_train::{Compute, Dataset, Event, Metrics, TrainOutcome, evaluate, train};
use serde::Serialize;

use super::running::named;
use super::{Globals, interrupt, output};
use crate::config::COMPUTES;
use crate::error::{Error, ErrorKind, Result};
use crate::kept_run::{KeptRun, export_options};
use crate::progress::Verbosity;
use crate::quantity;
use crate::run_folder::{make_folder_of, trained_file, write_whole};
use crate::search_run::{derived, final_recipe};

/// Most passes over the data.
const MOST_EPOCHS: u64 = 10_000;

/// Arguments of `edgefit train`.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// The folder of the run
    #[arg(value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// The trial to train [default: the winner]
    #[arg(long, value_name = "ID")]
    trial: Option<u64>,
    /// Passes over the training data, instead of the run's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_EPOCHS))]
    epochs: Option<u64>,
    /// What to compute on, instead of the run's: cpu, wgpu or cuda
    #[arg(long, value_name = "NAME", value_parser = named(COMPUTES))]
    compute: Option<Compute>,
    /// Print JSON instead of the text
    #[arg(long)]
    json: bool,
}

/// What a training gave.
#[derive(Debug, Serialize)]
struct Trained {
    format: &'static str,
    trial: u64,
    genotype: String,
    seconds: f64,
    epochs: Vec<Epoch>,
    test_samples: usize,
    accuracy: f64,
    balanced_accuracy: f64,
    macro_f1: f64,
    top_3_accuracy: f64,
    worst_class: String,
    worst_class_accuracy: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_group_accuracy: Option<f64>,
    calibration_error: f64,
    model: PathBuf,
}

/// One pass over the training data.
#[derive(Debug, Serialize)]
struct Epoch {
    train_loss: f64,
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
}

/// Runs the command.
pub(super) fn run_command(args: TrainArgs, globals: &Globals) -> Result<()> {
    let mut run = KeptRun::open(&args.run)?;
    let trial = run.trial(args.trial)?;
    let dataset = run.config.data.load(run.config.seed)?;
    let space = run.space(&dataset)?;
    let graph = space.decode(&trial.genotype)?;
    let mut recipe = final_recipe(&run.config, &trial);
    recipe.compute = args.compute.unwrap_or(recipe.compute);
    recipe.compute.open()?;
    if let Some(epochs) = args.epochs {
        recipe.epochs = epochs as usize;
        recipe.patience = None;
    }
    let trained_on = if run.config.finals.refit { dataset.refit() } else { dataset.clone() };
    let (interrupt, quiet, begun) = (interrupt::listen()?, globals.verbosity() == Verbosity::Quiet, Instant::now());
    let mut observe = |event: &Event| {
        if let (Event::Epoch(report), false) = (event, quiet) {
            let validated = report.validation_accuracy.map(|share| format!(", {} validated", quantity::percent(share)));
            let validated = validated.unwrap_or_default();
            eprintln!("epoch {}/{}: loss {:.4}{validated}", report.epoch, recipe.epochs, report.train_loss);
        }
        if interrupt.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let seed = derived(run.config.seed, "final", trial.number);
    let outcome = train(&graph, &trained_on, &recipe, seed, &mut observe)?;
    let options = export_options(&run.config, &dataset, space.as_ref(), &run.name(), Some(&trial));
    let model =
        edgefit_onnx::export(&graph, &outcome.weights, &options).map_err(|e| Error::new(ErrorKind::Internal, e))?;
    let file = trained_file(&run.folder, trial.number);
    make_folder_of(&file)?;
    write_whole(&file, &model)?;
    let trained = told(&graph, &dataset, &outcome, begun.elapsed().as_secs_f64(), file)?;
    let trained = Trained { trial: trial.number, genotype: space.text(&trial.genotype), ..trained };
    if args.json { output::print_json(&trained) } else { output::print(&text(&trained)) }
}

fn told(
    graph: &edgefit_graph::Graph,
    dataset: &Dataset,
    outcome: &TrainOutcome,
    seconds: f64,
    model: PathBuf,
) -> Result<Trained> {
    let test = &dataset.test;
    let evaluation = evaluate(graph, &outcome.weights, test, &dataset.normalization)?;
    let metrics = Metrics::of(&evaluation, &test.labels, dataset.classes.len());
    let groups = dataset.test_groups.as_ref();
    let worst_group = groups.and_then(|groups| groups.worst(&evaluation.right(&test.labels)));
    let epochs = outcome.epochs.iter().map(|epoch| Epoch {
        train_loss: epoch.train_loss,
        validation_loss: epoch.validation_loss,
        validation_accuracy: epoch.validation_accuracy,
    });
    Ok(Trained {
        format: "edgefit-train/1",
        trial: 0,
        genotype: String::new(),
        seconds,
        epochs: epochs.collect(),
        test_samples: test.len(),
        accuracy: metrics.accuracy,
        balanced_accuracy: metrics.balanced_accuracy,
        macro_f1: metrics.macro_f1,
        top_3_accuracy: metrics.top(3),
        worst_class: dataset.classes.get(metrics.worst_class as usize).cloned().unwrap_or_default(),
        worst_class_accuracy: metrics.worst_class_accuracy,
        worst_group: worst_group.map(|(name, _)| name.to_owned()),
        worst_group_accuracy: worst_group.map(|(_, accuracy)| accuracy),
        calibration_error: metrics.calibration_error,
        model,
    })
}

fn text(trained: &Trained) -> String {
    let percent = quantity::percent;
    let rows = [
        (
            "trained",
            format!(
                "trial {}, {} epochs in {}",
                trained.trial,
                trained.epochs.len(),
                quantity::seconds(trained.seconds)
            ),
        ),
        ("network", trained.genotype.clone()),
        ("accuracy", format!("{} of {} test samples, as trained", percent(trained.accuracy), trained.test_samples)),
        (
            "balanced",
            format!(
                "{}, the mean over the classes; macro F1 {:.4}",
                percent(trained.balanced_accuracy),
                trained.macro_f1
            ),
        ),
        ("top 3", percent(trained.top_3_accuracy)),
        ("worst", format!("{}, class {}", percent(trained.worst_class_accuracy), trained.worst_class)),
        ("ECE", format!("{:.4}, expected calibration error, 15 bins", trained.calibration_error)),
        ("model", trained.model.display().to_string()),
    ];
    let group = trained.worst_group.iter().zip(trained.worst_group_accuracy);
    let group = group.map(|(name, accuracy)| ("group", format!("{}, the worst group, {name}", percent(accuracy))));
    rows.into_iter().chain(group).map(|(name, value)| format!("{name:9} {value}\n")).collect()
}
