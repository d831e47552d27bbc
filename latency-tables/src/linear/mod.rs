//! Small dense least squares: rows are scaled by weights, columns by their size, and a ridge keeps few samples solvable.

mod gram;
mod nnls;

pub(crate) use gram::{Fit, Problem, Sign};
