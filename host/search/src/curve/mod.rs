//! Where a training is going that has not ended, and whether it gets as far as it has to: learning curves and probabilities.
//!
//! Everything follows from validation accuracies, one an epoch, the first of epoch 1. Whoever trains decides what to do about it.

mod ensemble;
mod need;
mod student;
#[cfg(test)]
mod tests;

pub use need::needed;

use ensemble::forecast;
use student::Student;

/// Least epochs that say anything of where a curve goes.
pub const LEAST_EPOCHS: usize = 4;

/// Least trainings that ended, without which nobody knows how wrong a forecast is.
pub const LEAST_FINISHED: usize = 4;

/// What is believed of the best accuracy that a training of known length reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The middle of what is believed; from 0 to 1.
    pub mean: f64,
    errors: Student,
}

/// The best accuracy of a training, from its first epochs and from the whole curves of trainings that ended; `None` with fewer than
/// [`LEAST_EPOCHS`] epochs or [`LEAST_FINISHED`] others, or if an accuracy is no finite number.
///
/// An ensemble of parametric curves extrapolates. A learning rate that falls to zero lifts the last epochs above any such curve,
/// and networks of one space learn alike: so the ensemble also forecasts the trainings that ended, from as many epochs, and by what it
/// missed those says how far, and how surely, its forecast is off. Those errors and that of this training are taken for draws of one
/// normal distribution, whose next draw follows Student's t.
pub fn predict(seen: &[f64], finished: &[Vec<f64>]) -> Option<Prediction> {
    let epochs = finished.iter().map(Vec::len).max().filter(|epochs| *epochs > seen.len())?;
    let ended = finished.iter().filter(|curve| curve.len() == epochs);
    let error = |curve: &Vec<f64>| Some(best(curve) - forecast(&curve[..seen.len()], epochs)?);
    let errors: Vec<f64> = ended.filter_map(error).filter(|error| error.is_finite()).collect();
    let errors = Student::next_of(&errors).filter(|_| errors.len() >= LEAST_FINISHED)?;
    let errors = errors.moved(forecast(seen, epochs)?);
    Some(Prediction { mean: errors.middle().clamp(0.0, 1.0), errors })
}

impl Prediction {
    /// Probability that the accuracy is `value` or more.
    pub fn reaches(&self, value: f64) -> f64 {
        1.0 - self.errors.below(value)
    }

    /// The interval that holds the accuracy with this probability, with equal shares outside on both sides.
    pub fn interval(&self, probability: f64) -> (f64, f64) {
        let tail = (1.0 - probability) / 2.0;
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    /// By bisection of `[0, 1]`, in which accuracies are.
    fn quantile(&self, share: f64) -> f64 {
        least(|accuracy| self.errors.below(accuracy) >= share)
    }
}

/// Whether an epoch is one of three after which it pays to ask: where a quarter of the training is over, a half, and three quarters.
pub fn is_quarter(epoch: usize, epochs: usize) -> bool {
    (LEAST_EPOCHS..epochs).contains(&epoch) && 4 * epoch / epochs > 4 * (epoch - 1) / epochs
}

/// The highest accuracy of a curve.
fn best(curve: &[f64]) -> f64 {
    curve.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Steps of a bisection: the width of the result is below what accuracies are told apart by.
const HALVINGS: usize = 40;

/// The least number of `[0, 1]` for which a rising condition holds, by bisection; 1 if it holds nowhere.
fn least(holds: impl Fn(f64) -> bool) -> f64 {
    if holds(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}
