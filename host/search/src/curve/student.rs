//! Student's t distribution, moved and scaled.

use std::f64::consts::FRAC_PI_2;

/// Least standard deviation, so that equal numbers are not taken for certainty.
const LEAST_DEVIATION: f64 = 1e-3;

/// A distribution of whole degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Student {
    middle: f64,
    scale: f64,
    freedom: usize,
}

impl Student {
    /// What is believed of the next number after these, all drawn from one normal distribution of unknown mean and deviation; `None`
    /// for fewer than two.
    pub(super) fn next_of(numbers: &[f64]) -> Option<Self> {
        let freedom = numbers.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
        let count = numbers.len() as f64;
        let middle = numbers.iter().sum::<f64>() / count;
        let variance = numbers.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / freedom as f64;
        let scale = variance.sqrt().max(LEAST_DEVIATION) * (1.0 + 1.0 / count).sqrt();
        Some(Self { middle, scale, freedom })
    }

    /// That of the number plus `distance`.
    pub(super) fn moved(self, distance: f64) -> Self {
        Self { middle: self.middle + distance, ..self }
    }

    /// Mean and median.
    pub(super) fn middle(&self) -> f64 {
        self.middle
    }

    /// Probability of a number below this one (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    pub(super) fn below(&self, number: f64) -> f64 {
        let t = (number - self.middle) / self.scale;
        let angle = (t / (self.freedom as f64).sqrt()).atan();
        let squared_cosine = angle.cos().powi(2);
        let is_even = self.freedom.is_multiple_of(2);
        let (mut term, mut sum) = (1.0, if self.freedom == 1 { 0.0 } else { 1.0 });
        let first = if is_even { 2 } else { 3 };
        for at in (first..self.freedom.saturating_sub(1)).step_by(2) {
            term *= squared_cosine * (at - 1) as f64 / at as f64;
            sum += term;
        }
        let within = if is_even { angle.sin() * sum } else { (angle + angle.sin() * angle.cos() * sum) / FRAC_PI_2 };
        0.5 + 0.5 * within
    }
}

#[cfg(test)]
mod tests {
    use super::Student;

    #[test]
    fn it_is_that_of_the_tables() {
        // One-sided 97.5 % and 95 % points.
        for (freedom, t, share) in [
            (1, 12.7062, 0.975),
            (2, 4.3027, 0.975),
            (3, 3.1824, 0.975),
            (4, 2.1318, 0.95),
            (5, 2.0150, 0.95),
            (8, 1.8595, 0.95),
            (11, 2.2010, 0.975),
            (30, 2.0423, 0.975),
        ] {
            let student = Student { middle: 1.0, scale: 2.0, freedom };
            assert!((student.below(1.0 + 2.0 * t) - share).abs() < 1e-4, "{freedom}");
            assert!((student.below(1.0 - 2.0 * t) - (1.0 - share)).abs() < 1e-4, "{freedom}");
        }
    }

    #[test]
    fn few_numbers_say_nothing_and_equal_ones_not_all() {
        assert_eq!(Student::next_of(&[1.0]), None);
        let equal = Student::next_of(&[1.0, 1.0, 1.0]).unwrap();
        assert!(equal.below(1.0005) > 0.5 && equal.below(1.0005) < 1.0);
    }
}
