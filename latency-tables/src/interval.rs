//! Prediction intervals that hold whatever the noise looks like: conformal, from cross-validated residuals.
//!
//! For each measured network, a fit that has not seen it predicts it. Its score is `|ln(measured / predicted)| / doubt`, where
//! doubt is the predictor's own measure of how unlike the fitted networks it is (normalized nonconformity: Lei et al.,
//! Distribution-Free Predictive Inference for Regression, 2018, section 5.2). The half-width for a new network is its
//! doubt times the `ceil((1 - alpha) (n + 1))`-th smallest score (cross-conformal prediction: Vovk 2015). With networks that are
//! exchangeable, it covers `1 - alpha` of them, up to the small difference between the fits with and without one fold.

/// Share of networks that an interval is to cover.
pub(crate) const CONFIDENCE: f64 = 0.9;

/// A value with what it is expected to lie between. The unit is that of the field that holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The prediction itself.
    pub value: f64,
    /// Lower end; 0 when too few samples say anything.
    pub lo: f64,
    /// Upper end; infinite when too few samples say anything.
    pub hi: f64,
}

impl Interval {
    /// Whether a measured value lies inside.
    pub fn contains(&self, measured: f64) -> bool {
        (self.lo..=self.hi).contains(&measured)
    }

    /// Width relative to the value.
    pub fn relative_width(&self) -> f64 {
        (self.hi - self.lo) / self.value
    }
}

/// What a table says about a network that was not measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Median latency in nanoseconds.
    pub latency_ns: Interval,
    /// What the model adds to resident memory at the peak, in bytes; `None` while no sample has it.
    pub peak_memory_bytes: Option<Interval>,
    /// Share of the intervals that cover, 0 to 1.
    pub confidence: f64,
    /// Kernels of the network that the device has measured.
    pub kernels_seen: usize,
    /// Kernels that were not measured but are of a kind that was.
    pub kernels_inferred: usize,
    /// Kernels of a kind that was never measured.
    pub kernels_unknown: usize,
}

/// A predicted value that a fit made for a network which it has not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeldOut {
    pub(crate) measured: f64,
    pub(crate) predicted: f64,
    pub(crate) doubt: f64,
}

/// Sorted scores of the held-out predictions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Conformal {
    scores: Vec<f64>,
}

impl Conformal {
    pub(crate) fn new(held_out: &[HeldOut]) -> Self {
        let score = |h: &HeldOut| (h.measured / h.predicted).ln().abs() / h.doubt;
        let mut scores: Vec<f64> = held_out.iter().map(score).collect();
        scores.sort_by(f64::total_cmp);
        Self { scores }
    }

    /// The score that covers `confidence`; infinite when there are too few.
    pub(crate) fn quantile(&self, confidence: f64) -> f64 {
        let rank = (confidence * (self.scores.len() as f64 + 1.0)).ceil() as usize;
        self.scores.get(rank.max(1) - 1).copied().unwrap_or(f64::INFINITY)
    }

    /// The interval around a prediction.
    pub(crate) fn around(&self, predicted: f64, doubt: f64, confidence: f64) -> Interval {
        let factor = (self.quantile(confidence) * doubt).exp();
        Interval { value: predicted, lo: predicted / factor, hi: predicted * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conformal, HeldOut};

    fn conformal(n: usize) -> Conformal {
        let held_out = |i| HeldOut { measured: (i as f64 / 100.0).exp(), predicted: 1.0, doubt: 1.0 };
        Conformal::new(&(1..=n).map(held_out).collect::<Vec<_>>())
    }

    #[test]
    fn takes_the_order_statistic_that_exchangeability_asks_for() {
        assert!((conformal(9).quantile(0.9) - 0.09).abs() < 1e-12);
        assert!((conformal(19).quantile(0.9) - 0.18).abs() < 1e-12);
        assert!((conformal(100).quantile(0.9) - 0.91).abs() < 1e-12);
    }

    #[test]
    fn says_nothing_from_too_few_samples() {
        let interval = conformal(8).around(5.0, 1.0, 0.9);
        assert_eq!((interval.lo, interval.hi), (0.0, f64::INFINITY));
    }

    #[test]
    fn doubt_widens() {
        let conformal = conformal(99);
        let width = |doubt| conformal.around(1.0, doubt, 0.9).relative_width();
        assert!(width(2.0) > 1.9 * width(1.0));
    }
}
