//! Predictors compared on tabulated latencies of NAS-Bench-201 cells, where nothing has to be measured.

use std::path::{Path, PathBuf};

use edgefit_latency::NetworkSample;
use edgefit_latency::evaluation::Scores;
use edgefit_latency::tabulated::{Comparison, SELECTED, TabulatedError, cell_sample, compare};
use edgefit_search::draw;

use super::evaluate::{Evaluation, Figures, OURS};
use crate::cell_table::{CELLS, open};
use crate::error::{Error, ErrorKind, Result};

const NS_PER_MS: f64 = 1e6;

/// What is to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct TabulatedPlan {
    /// The table, CSV or gzipped CSV.
    pub csv: PathBuf,
    /// The column of the latencies.
    pub latency_column: String,
    /// Cells to fit; all others are tested.
    pub train: usize,
    /// How many times cells are drawn.
    pub repeats: usize,
    /// Whether the runtime removes dead branches.
    pub pruned: bool,
    /// Seed of the draws.
    pub seed: u64,
}

/// The cells of a table that have a latency.
struct Cells {
    samples: Vec<NetworkSample>,
    /// Cells whose output does not depend on their input.
    unconnected: usize,
}

/// Compares the predictors.
///
/// # Errors
/// When the table cannot be read, is none, or has too few cells.
pub fn evaluate_tabulated(plan: &TabulatedPlan) -> Result<Evaluation> {
    let Cells { samples, unconnected } = read_cells(plan)?;
    let rng = &mut draw::stream(plan.seed, 0);
    let comparisons = compare(&samples, plan.train, plan.repeats, rng).map_err(|e| told(&plan.csv, e))?;
    let how = if plan.pruned { "without the branches that a runtime removes" } else { "with all their branches" };
    Ok(Evaluation {
        format: 1,
        about: vec![
            format!("cells    {} with {}, {how}", samples.len(), plan.latency_column),
            format!("left out {unconnected} whose output does not depend on their input"),
            format!("fitted   {} cells, tested on all others, mean of {} draws", plan.train, plan.repeats),
        ],
        fitted: plan.train,
        tested: samples.len() - plan.train,
        draws: plan.repeats,
        seed: plan.seed,
        predictors: figures(&comparisons),
        models: Vec::new(),
    })
}

/// Ours first.
fn figures(comparisons: &[Comparison]) -> Vec<Figures> {
    let of = |comparison: &Comparison| {
        let name = if comparison.predictor == SELECTED { OURS } else { comparison.predictor };
        Figures::new(name, &Scores::mean_of(&comparison.draws))
    };
    let (ours, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|comparison| comparison.predictor == SELECTED);
    ours.into_iter().chain(others).map(of).collect()
}

fn read_cells(plan: &TabulatedPlan) -> Result<Cells> {
    let wrong = |e: csv::Error| malformed(&plan.csv, e);
    let mut reader = csv::Reader::from_reader(open(&plan.csv)?);
    let headers = reader.headers().map_err(wrong)?.clone();
    let column =
        |name: &str| headers.iter().position(|header| header == name).ok_or_else(|| no_column(plan, name, &headers));
    let (cell, latency) = (column(CELLS)?, column(&plan.latency_column)?);
    let mut cells = Cells { samples: Vec::new(), unconnected: 0 };
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let (cell, latency) = (record.get(cell).unwrap_or_default(), record.get(latency).unwrap_or_default());
        if latency.is_empty() {
            continue;
        }
        let ms = latency.parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms > 0.0);
        let ms = ms.ok_or_else(|| malformed(&plan.csv, format!("`{latency}` of {cell} is not a latency")))?;
        match cell_sample(cell, ms * NS_PER_MS, plan.pruned).map_err(|e| told(&plan.csv, e))? {
            Some(sample) => cells.samples.push(sample),
            None => cells.unconnected += 1,
        }
    }
    Ok(cells)
}

fn malformed(path: &Path, cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Data, format!("{}: {cause}", path.display()))
}

fn no_column(plan: &TabulatedPlan, name: &str, headers: &csv::StringRecord) -> Error {
    let (path, known) = (plan.csv.display(), headers.iter().collect::<Vec<_>>().join(", "));
    let kind = if name == CELLS { ErrorKind::Data } else { ErrorKind::Usage };
    Error::new(kind, format!("{path} has no column `{name}`; it has {known}"))
}

fn told(path: &Path, error: TabulatedError) -> Error {
    match error {
        TabulatedError::Cell { .. } => malformed(path, error),
        TabulatedError::TooFew { .. } => Error::new(ErrorKind::Usage, format!("--train: {error}")),
    }
}
