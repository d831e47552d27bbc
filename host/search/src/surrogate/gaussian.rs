//! A Gaussian process over encoded networks (Rasmussen and Williams 2006): a mean and a deviation for each network that was
//! not trained, from those that were.
//!
//! The kernel is Matern 5/2 in the Euclidean distance of the encodings. Length and noise are the likeliest of a grid, several where
//! few networks do not tell them apart (as Snoek et al. 2012 integrate over them); the scale follows in closed form.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Lengths that are tried, relative to the mean distance.
const LENGTHS: [f64; 8] = [0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 2.2, 3.5];

/// Variances of the noise that are tried, relative to that of the process.
const NOISES: [f64; 3] = [0.01, 0.05, 0.2];

/// Hyperparameters that are believed in side by side, at most, and the least share of the likelihood that counts.
const MOST_LIKELY: usize = 4;
const LEAST_SHARE: f64 = 0.05;

/// Numbers that are summed side by side.
const LANES: usize = 8;

/// Stands for zero where a logarithm or a root needs a number.
const SMALLEST: f64 = 1e-12;

/// What is not learned from the targets in closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hyperparameters {
    /// Distance over which networks are alike.
    length: f64,
    /// Variance of the noise, relative to that of the process.
    noise: f64,
}

/// A fitted process.
pub(crate) struct Gaussian<'a> {
    points: Vec<&'a [f32]>,
    hyper: Hyperparameters,
    cholesky: Cholesky<f64, Dyn>,
    weights: DVector<f64>,
    variance: f64,
    center: f64,
}

/// What is believed of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Belief {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
}

impl Belief {
    /// What several processes believe together, each with its weight: the mean and the deviation of the mixture.
    pub(crate) fn mixed(beliefs: &[(Self, f64)]) -> Self {
        let total: f64 = beliefs.iter().map(|(_, weight)| weight).sum();
        let mean = beliefs.iter().map(|(belief, weight)| weight * belief.mean).sum::<f64>() / total;
        let square = |belief: &Self| belief.deviation.powi(2) + (belief.mean - mean).powi(2);
        let variance = beliefs.iter().map(|(belief, weight)| weight * square(belief)).sum::<f64>() / total;
        Self { mean, deviation: variance.sqrt() }
    }
}

impl Hyperparameters {
    /// Those of the grid under which the targets are likeliest, each with its share of their likelihood; none for fewer than two
    /// points or points that are all the same.
    pub(crate) fn likely(points: &[&[f32]], targets: &[f64]) -> Vec<(Self, f64)> {
        likeliest(Self::judged(points, targets, &NOISES))
    }

    /// All of the grid with these noises, each with the logarithm of its likelihood.
    pub(crate) fn judged(points: &[&[f32]], targets: &[f64], noises: &[f64]) -> Vec<(Self, f64)> {
        let distances = distances(points);
        let pairs = (points.len() * points.len().saturating_sub(1)) as f64;
        let mean = distances.sum() / pairs.max(1.0);
        if mean <= 0.0 {
            return Vec::new();
        }
        let with = |length: f64| noises.iter().map(move |noise| Self { length: length * mean, noise: *noise });
        let grid = LENGTHS.into_iter().flat_map(with);
        grid.filter_map(|hyper| Some((hyper, hyper.likelihood(&distances, targets)?))).collect()
    }

    /// The logarithm of the marginal likelihood with the best scale, up to a constant (section 5.4.1).
    fn likelihood(self, distances: &DMatrix<f64>, targets: &[f64]) -> Option<f64> {
        let cholesky = Cholesky::new(self.covariance(distances))?;
        let centered = centered(targets).0;
        let variance = centered.dot(&cholesky.solve(&centered)) / targets.len() as f64;
        let diagonal = cholesky.l_dirty().diagonal();
        let log_determinant = 2.0 * diagonal.iter().map(|x| x.ln()).sum::<f64>();
        Some(-0.5 * (targets.len() as f64 * variance.max(SMALLEST).ln() + log_determinant))
    }

    fn covariance(self, distances: &DMatrix<f64>) -> DMatrix<f64> {
        let mut covariance = distances.map(|distance| self.kernel(distance));
        (0..covariance.nrows()).for_each(|i| covariance[(i, i)] += self.noise);
        covariance
    }

    fn kernel(self, distance: f64) -> f64 {
        let r = 5f64.sqrt() * distance / self.length;
        (1.0 + r + r * r / 3.0) * (-r).exp()
    }
}

/// The likeliest ones, by the logarithms of their likelihoods, each with its share among them.
pub(crate) fn likeliest<T>(mut scored: Vec<(T, f64)>) -> Vec<(T, f64)> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored.truncate(MOST_LIKELY);
    let best = scored.first().map_or(0.0, |(_, likelihood)| *likelihood);
    scored.iter_mut().for_each(|(_, likelihood)| *likelihood = (*likelihood - best).exp());
    let sum: f64 = scored.iter().map(|(_, share)| share).sum();
    scored.iter_mut().for_each(|(_, share)| *share /= sum);
    scored.retain(|(_, share)| *share >= LEAST_SHARE);
    scored
}

