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
pub(super) struct Ridge<'a> {
    space: &'a dyn Space,
    /// Which losses are known without training.
    known: Vec<bool>,
    center: DVector<f64>,
    scale: DVector<f64>,
    mean: DVector<f64>,
    /// One row a feature, one column a loss.
    coefficients: DMatrix<f64>,
}

impl<'a> Ridge<'a> {
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

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::Ridge;
    use crate::draw;
    use crate::genotype::Genotype;
    use crate::space::{self, Space, SpaceSettings, Task};
    use crate::trial::Observation;

    /// A loss that only training tells, and one that is known before.
    fn losses(genotype: &Genotype) -> [f64; 2] {
        let genes: Vec<f64> = genotype.genes().iter().map(|gene| f64::from(*gene)).collect();
        let known = 1.0 + genes.iter().sum::<f64>();
        [3.0 * genes[2] - genes[4] - 2.0 * known.ln(), known]
    }

    fn space() -> Box<dyn Space> {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        space::build(&SpaceSettings::preset("mbconv"), &task).unwrap()
    }

    #[test]
    fn guesses_what_follows_from_choices_and_known_losses() {
        let space = space();
        let genotypes: Vec<Genotype> = (0..60).map(|i| space.sample(&mut draw::stream(1, i))).collect();
        let told: Vec<[f64; 2]> = genotypes.iter().map(losses).collect();
        let trained: Vec<(&Genotype, &[f64])> = genotypes.iter().zip(told.iter().map(<[f64; 2]>::as_slice)).collect();
        let ridge = Ridge::fit(space.as_ref(), &trained, vec![false, true]).unwrap();
        for draw in 0..50 {
            let genotype = space.sample(&mut draw::stream(2, draw));
            let [hidden, known] = losses(&genotype);
            let observation = Observation::of(genotype, vec![None, Some(known)], 0.0);
            let guess = ridge.losses(&observation);
            assert!((guess[0] - hidden).abs() < 0.5, "{} instead of {hidden}", guess[0]);
            assert_eq!(guess[1], known);
        }
    }

    #[test]
    fn knows_nothing_without_networks() {
        assert!(Ridge::fit(space().as_ref(), &[], vec![false, true]).is_none());
    }
}
