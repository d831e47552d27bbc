//! Kernel times of another device, runtime or thread count, brought to this one: a level and a slope of each kind.
//!
//! Devices differ most in how fast each kind of kernel is and in what small kernels cost beside their work. So the logarithm of a
//! kernel's time here is linear in that of its time there, one line a kind. Lines of kinds that were profiled little are drawn to the line
//! of all kinds, whose slope is drawn to 1 (ridge regression toward a prior: Hoerl and Kennard 1970). Without profiles, whole
//! networks give each kind a factor.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::Sum;
use super::profile::Profiles;
use crate::kernel::{Kernel, KernelKind};
use crate::linear::Problem;
use crate::sample::NetworkSample;
use crate::statistics::{mean, median};

/// Profiled kernels that the prior of a line counts as.
const PRIOR_KERNELS: f64 = 3.0;
/// Networks that the common factor counts as where there are no profiles.
const PRIOR_NETWORKS: f64 = 0.3;

/// `ln(time here) = level + ln(time there) + (slope - 1) * (ln(time there) - center)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    center: f64,
    level: f64,
    slope: f64,
}

impl Line {
    /// Fitted to pairs of logarithms, there and here, and drawn to `prior`.
    fn fit(pairs: &[(f64, f64)], prior: Self) -> Self {
        if pairs.is_empty() {
            return prior;
        }
        let center = mean(&pairs.iter().map(|(there, _)| *there).collect::<Vec<_>>());
        let prior_level = prior.level + (prior.slope - 1.0) * (center - prior.center);
        let ratios: Vec<f64> = pairs.iter().map(|(there, here)| here - there).collect();
        let kernels = pairs.len() as f64;
        let level = (kernels * median(&ratios) + PRIOR_KERNELS * prior_level) / (kernels + PRIOR_KERNELS);
        let moment = |of: fn(f64, f64) -> f64| {
            pairs.iter().map(|(there, here)| of(there - center, here - there - level)).sum::<f64>()
        };
        let (spread, together) = (moment(|x, _| x * x), moment(|x, y| x * y));
        let tilt = (together + PRIOR_KERNELS * (prior.slope - 1.0)) / (spread + PRIOR_KERNELS);
        Self { center, level, slope: (1.0 + tilt).max(0.0) }
    }

    fn here(self, there: f64) -> f64 {
        self.level + there + (self.slope - 1.0) * (there - self.center)
    }
}

/// The times of a source, adapted.
#[derive(Debug)]
pub(super) struct Adaptation {
    source: Arc<Sum>,
    /// One a kind.
    lines: Vec<Line>,
}

impl Adaptation {
    pub(super) fn fit(source: Arc<Sum>, profiles: &Profiles<'_>, samples: &[&NetworkSample]) -> Self {
        let lines = match profiles.kernels.is_empty() {
            true => of_networks(&source, samples),
            false => of_profiles(&source, profiles),
        };
        Self { source, lines }
    }

    /// Nanoseconds of a kernel, above zero.
    pub(super) fn time_ns(&self, kernel: &Kernel) -> f64 {
        self.lines[kernel.kind.index()].here(self.source.positive_ns(kernel).ln()).exp().max(super::LEAST_NS)
    }

    /// The lines by name.
    pub(super) fn terms(&self) -> impl Iterator<Item = (String, f64)> {
        KernelKind::ALL.into_iter().zip(&self.lines).flat_map(|(kind, line)| {
            let named = [("factor_on_source", line.level.exp()), ("power_of_source", line.slope)];
            named.map(|(name, value)| (format!("{}.{name}", kind.name()), value))
        })
    }
}

fn of_profiles(source: &Sum, profiles: &Profiles<'_>) -> Vec<Line> {
    let pairs_of = |kind: Option<KernelKind>| {
        let of_kind = profiles.kernels.values().filter(|one| kind.is_none_or(|kind| one.kernel.kind == kind));
        of_kind.map(|one| (source.positive_ns(one.kernel).ln(), one.time_ns.ln())).collect::<Vec<_>>()
    };
    let all = pairs_of(None);
    let level = median(&all.iter().map(|(there, here)| here - there).collect::<Vec<_>>());
    let any = Line::fit(&all, Line { center: 0.0, level, slope: 1.0 });
    KernelKind::ALL.into_iter().map(|kind| Line::fit(&pairs_of(Some(kind)), any)).collect()
}

fn of_networks(source: &Sum, samples: &[&NetworkSample]) -> Vec<Line> {
    let mut rows: DMatrix<f64> = DMatrix::zeros(samples.len(), KernelKind::ALL.len());
    for (i, sample) in samples.iter().enumerate() {
        let kernels = sample.kernels.kernels();
        kernels.iter().for_each(|kernel| rows[(i, kernel.kind.index())] += source.positive_ns(kernel));
    }
    let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
    let ratios: Vec<f64> = (0..samples.len()).map(|i| targets[i] / rows.row(i).sum().max(super::LEAST_NS)).collect();
    let prior = DVector::from_element(KernelKind::ALL.len(), median(&ratios));
    let ridge = PRIOR_NETWORKS / samples.len() as f64;
    let fit = Problem { prior, ..Problem::relative(rows, targets, ridge) }.solve();
    let least = median(&ratios) * 0.01;
    let line = |factor: &f64| Line { center: 0.0, level: factor.max(least).ln(), slope: 1.0 };
    fit.coefficients().iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_learns_level_and_slope_and_few_kernels_keep_to_the_prior() {
        let pairs = |n: usize| (0..n).map(|i| (i as f64 * 0.1, 1.0 + 0.5 * i as f64 * 0.1)).collect::<Vec<_>>();
        let prior = Line { center: 0.0, level: 0.0, slope: 1.0 };
        let many = Line::fit(&pairs(400), prior);
        assert!((many.slope - 0.5).abs() < 0.01 && (many.here(10.0) - 6.0).abs() < 0.2, "{many:?}");
        assert!(Line::fit(&pairs(2), prior).slope > 0.95);
        assert_eq!(Line::fit(&[], prior), prior);
    }
}
