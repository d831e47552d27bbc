//! A guess at the losses that only training tells, from the networks trained so far.
//!
//! Ridge regression of each such loss on the space's encoding and on what is known without training, such as a predicted
//! latency, with its logarithm. From a few dozen networks nothing richer can be learned; it only has to sort offspring
//! better than chance does.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

/// Weight of the penalty on the coefficients, in observations; features are scaled to variance 1.
const RIDGE: f64 = 2.0;

/// Stands for zero where a logarithm or a quotient needs a number.
const SMALLEST: f64 = 1e-12;

/// A linear model of the losses.
pub(super) struct Surrogate<'a> {
    space: &'a dyn Space,
    /// Which losses are known without training.
    known: Vec<bool>,
    center: DVector<f64>,
    scale: DVector<f64>,
    mean: DVector<f64>,
    /// One row a feature, one column a loss.
    coefficients: DMatrix<f64>,
}

impl<'a> Surrogate<'a> {
    /// The model of these trained networks and their losses; `known` says which losses come without training. `None`
    /// without networks.
    pub(super) fn fit(space: &'a dyn Space, trained: &[(&Genotype, &[f64])], known: Vec<bool>) -> Option<Self> {
        if trained.is_empty() {
            return None;
        }
        let losses = DMatrix::from_fn(trained.len(), known.len(), |row, column| trained[row].1[column]);
        let columns = trained.iter().map(|(genotype, losses)| features(space, genotype, &free(losses, &known)));
        let raw = DMatrix::from_columns(&columns.map(DVector::from_vec).collect::<Vec<_>>());
        let (center, mean) = (raw.column_mean(), losses.row_mean().transpose());
        let scale = raw.column_variance().map(|variance| variance.sqrt().max(SMALLEST));
        let scaled = DMatrix::from_fn(raw.nrows(), raw.ncols(), |i, j| (raw[(i, j)] - center[i]) / scale[i]);
        let centered = DMatrix::from_fn(losses.nrows(), losses.ncols(), |i, j| losses[(i, j)] - mean[j]);
        let penalized = &scaled * scaled.transpose() + DMatrix::identity(raw.nrows(), raw.nrows()) * RIDGE;
        let coefficients = Cholesky::new(penalized)?.solve(&(&scaled * centered));
        Some(Self { space, known, center, scale, mean, coefficients })
    }

    /// All losses of a network: those that are known, and a guess at the others.
    pub(super) fn losses(&self, observation: &Observation) -> Vec<f64> {
        let before: Vec<f64> = observation.losses.iter().map(|loss| loss.unwrap_or(0.0)).collect();
        let features = DVector::from_vec(features(self.space, &observation.genotype, &free(&before, &self.known)));
        let scaled = (features - &self.center).component_div(&self.scale);
        let guess = self.coefficients.tr_mul(&scaled) + &self.mean;
        observation.losses.iter().zip(&guess).map(|(loss, guess)| loss.unwrap_or(*guess)).collect()
    }
}

/// The losses that are known without training.
fn free(losses: &[f64], known: &[bool]) -> Vec<f64> {
    losses.iter().zip(known).filter(|(_, known)| **known).map(|(loss, _)| *loss).collect()
}

/// The encoding, and each loss in `free` with its logarithm.
fn features(space: &dyn Space, genotype: &Genotype, free: &[f64]) -> Vec<f64> {
    let encoded = space.encode(genotype).into_iter().map(f64::from);
    encoded.chain(free.iter().flat_map(|loss| [*loss, loss.abs().max(SMALLEST).ln()])).collect()
}
