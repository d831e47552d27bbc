//! The figures by which predictors are compared: on networks that the fit has not seen.

use crate::interval::{CONFIDENCE, Conformal, HeldOut};
use crate::sample::NetworkSample;
use crate::statistics::{mean, median, spearman};

/// Accuracy of a predictor on held-out networks. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Number of networks.
    pub networks: usize,
    /// Share predicted within 10 % of the measured value.
    pub within_10: f64,
    /// Share predicted within 5 % of the measured value.
    pub within_5: f64,
    /// Root mean square of the relative errors.
    pub rmspe: f64,
    /// Mean of the absolute relative errors.
    pub mape: f64,
    /// Rank correlation of predicted and measured.
    pub spearman: f64,
    /// Share of measured values inside their interval.
    pub coverage: f64,
    /// Mean width of the intervals, relative to the prediction.
    pub mean_width: f64,
}

/// A relative error counts at most this much in `loss`, so that one disturbed measurement does not choose.
const LARGEST_ERROR: f64 = 0.25;
/// Or so many times the median error, where predictors are so far off that nearly all of their errors would count the same.
const MEDIANS: f64 = 3.0;

/// `predicted / measured - 1`.
fn relative_errors(held_out: &[HeldOut]) -> Vec<f64> {
    held_out.iter().map(|h| h.predicted / h.measured - 1.0).collect()
}

/// Up to what a relative error counts when these predictors are compared: 25 %, or three times the median error of the best of them.
pub(crate) fn largest_error(of_predictors: &[Vec<HeldOut>]) -> f64 {
    let typical =
        |held_out: &Vec<HeldOut>| median(&relative_errors(held_out).iter().map(|e| e.abs()).collect::<Vec<_>>());
    let least = of_predictors.iter().map(typical).min_by(f64::total_cmp);
    LARGEST_ERROR.max(MEDIANS * least.unwrap_or_default())
}

/// The square of each relative error, counted up to `largest`.
pub(crate) fn losses(held_out: &[HeldOut], largest: f64) -> Vec<f64> {
    relative_errors(held_out).iter().map(|e| e.abs().min(largest).powi(2)).collect()
}

/// What selection wants small: the root of the mean of [`losses`].
pub(crate) fn loss(held_out: &[HeldOut], largest: f64) -> f64 {
    mean(&losses(held_out, largest)).sqrt()
}

impl Scores {
    /// The noise floor: how well one measurement of each network predicts another. It has no intervals; their fields say nothing.
    pub fn of_repeat(measured: &[&NetworkSample], again: &[&NetworkSample]) -> Self {
        let pairs = measured.iter().zip(again);
        let pair = |(first, second): (&&NetworkSample, &&NetworkSample)| HeldOut {
            measured: first.median_ns(),
            predicted: second.median_ns(),
            doubt: 1.0,
        };
        Self::new(&pairs.map(pair).collect::<Vec<_>>(), &Conformal::default(), CONFIDENCE)
    }

    /// The mean of each figure over several evaluations.
    pub fn mean_of(draws: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| mean(&draws.iter().map(figure).collect::<Vec<_>>());
        Self {
            networks: draws.first().map_or(0, |scores| scores.networks),
            within_10: of(|s| s.within_10),
            within_5: of(|s| s.within_5),
            rmspe: of(|s| s.rmspe),
            mape: of(|s| s.mape),
            spearman: of(|s| s.spearman),
            coverage: of(|s| s.coverage),
            mean_width: of(|s| s.mean_width),
        }
    }

    /// The scores of held-out predictions, with intervals around them of this confidence.
    pub(crate) fn new(held_out: &[HeldOut], conformal: &Conformal, confidence: f64) -> Self {
        let errors = relative_errors(held_out);
        let share = |bound: f64| mean(&errors.iter().map(|e| f64::from(e.abs() <= bound)).collect::<Vec<_>>());
        let (measured, predicted): (Vec<f64>, Vec<f64>) = held_out.iter().map(|h| (h.measured, h.predicted)).unzip();
        let intervals = held_out.iter().map(|h| (h, conformal.around(h.predicted, h.doubt, confidence)));
        let (inside, widths): (Vec<f64>, Vec<f64>) = intervals
            .map(|(h, interval)| (f64::from(interval.contains(h.measured)), interval.relative_width()))
            .unzip();
        Self {
            networks: held_out.len(),
            within_10: share(0.10),
            within_5: share(0.05),
            rmspe: mean(&errors.iter().map(|e| e * e).collect::<Vec<_>>()).sqrt(),
            mape: mean(&errors.iter().map(|e| e.abs()).collect::<Vec<_>>()),
            spearman: spearman(&measured, &predicted),
            coverage: mean(&inside),
            mean_width: mean(&widths),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scores, loss};
    use crate::interval::{Conformal, HeldOut};

    #[test]
    fn figures_are_those_computed_by_hand() {
        let held_out: Vec<HeldOut> = [(100.0, 104.0), (200.0, 216.0), (300.0, 600.0)]
            .map(|(measured, predicted)| HeldOut { measured, predicted, doubt: 1.0 })
            .to_vec();
        let scores = Scores::new(&held_out, &Conformal::default(), 0.9);
        assert!((scores.within_5 - 1.0 / 3.0).abs() < 1e-12);
        assert!((scores.within_10 - 2.0 / 3.0).abs() < 1e-12);
        assert!((scores.rmspe - ((0.0016 + 0.0064 + 1.0) / 3.0f64).sqrt()).abs() < 1e-12);
        assert_eq!(scores.spearman, 1.0);
        assert_eq!(scores.coverage, 1.0);
        assert!((loss(&held_out, 0.25) - ((0.0016 + 0.0064 + 0.0625) / 3.0f64).sqrt()).abs() < 1e-12);
    }
}
