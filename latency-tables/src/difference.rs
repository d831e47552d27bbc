//! Two tables beside each other: where they were measured, what kernels and networks they share, and how each predicts the other's.

use std::collections::BTreeMap;

use crate::diagnosis::errors_on;
use crate::kernel::{Kernel, KernelKind};
use crate::predictor::Predictor;
use crate::sample::NetworkSample;
use crate::statistics::{mean, median, quantile};
use crate::table::{Table, TableError};

/// Ratios of the second table's times to the first's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// How many there are.
    pub count: usize,
    /// A tenth of them is below.
    pub p10: f64,
    /// The middle one.
    pub median: f64,
    /// A tenth of them is above.
    pub p90: f64,
}

impl Ratios {
    fn of(ratios: &[f64]) -> Option<Self> {
        let at = |q| quantile(ratios, q);
        (!ratios.is_empty()).then(|| Self { count: ratios.len(), p10: at(0.1), median: at(0.5), p90: at(0.9) })
    }
}

/// Errors of one table's predictor on networks of the other that it does not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossError {
    /// Networks predicted.
    pub networks: usize,
    /// Mean of the absolute relative errors.
    pub mape: f64,
    /// Median of predicted over measured, less 1: how much all of them are off by.
    pub bias: f64,
}

/// What differs between two tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// In what their provenance differs; `None` where samples of both may be merged.
    pub provenance: Option<String>,
    /// Latencies of networks that both measured.
    pub networks: Option<Ratios>,
    /// Profiled times of kernels that both measured, by kind.
    pub kernels: Vec<(KernelKind, Ratios)>,
    /// Different kernels that only the first or only the second has.
    pub only_in: [usize; 2],
    /// The first predicts the second's networks, and the other way around.
    pub cross: [Option<CrossError>; 2],
}

impl Difference {
    /// Between two fitted tables.
    ///
    /// # Errors
    /// When one is not fitted.
    pub fn between(first: &Table, second: &Table) -> Result<Self, TableError> {
        let (mine, theirs) = (kernel_times(first.samples()), kernel_times(second.samples()));
        let only = |a: &Times<'_>, b: &Times<'_>| a.keys().filter(|hash| !b.contains_key(hash)).count();
        Ok(Self {
            provenance: first.provenance().difference(second.provenance()),
            networks: Ratios::of(&network_ratios(first, second)),
            kernels: kernel_ratios(&mine, &theirs),
            only_in: [only(&mine, &theirs), only(&theirs, &mine)],
            cross: [cross_error(first, second)?, cross_error(second, first)?],
        })
    }
}

/// Kernels by hash, each with its profiled times.
type Times<'a> = BTreeMap<u64, (&'a Kernel, Vec<f64>)>;

fn kernel_times(samples: &[NetworkSample]) -> Times<'_> {
    let mut times: Times<'_> = BTreeMap::new();
    for (kernel, time) in samples.iter().flat_map(|sample| sample.kernels.kernels().iter().zip(&sample.kernel_ns)) {
        times.entry(kernel.hash).or_insert_with(|| (kernel, Vec::new())).1.extend(time.filter(|ns| *ns > 0.0));
    }
    times
}

fn kernel_ratios(mine: &Times<'_>, theirs: &Times<'_>) -> Vec<(KernelKind, Ratios)> {
    let shared = mine.iter().filter_map(|(hash, (kernel, times))| Some((kernel.kind, times, &theirs.get(hash)?.1)));
    let profiled = shared.filter(|(_, mine, theirs)| !mine.is_empty() && !theirs.is_empty());
    let ratios: Vec<(KernelKind, f64)> =
        profiled.map(|(kind, mine, theirs)| (kind, median(theirs) / median(mine))).collect();
    let of_kind = |kind: KernelKind| {
        let of_kind: Vec<f64> = ratios.iter().filter(|(other, _)| *other == kind).map(|(_, ratio)| *ratio).collect();
        Some((kind, Ratios::of(&of_kind)?))
    };
    KernelKind::ALL.into_iter().filter_map(of_kind).collect()
}

fn network_ratios(first: &Table, second: &Table) -> Vec<f64> {
    let theirs: BTreeMap<&str, f64> = second.samples().iter().map(|s| (s.id.as_str(), s.median_ns())).collect();
    let ratio = |sample: &NetworkSample| Some(theirs.get(sample.id.as_str())? / sample.median_ns());
    first.samples().iter().filter_map(ratio).collect()
}

/// `None` where the other table has no network of its own.
fn cross_error(table: &Table, other: &Table) -> Result<Option<CrossError>, TableError> {
    let known = |sample: &&NetworkSample| table.samples().iter().any(|own| own.id == sample.id);
    let fresh: Vec<&NetworkSample> = other.samples().iter().filter(|sample| !known(sample)).collect();
    if fresh.is_empty() {
        return Ok(None);
    }
    let own: Vec<&NetworkSample> = table.samples().iter().collect();
    let errors = table.with_guide(|guide: &dyn Predictor| errors_on(guide, &own, &fresh))?;
    let absolute: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    Ok(Some(CrossError { networks: errors.len(), mape: mean(&absolute), bias: median(&errors) }))
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::synthetic::{Device, fitted_table};
    use crate::table::Table;

    #[test]
    fn a_table_differs_from_one_of_a_device_twice_as_slow_by_two() {
        let device = Device { noise: 0.01, disturbed: 0.0 };
        let table = fitted_table(&device, 30);
        let mut slow = Table::new(table.provenance().clone()).unwrap();
        for seed in 10..40 {
            let mut sample = device.sample(seed);
            sample.latency_ns.iter_mut().for_each(|ns| *ns *= 2.0);
            sample.kernel_ns.iter_mut().flatten().for_each(|ns| *ns *= 2.0);
            slow.add_sample(sample).unwrap();
        }
        slow.fit().unwrap();
        let difference = Difference::between(&table, &slow).unwrap();
        let networks = difference.networks.unwrap();
        assert_eq!((networks.count, difference.provenance.clone()), (20, None));
        assert!((networks.median - 2.0).abs() < 0.01, "{networks:?}");
        assert!(difference.kernels.iter().all(|(_, ratios)| (ratios.median - 2.0).abs() < 0.1), "{difference:?}");
        let cross = difference.cross.map(|cross| cross.unwrap());
        assert_eq!(cross.map(|cross| cross.networks), [10, 10]);
        assert!((cross[0].bias + 0.5).abs() < 0.05 && (cross[1].bias - 1.0).abs() < 0.1, "{cross:?}");
    }
}
