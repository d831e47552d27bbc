//! `edgefit simulate`: strategies compared on a tabulated benchmark, repeats side by side on all cores.
//!
//! The searches are those of the search crate, which looks results up; here the table is read, repeats are shared out, and
//! figures become text and JSON. A repeat depends on its seed only, so the figures are the same on any number of cores.

mod candidate;
mod json;
mod plot;
mod repeats;
mod table;
mod text;

use std::path::PathBuf;

use edgefit_search::simulate::{Benchmark, BenchmarkError, Summary};
use edgefit_search::{Constraint, Goals, Metric, Objective};

use crate::error::{Error, ErrorKind, Result};

pub use candidate::Candidate;
pub use json::json;
pub use plot::{check_name, write_plot};
pub use text::text;

/// What is to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The table, CSV, gzipped if its name ends in `.gz`.
    pub table: PathBuf,
    /// Its column with the accuracy, in any unit; more is better.
    pub accuracy_column: String,
    /// Its column with the latency, in any unit.
    pub latency_column: Option<String>,
    /// The largest latency that is allowed; without it a latency is a second objective.
    pub max_latency: Option<f64>,
    /// The strategies.
    pub candidates: Vec<Candidate>,
    /// Networks that each search may query.
    pub queries: usize,
    /// Searches of each strategy.
    pub repeats: usize,
    /// Seed of the first search; each next has the next one.
    pub seed: u64,
}

/// What came out.
pub struct Comparison {
    /// What was compared.
    pub plan: Plan,
    /// What was searched.
    pub benchmark: Benchmark,
    /// One summary for each strategy of the plan.
    pub summaries: Vec<Summary>,
}

/// Reads the table and runs every search. `told` hears of each strategy before its searches begin.
///
/// # Errors
/// When the table cannot be read, has no such column, or nothing in it keeps the bound.
pub fn run(plan: Plan, mut told: impl FnMut(&str)) -> Result<Comparison> {
    let networks = table::read(&plan)?;
    let benchmark = Benchmark::new(table::space(), networks, goals(&plan)?);
    let benchmark = benchmark.map_err(|error| not_searched(&plan, error))?;
    let mut summaries = Vec::with_capacity(plan.candidates.len());
    for candidate in &plan.candidates {
        told(candidate.label());
        let courses = repeats::run(&benchmark, candidate, &plan)?;
        summaries.push(Summary::of(&courses, plan.queries));
    }
    Ok(Comparison { plan, benchmark, summaries })
}

fn not_searched(plan: &Plan, error: BenchmarkError) -> Error {
    let kind = match error {
        BenchmarkError::NoFeasible(_) => ErrorKind::NoFeasibleArchitecture,
        BenchmarkError::Space(_) | BenchmarkError::Incomplete(_) => ErrorKind::Data,
    };
    Error::new(kind, format!("{}: {error}", plan.table.display()))
}

fn goals(plan: &Plan) -> Result<Goals> {
    let mut objectives = vec![Objective::of(Metric::Accuracy)];
    if plan.latency_column.is_some() && plan.max_latency.is_none() {
        objectives.push(Objective::of(Metric::LatencyMs));
    }
    let bound = plan.max_latency.map(|most| Constraint::at_most(Metric::LatencyMs, most));
    Goals::new(objectives, bound.into_iter().collect()).map_err(|e| Error::new(ErrorKind::Usage, e))
}
