//! The comparison as a table for people.

use std::fmt::Write;

use edgefit_search::simulate::{Ideal, Queries, Summary};

use super::{Comparison, Plan};

/// Numbers of queries after which the best so far is shown, as far as there are so many.
const CHECKPOINTS: [usize; 9] = [10, 20, 50, 100, 150, 300, 500, 1_000, 3_000];

/// Most of them that are shown.
const COLUMNS: usize = 5;

/// The whole comparison.
pub fn text(comparison: &Comparison) -> String {
    let (plan, checkpoints) = (&comparison.plan, checkpoints(comparison.plan.queries));
    let width = plan.candidates.iter().map(|candidate| candidate.label().len()).max().unwrap_or(0).max(8);
    let mut out = heading(comparison);
    _ = write!(out, "{:width$}", "strategy");
    checkpoints.iter().for_each(|queries| _ = write!(out, "  {:>15}", format!("after {queries}")));
    _ = writeln!(out, "  {:>16}  {:>7}  {:>12}  {:>8}", "queries to best", "median", "found", "stopped");
    for (candidate, summary) in plan.candidates.iter().zip(&comparison.summaries) {
        _ = write!(out, "{:width$}", candidate.label());
        checkpoints.iter().for_each(|queries| _ = write!(out, "  {:>15}", best(comparison, summary, *queries)));
        let Queries { reached, repeats, .. } = summary.to_ideal;
        let (mean, median) = queries_to_best(&summary.to_ideal);
        let found = format!("{reached} of {repeats}");
        _ = writeln!(out, "  {mean:>16}  {median:>7}  {found:>12}  {:>8.0}", summary.stopped);
    }
    out
}

fn heading(comparison: &Comparison) -> String {
    let (plan, (all, feasible)) = (&comparison.plan, comparison.benchmark.counts());
    let Plan { accuracy_column, queries, repeats, seed, .. } = plan;
    let best = match comparison.benchmark.ideal() {
        Ideal::Loss(loss) => format!("best {accuracy_column} {}", -loss),
        Ideal::Hypervolume { .. } => "share of the hypervolume of all networks".to_owned(),
    };
    let bound = match (&plan.latency_column, plan.max_latency) {
        (Some(column), Some(most)) => format!("{feasible} with {column} <= {most}, "),
        _ => String::new(),
    };
    let table = plan.table.display();
    format!(
        "{table}: {all} networks, {bound}{best}\n\
         mean and standard deviation of the best so far over {repeats} repeats of {queries} queries, seeds from {seed} on\n"
    )
}

fn checkpoints(queries: usize) -> Vec<usize> {
    let before = CHECKPOINTS.into_iter().filter(|checkpoint| *checkpoint < queries);
    let all: Vec<usize> = before.chain([queries]).collect();
    all[all.len().saturating_sub(COLUMNS)..].to_vec()
}

fn best(comparison: &Comparison, summary: &Summary, queries: usize) -> String {
    let (mean, deviation) = (summary.mean[queries - 1], summary.deviation[queries - 1]);
    match comparison.benchmark.ideal() {
        Ideal::Loss(_) => format!("{:.2} +- {deviation:.2}", -mean),
        Ideal::Hypervolume { .. } => format!("{mean:.4} +- {deviation:.4}"),
    }
}

/// Mean with its standard error, and median; each with `>` where it is a lower bound.
fn queries_to_best(queries: &Queries) -> (String, String) {
    let bound = |is_exact: bool| if is_exact { "" } else { "> " };
    let mean = bound(queries.reached == queries.repeats);
    let median = bound(2 * queries.reached > queries.repeats);
    (format!("{mean}{:.1} +- {:.1}", queries.mean, queries.error), format!("{median}{:.0}", queries.median))
}

#[cfg(test)]
mod tests {
    use super::{Queries, checkpoints, queries_to_best};

    #[test]
    fn the_last_checkpoints_and_the_end_are_shown() {
        assert_eq!(checkpoints(300), [20, 50, 100, 150, 300]);
        assert_eq!(checkpoints(7), [7]);
    }

    #[test]
    fn what_was_not_reached_is_a_lower_bound() {
        let queries = |reached| Queries { mean: 106.25, error: 4.0, median: 82.0, reached, repeats: 4 };
        assert_eq!(queries_to_best(&queries(4)), ("106.2 +- 4.0".into(), "82".into()));
        assert_eq!(queries_to_best(&queries(2)), ("> 106.2 +- 4.0".into(), "> 82".into()));
    }
}
