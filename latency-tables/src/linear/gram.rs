//! Weighted least squares through the Gram matrix, robust to a few outliers.
//!
//! Rows are divided by a weight (for relative errors, by the measured value), columns by their root mean square, so that one
//! ridge suits all of them. A few rounds of reweighting after Huber (Robust Estimation of a Location Parameter, 1964) keep
//! measurements that were disturbed from moving the rest.

use nalgebra::{DMatrix, DVector};

use super::nnls;
use crate::statistics::robust_deviation;

/// Most rounds of reweighting.
const HUBER_ROUNDS: usize = 8;

/// Weights that change by no more than this between two rounds have settled.
const SETTLED: f64 = 0.01;

/// Residuals beyond this many robust deviations count linearly: for measurements of which few are disturbed.
const USUAL_BOUND: f64 = 2.0;

/// Which values a coefficient may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Any.
    Free,
    /// Zero or more.
    NonNegative,
}

/// A least squares problem: find coefficients so that `rows * coefficients` is near `targets`.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// One row a sample.
    pub(crate) rows: DMatrix<f64>,
    /// One target a sample.
    pub(crate) targets: DVector<f64>,
    /// Error of a sample that counts one: the target itself for relative errors.
    pub(crate) scales: DVector<f64>,
    /// One a column.
    pub(crate) signs: Vec<Sign>,
    /// Share of a column's size added to the diagonal.
    pub(crate) ridge: f64,
    /// What the ridge draws the coefficients to, one a column.
    pub(crate) prior: DVector<f64>,
    /// Residuals beyond this many robust deviations count linearly; `None` when all count squared.
    pub(crate) huber_bound: Option<f64>,
}

impl Problem {
    /// Relative errors, non-negative coefficients drawn to zero, outliers weighed down.
    pub(crate) fn relative(rows: DMatrix<f64>, targets: DVector<f64>, ridge: f64) -> Self {
        let columns = rows.ncols();
        let (signs, prior) = (vec![Sign::NonNegative; columns], DVector::zeros(columns));
        Self { rows, scales: targets.clone(), targets, signs, ridge, prior, huber_bound: Some(USUAL_BOUND) }
    }

    /// Solves it.
    pub(crate) fn solve(&self) -> Fit {
        let mut rows = self.rows.clone();
        let mut targets = self.targets.clone();
        for (i, scale) in self.scales.iter().enumerate() {
            rows.row_mut(i).scale_mut(1.0 / scale);
            targets[i] /= scale;
        }
        let sizes = column_sizes(&rows);
        for (mut column, size) in rows.column_iter_mut().zip(sizes.iter()) {
            column.scale_mut(1.0 / size);
        }
        let mut weights = DVector::from_element(targets.len(), 1.0);
        let mut fit = self.solve_scaled(&rows, &targets, &weights, &sizes);
        for _ in 0..HUBER_ROUNDS {
            let Some(bound) = self.huber_bound else { break };
            let bound = bound * freedom(&fit.0, targets.len());
            let earlier = std::mem::replace(&mut weights, huber_weights(&(&rows * &fit.0 - &targets), bound));
            if (&earlier - &weights).amax() <= SETTLED {
                break;
            }
            fit = self.solve_scaled(&rows, &targets, &weights, &sizes);
        }
        let (scaled, gram) = fit;
        Fit { coefficients: scaled.component_div(&sizes), sizes, gram_inverse: inverse(gram) }
    }

    /// Scaled coefficients and their Gram matrix, ridge included.
    fn solve_scaled(
        &self,
        rows: &DMatrix<f64>,
        targets: &DVector<f64>,
        weights: &DVector<f64>,
        sizes: &DVector<f64>,
    ) -> (DVector<f64>, DMatrix<f64>) {
        let mut weighted = rows.clone();
        for (i, weight) in weights.iter().enumerate() {
            weighted.row_mut(i).scale_mut(*weight);
        }
        let (mut gram, mut right) = (weighted.tr_mul(rows), weighted.tr_mul(targets));
        let ridge = self.ridge.max(1e-9) * targets.len() as f64;
        for i in 0..gram.ncols() {
            gram[(i, i)] += ridge;
            right[i] += ridge * self.prior[i] * sizes[i];
        }
        let bounded: Vec<bool> = self.signs.iter().map(|sign| *sign == Sign::NonNegative).collect();
        (nnls::solve(&gram, &right, &bounded), gram)
    }
}

