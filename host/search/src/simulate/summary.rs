//! What repeated searches have in common: mean and spread of the best so far, and how many queries the best takes.

use super::Course;

/// Figures over the repeats of one strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// After each query, the mean of [`Course::progress`]; a search that ended early keeps its last.
    pub mean: Vec<f64>,
    /// After each query, its standard deviation over the repeats.
    pub deviation: Vec<f64>,
    /// Queries until nothing better was left.
    pub to_ideal: Queries,
    /// Mean number of proposals that were stopped before a query.
    pub stopped: f64,
}

/// Queries until something happened, over repeats; one in which it did not happen counts with all its queries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queries {
    /// Their mean; a lower bound unless it happened in every repeat.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Their median; a lower bound unless it happened in more than half of the repeats.
    pub median: f64,
    /// In how many repeats it happened.
    pub reached: usize,
    /// Number of repeats.
    pub repeats: usize,
}

impl Summary {
    /// Of these repeats, each of which was allowed this many queries.
    ///
    /// # Panics
    /// If there are none.
    pub fn of(courses: &[Course], queries: usize) -> Self {
        assert!(!courses.is_empty(), "a summary is of at least one repeat");
        let at = |query: usize| -> Vec<f64> {
            let progress = |course: &Course| course.progress().get(query).or(course.progress().last()).copied();
            courses.iter().filter_map(progress).collect()
        };
        let moments: Vec<(f64, f64)> = (0..queries).map(|query| mean_and_deviation(&at(query))).collect();
        let (mean, deviation) = moments.into_iter().unzip();
        let stopped = courses.iter().map(|course| course.stopped() as f64).sum::<f64>() / courses.len() as f64;
        Self { mean, deviation, to_ideal: Queries::of(courses, queries), stopped }
    }
}

impl Queries {
    fn of(courses: &[Course], queries: usize) -> Self {
        let counts = courses.iter().map(|course| course.reached_at().unwrap_or(queries) as f64);
        let mut counts: Vec<f64> = counts.collect();
        counts.sort_by(f64::total_cmp);
        let (mean, deviation) = mean_and_deviation(&counts);
        let middle = (counts[(counts.len() - 1) / 2] + counts[counts.len() / 2]) / 2.0;
        let reached = courses.iter().filter(|course| course.reached_at().is_some()).count();
        let error = deviation / (counts.len() as f64).sqrt();
        Self { mean, error, median: middle, reached, repeats: counts.len() }
    }
}

/// Mean and standard deviation; the latter is 0 for fewer than two values.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}
