//! Non-negative least squares on the normal equations.
//!
//! The active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23) in the form of Bro and
//! De Jong (A fast non-negativity-constrained least squares algorithm, 1997), which needs only the Gram matrix.

use nalgebra::{DMatrix, DVector};

/// Each variable enters the passive set a few times at most; more rounds than this mean numerical cycling, and the current
/// point, which is feasible, is returned.
const ROUNDS_PER_VARIABLE: usize = 5;

/// Minimizes `x' G x / 2 - c' x` over `x >= 0` for the coordinates in `bounded`, the others being free. `gram` is symmetric
/// positive definite.
pub(crate) fn solve(gram: &DMatrix<f64>, target: &DVector<f64>, bounded: &[bool]) -> DVector<f64> {
    let n = target.len();
    let tolerance = 1e-10 * target.amax();
    let mut passive: Vec<bool> = bounded.iter().map(|bounded| !bounded).collect();
    let mut x = solve_passive(gram, target, &passive);
    for _ in 0..n * ROUNDS_PER_VARIABLE {
        let gradient = target - gram * &x;
        let steepest = (0..n).filter(|&i| !passive[i]).max_by(|&a, &b| gradient[a].total_cmp(&gradient[b]));
        let Some(entering) = steepest.filter(|&i| gradient[i] > tolerance) else { break };
        passive[entering] = true;
        x = descend(gram, target, bounded, &mut passive, x);
    }
    x
}

/// Solves on the passive set; while that leaves the feasible region, stops at its edge and fixes what met it.
fn descend(
    gram: &DMatrix<f64>,
    target: &DVector<f64>,
    bounded: &[bool],
    passive: &mut [bool],
    mut x: DVector<f64>,
) -> DVector<f64> {
    for _ in 0..x.len() {
        let full = solve_passive(gram, target, passive);
        let blocking = (0..x.len()).filter(|&i| passive[i] && bounded[i] && full[i] <= 0.0);
        let step = blocking.map(|i| x[i] / (x[i] - full[i])).filter(|step| step.is_finite()).fold(1.0, f64::min);
        x += (&full - &x) * step;
        let leaves = |i: usize| passive[i] && bounded[i] && full[i] <= 0.0 && x[i] <= 1e-12 * full.amax();
        let leaving: Vec<usize> = (0..x.len()).filter(|&i| leaves(i)).collect();
        if leaving.is_empty() {
            return full;
        }
        for i in leaving {
            passive[i] = false;
            x[i] = 0.0;
        }
    }
    x
}

/// The unconstrained solution over the passive coordinates, zero elsewhere.
fn solve_passive(gram: &DMatrix<f64>, target: &DVector<f64>, passive: &[bool]) -> DVector<f64> {
    let chosen: Vec<usize> = (0..target.len()).filter(|&i| passive[i]).collect();
    let mut x = DVector::zeros(target.len());
    let sub = DMatrix::from_fn(chosen.len(), chosen.len(), |i, j| gram[(chosen[i], chosen[j])]);
    let rhs = DVector::from_fn(chosen.len(), |i, _| target[chosen[i]]);
    if let Some(cholesky) = sub.cholesky() {
        let solution = cholesky.solve(&rhs);
        chosen.iter().zip(solution.iter()).for_each(|(&i, &value)| x[i] = value);
    }
    x
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};
    use proptest::prelude::{ProptestConfig, prop_assert, proptest};

    use super::solve;

    /// The conditions of Karush, Kuhn and Tucker, which only the solution meets.
    fn is_optimal(gram: &DMatrix<f64>, target: &DVector<f64>, bounded: &[bool], x: &DVector<f64>) -> bool {
        let gradient = target - gram * x;
        let tolerance = 1e-7 * (1.0 + target.amax());
        (0..x.len()).all(|i| {
            let stationary = gradient[i].abs() <= tolerance;
            if bounded[i] { x[i] >= 0.0 && gradient[i] <= tolerance && (x[i] == 0.0 || stationary) } else { stationary }
        })
    }

    #[test]
    fn keeps_a_solution_that_is_inside() {
        let x = solve(&DMatrix::identity(2, 2), &DVector::from_vec(vec![1.0, 2.0]), &[true, true]);
        assert_eq!(x.as_slice(), [1.0, 2.0]);
    }

    #[test]
    fn puts_a_negative_coordinate_to_zero_and_leaves_a_free_one() {
        let target = DVector::from_vec(vec![1.0, -2.0]);
        assert_eq!(solve(&DMatrix::identity(2, 2), &target, &[true, true]).as_slice(), [1.0, 0.0]);
        assert_eq!(solve(&DMatrix::identity(2, 2), &target, &[true, false]).as_slice(), [1.0, -2.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn meets_the_optimality_conditions(
            values in proptest::collection::vec(-1.0..1.0f64, 12 * 6),
            target in proptest::collection::vec(-3.0..3.0f64, 12),
            bounded in proptest::collection::vec(proptest::bool::ANY, 6),
        ) {
            let a = DMatrix::from_vec(12, 6, values);
            let gram = a.transpose() * &a + DMatrix::identity(6, 6) * 1e-3;
            let target = a.transpose() * DVector::from_vec(target);
            let x = solve(&gram, &target, &bounded);
            prop_assert!(is_optimal(&gram, &target, &bounded, &x), "{x}");
        }
    }
}