/// Root mean square of each column; 1 for a column of zeros.
fn column_sizes(rows: &DMatrix<f64>) -> DVector<f64> {
    let samples = rows.nrows().max(1) as f64;
    let size = |norm: f64| if norm > 0.0 { norm / samples.sqrt() } else { 1.0 };
    DVector::from_iterator(rows.ncols(), rows.column_iter().map(|column| size(column.norm())))
}

/// What residuals of a fit are multiplied by to be as large as errors of fresh samples: fitted coefficients take some of them away.
fn freedom(coefficients: &DVector<f64>, samples: usize) -> f64 {
    let fitted = coefficients.iter().filter(|coefficient| **coefficient != 0.0).count();
    (samples as f64 / samples.saturating_sub(fitted).max(1) as f64).sqrt()
}

fn huber_weights(residuals: &DVector<f64>, bound: f64) -> DVector<f64> {
    let bound = bound * robust_deviation(residuals.as_slice());
    residuals.map(|residual| if residual.abs() <= bound { 1.0 } else { bound / residual.abs() })
}

fn inverse(gram: DMatrix<f64>) -> DMatrix<f64> {
    let columns = gram.ncols();
    gram.cholesky().map_or_else(|| DMatrix::zeros(columns, columns), |cholesky| cholesky.inverse())
}

/// A solved problem.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    coefficients: DVector<f64>,
    sizes: DVector<f64>,
    gram_inverse: DMatrix<f64>,
}

impl Fit {
    /// One a column.
    pub(crate) fn coefficients(&self) -> &[f64] {
        self.coefficients.as_slice()
    }

    /// The fitted value of a row.
    pub(crate) fn predict(&self, row: &[f64]) -> f64 {
        self.coefficients.iter().zip(row).map(|(coefficient, value)| coefficient * value).sum()
    }

    /// How far a row of relative errors lies from the fitted ones: `x' (X'X)^-1 x` with `x` divided by the predicted value;
    /// near `columns / samples` for a row like the others, large outside of what they span.
    pub(crate) fn leverage(&self, row: &[f64], predicted: f64) -> f64 {
        let scaled =
            DVector::from_iterator(row.len(), row.iter().zip(self.sizes.iter()).map(|(v, s)| v / s / predicted));
        (&self.gram_inverse * &scaled).dot(&scaled).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::Problem;

    /// `y = 2 a + 3 b` at a grid, with one value off by a factor of ten.
    fn disturbed(huber_bound: Option<f64>) -> Vec<f64> {
        let rows = DMatrix::from_fn(30, 2, |i, j| if j == 0 { 1.0 + i as f64 } else { 1.0 + (i * i % 7) as f64 });
        let mut targets = &rows * DVector::from_vec(vec![2.0, 3.0]);
        targets[12] *= 10.0;
        let scales = rows.column(0).map(|a| 2.0 * a + 3.0);
        let problem = Problem { huber_bound, scales, ..Problem::relative(rows, targets, 0.0) };
        problem.solve().coefficients().to_vec()
    }

    #[test]
    fn one_disturbed_sample_hardly_moves_a_robust_fit() {
        let error = |c: &[f64]| (c[0] - 2.0).abs().max((c[1] - 3.0).abs());
        assert!(error(&disturbed(Some(2.0))) < 1e-3);
        assert!(error(&disturbed(None)) > 0.1);
    }

    #[test]
    fn leverage_grows_outside_of_the_samples() {
        let rows = DMatrix::from_fn(20, 2, |i, j| if j == 0 { 1.0 } else { 1.0 + (i % 3) as f64 });
        let targets = rows.column_sum() * 1.0;
        let fit = Problem::relative(rows, targets, 1e-6).solve();
        let at = |x: f64| fit.leverage(&[1.0, x], fit.predict(&[1.0, x]));
        assert!(at(-0.5) > 3.0 * at(2.0), "{} {}", at(-0.5), at(2.0));
    }
}