impl<'a> Gaussian<'a> {
    /// The process that passes these targets; `None` without points.
    pub(crate) fn fit(points: Vec<&'a [f32]>, targets: &[f64], hyper: Hyperparameters) -> Option<Self> {
        if points.is_empty() {
            return None;
        }
        let cholesky = Cholesky::new(hyper.covariance(&distances(&points)))?;
        let (centered, center) = centered(targets);
        let weights = cholesky.solve(&centered);
        let variance = (centered.dot(&weights) / targets.len() as f64).max(SMALLEST);
        Some(Self { points, hyper, cholesky, weights, variance, center })
    }

    /// What is believed of the function at these points, without the noise of an observation.
    pub(crate) fn predict(&self, at: &[Vec<f32>]) -> Vec<Belief> {
        let kernel = |i: usize, j: usize| self.hyper.kernel(distance(self.points[i], &at[j]));
        let cross = DMatrix::from_fn(self.points.len(), at.len(), kernel);
        let means = cross.tr_mul(&self.weights);
        let explained = self.cholesky.l_dirty().solve_lower_triangular(&cross).unwrap_or(cross);
        let belief = |(j, mean): (usize, &f64)| {
            let left = (1.0 - explained.column(j).norm_squared()).max(SMALLEST);
            Belief { mean: self.center + mean, deviation: (self.variance * left).sqrt() }
        };
        means.iter().enumerate().map(belief).collect()
    }

    /// Variance of the noise of an observation.
    pub(crate) fn noise(&self) -> f64 {
        self.variance * self.hyper.noise
    }

    /// What would be believed of an observation at each point without the one that was made there (equation 5.12).
    pub(crate) fn left_out(&self, targets: &[f64]) -> Vec<Belief> {
        let inverse = self.cholesky.inverse();
        let belief = |(i, target): (usize, &f64)| {
            let left = inverse[(i, i)].max(SMALLEST);
            Belief { mean: target - self.weights[i] / left, deviation: (self.variance / left).sqrt() }
        };
        targets.iter().enumerate().map(belief).collect()
    }
}

/// The targets around their mean, and the mean.
fn centered(targets: &[f64]) -> (DVector<f64>, f64) {
    let center = targets.iter().sum::<f64>() / targets.len() as f64;
    (DVector::from_iterator(targets.len(), targets.iter().map(|target| target - center)), center)
}

fn distances(points: &[&[f32]]) -> DMatrix<f64> {
    let mut distances = DMatrix::zeros(points.len(), points.len());
    for i in 0..points.len() {
        for j in 0..i {
            let between = distance(points[i], points[j]);
            (distances[(i, j)], distances[(j, i)]) = (between, between);
        }
    }
    distances
}

/// Sums in lanes, which the compiler turns into vector instructions.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f32; LANES];
    let square = |(a, b): (&f32, &f32)| (a - b) * (a - b);
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(square).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, pair)| *lane += square(pair));
    }
    f64::from(lanes.iter().sum::<f32>() + rest).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Gaussian, Hyperparameters};

    fn wave(x: f32) -> f64 {
        f64::from((6.0 * x).sin())
    }

    #[test]
    fn passes_what_was_told_and_doubts_what_is_far() {
        let points: Vec<Vec<f32>> = (0..12).map(|i| vec![i as f32 / 11.0]).collect();
        let refs: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        let targets: Vec<f64> = points.iter().map(|point| wave(point[0])).collect();
        let hyper = Hyperparameters::likely(&refs, &targets)[0].0;
        let process = Gaussian::fit(refs, &targets, hyper).unwrap();
        let beliefs = process.predict(&[vec![0.5], vec![0.27], vec![3.0]]);
        assert!((beliefs[0].mean - wave(0.5)).abs() < 0.05, "{beliefs:?}");
        assert!((beliefs[1].mean - wave(0.27)).abs() < 0.05, "{beliefs:?}");
        assert!(beliefs[2].deviation > 4.0 * beliefs[1].deviation, "{beliefs:?}");
    }

    #[test]
    fn leaving_one_out_is_fitting_without_it() {
        let points: Vec<Vec<f32>> = (0..8).map(|i| vec![i as f32 / 7.0]).collect();
        let refs: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
        // Their mean is 0 with and without the one that is left out.
        let targets = [0.3, -0.2, 0.5, 0.0, -0.6, 0.1, 0.4, -0.5];
        let hyper = Hyperparameters { length: 0.5, noise: 0.1 };
        let left_out = Gaussian::fit(refs.clone(), &targets, hyper).unwrap().left_out(&targets)[3];
        let without = |i: &usize| *i != 3;
        let others: Vec<f64> = (0..8).filter(without).map(|i| targets[i]).collect();
        let process = Gaussian::fit((0..8).filter(without).map(|i| refs[i]).collect(), &others, hyper).unwrap();
        let fitted = process.predict(&points[3..4])[0];
        assert!((left_out.mean - fitted.mean).abs() < 1e-9, "{left_out:?} {fitted:?}");
    }

    #[test]
    fn the_same_points_teach_no_length() {
        let point = [0.5f32];
        assert_eq!(Hyperparameters::likely(&[&point, &point], &[1.0, 2.0]), []);
        assert_eq!(Hyperparameters::likely(&[], &[]), []);
    }
}
