//! From numbers to places on an axis, linear or logarithmic, and the round numbers that are marked on it.

/// Above this ratio of the largest to the smallest value an axis is logarithmic.
const LOG_RATIO: f64 = 6.0;

/// Share of the span that is added at both ends, so that nothing sits on the frame.
const MARGIN: f64 = 0.06;

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

/// The values that an axis covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    kind: Kind,
}

/// A marked value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    /// Decimals that tell it from its neighbors.
    pub(crate) decimals: usize,
}

impl Scale {
    /// Covers all finite values, logarithmic where they are positive and span much.
    pub(crate) fn covering(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values);
        if low > 0.0 && high / low > LOG_RATIO {
            let factor = (high / low).powf(MARGIN);
            return Self { low: low / factor, high: high * factor, kind: Kind::Log };
        }
        Self::padded(low, high)
    }

    /// Covers all finite values linearly.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values);
        Self::padded(low, high)
    }

    /// Exactly from `low` to `high`, linear.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        Self { low, high, kind: Kind::Linear }
    }

    fn padded(low: f64, high: f64) -> Self {
        let span = if high > low { high - low } else { high.abs().max(1.0) * 0.1 };
        Self::between(low - span * MARGIN, high + span * MARGIN)
    }

    /// The same with its ends moved inside of others, where they reach beyond.
    pub(crate) fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.max(least), high: self.high.min(most), ..self }
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    pub(crate) fn is_log(&self) -> bool {
        self.kind == Kind::Log
    }

    /// Where a value is: 0 at the low end, 1 at the high end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// Whether a value is on the axis.
    fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round values to mark, about `wanted` of them.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let log = if self.is_log() { self.log_ticks() } else { Vec::new() };
        if log.len() >= 3 { log } else { self.linear_ticks(wanted) }
    }

    fn linear_ticks(&self, wanted: usize) -> Vec<Tick> {
        let step = round_step((self.high - self.low) / wanted.max(1) as f64);
        let decimals = decimals_of(step);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|at| Tick { value: at as f64 * step, decimals }).collect()
    }

    /// 1, 2 and 5 of every decade; only 1 where there are many.
    fn log_ticks(&self) -> Vec<Tick> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let digits: &[f64] = if decades.clone().count() > 5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let marks = decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
        marks.filter(|value| self.holds(*value)).map(|value| Tick { value, decimals: decimals_of(value) }).collect()
    }
}

fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold(start, |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= step * 0.999);
    digit.unwrap_or(10.0) * power
}

fn decimals_of(step: f64) -> usize {
    usize::try_from(-step.log10().floor() as i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(ticks: &[Tick]) -> Vec<String> {
        ticks.iter().map(|tick| format!("{:.*}", tick.decimals, tick.value)).collect()
    }

    #[test]
    fn marks_are_round_and_on_the_axis() {
        let check = |scale: Scale, expected: &[&str]| assert_eq!(values(&scale.ticks(5)), expected, "{scale:?}");
        check(Scale::between(0.0, 1.0), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::between(0.912, 0.993), &["0.92", "0.94", "0.96", "0.98"]);
        check(Scale::between(3.0, 47.0), &["10", "20", "30", "40"]);
        check(Scale::covering([0.1, 4.0]), &["0.1", "0.2", "0.5", "1", "2"]);
    }

    #[test]
    fn a_wide_span_is_logarithmic_and_a_narrow_one_is_not() {
        assert!(Scale::covering([0.1, 10.0]).is_log());
        assert!(!Scale::covering([1.0, 2.0]).is_log());
        assert!(!Scale::covering([-1.0, 100.0]).is_log());
        let log = Scale::covering([0.1, 10.0]);
        assert!((log.place(1.0) - 0.5).abs() < 1e-12);
        assert!((log.place(log.low())).abs() < 1e-12 && (log.place(log.high()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_value_or_none_still_makes_an_axis() {
        for values in [vec![], vec![0.0], vec![5.0], vec![f64::NAN]] {
            let scale = Scale::covering(values.clone());
            assert!(scale.high() > scale.low(), "{values:?}: {scale:?}");
            assert!(!scale.ticks(5).is_empty(), "{values:?}: {scale:?}");
        }
    }
}
