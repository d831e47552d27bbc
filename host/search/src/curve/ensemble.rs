//! An ensemble of parametric curves, each fitted to the epochs so far and weighted by how well it fits (after Domhan et al. 2015, with
//! grids in place of their Markov chains).
//!
//! Every curve is `a - b * f(epoch)` with `b >= 0` and a falling `f` of one shape parameter; `a` and `b` follow by least squares.

use super::LEAST_EPOCHS;

/// Shape parameters that are tried for each family.
const SHAPES: [f64; 8] = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5];

/// Least standard deviation of an epoch around its curve.
const LEAST_NOISE: f64 = 0.005;

/// Power law, exponential, logarithmic power and a saturating quotient, of the epoch and the shape; each falls.
const FAMILIES: [fn(f64, f64) -> f64; 4] = [
    |epoch, shape| epoch.powf(-shape),
    |epoch, shape| (-shape * epoch).exp(),
    |epoch, shape| 1.0 / (1.0 + (epoch + 1.0).ln().powf(1.0 + shape)),
    |epoch, shape| 1.0 / (1.0 + shape * epoch),
];

/// One curve: its value at the epoch asked for, and its sum of squared errors.
struct Fit {
    value: f64,
    squares: f64,
}

/// The accuracy at `epoch`; `None` if there are too few so far, or one is no finite number.
pub(super) fn forecast(accuracies: &[f64], epoch: usize) -> Option<f64> {
    if accuracies.len() < LEAST_EPOCHS || accuracies.iter().any(|accuracy| !accuracy.is_finite()) {
        return None;
    }
    let shapes = FAMILIES.iter().flat_map(|family| SHAPES.map(|shape| move |epoch: f64| family(epoch, shape)));
    let fits: Vec<Fit> = shapes.map(|curve| Fit::of(accuracies, epoch as f64, curve)).collect();
    // Two numbers were fitted.
    let freedom = (accuracies.len() - 2) as f64;
    let best = fits.iter().map(|fit| fit.squares).fold(f64::INFINITY, f64::min);
    let variance = (best / freedom).max(LEAST_NOISE * LEAST_NOISE);
    let weights: Vec<f64> = fits.iter().map(|fit| (-(fit.squares - best) / (2.0 * variance)).exp()).collect();
    let sum: f64 = fits.iter().zip(&weights).map(|(fit, weight)| fit.value * weight).sum();
    Some(sum / weights.iter().sum::<f64>())
}

impl Fit {
    /// The best `a - b * curve`, its value within what an accuracy can be.
    fn of(accuracies: &[f64], epoch: f64, curve: impl Fn(f64) -> f64) -> Self {
        let points = || accuracies.iter().enumerate().map(|(at, y)| (curve((at + 1) as f64), *y));
        let count = accuracies.len() as f64;
        let mean_x = points().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points().map(|(_, y)| y).sum::<f64>() / count;
        let spread: f64 = points().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let product: f64 = points().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let slope = if spread > 0.0 { (product / spread).min(0.0) } else { 0.0 };
        let at = |x: f64| mean_y + slope * (x - mean_x);
        let squares = points().map(|(x, y)| (y - at(x)).powi(2)).sum();
        Self { value: at(curve(epoch)).clamp(0.0, 1.0), squares }
    }
}
