//! A first estimate of any kernel: non-negative costs per kind, of a start, MACs, bytes and fused elements.
//!
//! For one kind of kernel on one device this is the roofline with nothing overlapped (Williams, Waterman and Patterson, Roofline, 2009).
//! It is fitted to profiled kernels; without profiles, to whole networks.

use nalgebra::{DMatrix, DVector};

use super::adaptation::Adaptation;
use super::profile::{Profiled, Profiles};
use crate::kernel::{Kernel, KernelKind};
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;

const RIDGE: f64 = 1e-4;
const WHOLE_NETWORK_RIDGE: f64 = 1e-5;
const UNITS: [&str; COLUMNS] = [
    "ns_each",
    "ns_per_mac",
    "ns_per_mac_in_8_lanes",
    "ns_per_mac_in_16_lanes",
    "ns_per_input_byte",
    "ns_per_output_byte",
    "ns_per_weight_byte",
    "ns_per_fused_element",
];
const COLUMNS: usize = 8;

/// `channels` rounded up to whole vectors of so many floats, relative to `channels`: work is done on whole vectors.
pub(super) fn padding(channels: f64, lanes: f64) -> f64 {
    (channels / lanes).ceil() * lanes / channels
}

/// Costs of every kind.
#[derive(Debug)]
pub(super) struct CostModel {
    estimate: Estimate,
}

#[derive(Debug)]
enum Estimate {
    /// Costs of each kind, and those of a kind that was never measured.
    Costs { by_kind: Vec<Option<[f64; COLUMNS]>>, any: [f64; COLUMNS] },
    /// Another table's times.
    Adapted(Adaptation),
}

fn row(kernel: &Kernel) -> [f64; COLUMNS] {
    let f = &kernel.features;
    let in_lanes = |lanes| f.macs * padding(f.output_channels, lanes);
    [1.0, f.macs, in_lanes(8.0), in_lanes(16.0), f.input_bytes, f.output_bytes, f.weight_bytes, f.fused_elements]
}

fn to_costs(coefficients: &[f64]) -> [f64; COLUMNS] {
    std::array::from_fn(|i| coefficients[i])
}

fn fit_kernels(profiled: &[Profiled<'_>]) -> Option<[f64; COLUMNS]> {
    let first = profiled.first()?;
    let rows: Vec<[f64; COLUMNS]> = profiled.iter().map(|one| row(one.kernel)).collect();
    let targets = DVector::from_iterator(rows.len(), profiled.iter().map(|one| one.time_ns));
    debug_assert!(first.time_ns > 0.0);
    let fit = Problem::relative(DMatrix::from_fn(rows.len(), COLUMNS, |i, j| rows[i][j]), targets, RIDGE).solve();
    Some(to_costs(fit.coefficients()))
}

impl CostModel {
    /// Fitted to the profiles, or to whole networks where there are none.
    pub(super) fn of(profiles: &Profiles<'_>, samples: &[&NetworkSample]) -> Self {
        match profiles.kernels.is_empty() {
            true => Self::of_networks(samples),
            false => Self::of_kernels(&profiles.kernels.values().copied().collect::<Vec<_>>()),
        }
    }

    /// Fitted to profiled kernels.
    fn of_kernels(profiled: &[Profiled<'_>]) -> Self {
        let of_kind = |kind| profiled.iter().filter(|one| one.kernel.kind == kind).copied().collect::<Vec<_>>();
        let by_kind = KernelKind::ALL.iter().map(|&kind| fit_kernels(&of_kind(kind))).collect();
        Self { estimate: Estimate::Costs { by_kind, any: fit_kernels(profiled).unwrap_or_default() } }
    }

    /// Fitted to whole networks, each kind with its own costs.
    fn of_networks(samples: &[&NetworkSample]) -> Self {
        let kinds: Vec<KernelKind> = KernelKind::ALL.into_iter().filter(|kind| occurs(*kind, samples)).collect();
        let (own, shared) = (network_fit(samples, &kinds), network_fit(samples, &[]));
        let mut by_kind = vec![None; KernelKind::ALL.len()];
        for (position, kind) in kinds.iter().enumerate() {
            by_kind[kind.index()] = Some(to_costs(&own.coefficients()[position * COLUMNS..]));
        }
        Self { estimate: Estimate::Costs { by_kind, any: to_costs(shared.coefficients()) } }
    }

    /// The times of another table.
    pub(super) fn adapted(adaptation: Adaptation) -> Self {
        Self { estimate: Estimate::Adapted(adaptation) }
    }

    /// Nanoseconds of a kernel, above zero.
    pub(super) fn time_ns(&self, kernel: &Kernel) -> f64 {
        match &self.estimate {
            Estimate::Adapted(adaptation) => adaptation.time_ns(kernel),
            Estimate::Costs { by_kind, any } => {
                let costs = by_kind[kernel.kind.index()].as_ref().unwrap_or(any);
                costs.iter().zip(row(kernel)).map(|(cost, amount)| cost * amount).sum::<f64>().max(super::LEAST_NS)
            }
        }
    }

    /// Costs by name.
    pub(super) fn terms(&self) -> Vec<(String, f64)> {
        match &self.estimate {
            Estimate::Adapted(adaptation) => adaptation.terms().collect(),
            Estimate::Costs { by_kind, .. } => cost_terms(by_kind),
        }
    }
}

fn cost_terms(by_kind: &[Option<[f64; COLUMNS]>]) -> Vec<(String, f64)> {
    let of_kind = |(kind, costs): (KernelKind, &Option<[f64; COLUMNS]>)| {
        let named = costs.iter().flat_map(|costs| UNITS.into_iter().zip(*costs));
        named.map(|(unit, cost)| (format!("{}.{unit}", kind.name()), cost)).collect::<Vec<_>>()
    };
    KernelKind::ALL.into_iter().zip(by_kind).flat_map(of_kind).collect()
}

fn occurs(kind: KernelKind, samples: &[&NetworkSample]) -> bool {
    samples.iter().flat_map(|sample| sample.kernels.kernels()).any(|kernel| kernel.kind == kind)
}

/// Columns for each of `kinds`, or one set for all kernels when there are none.
fn network_fit(samples: &[&NetworkSample], kinds: &[KernelKind]) -> Fit {
    let columns = COLUMNS * kinds.len().max(1);
    let mut rows = DMatrix::zeros(samples.len(), columns);
    for (i, kernel) in samples.iter().enumerate().flat_map(|(i, s)| s.kernels.kernels().iter().map(move |k| (i, k))) {
        let first = COLUMNS * kinds.iter().position(|kind| *kind == kernel.kind).unwrap_or(0);
        row(kernel).iter().enumerate().for_each(|(j, amount)| rows[(i, first + j)] += amount);
    }
    let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
    Problem::relative(rows, targets, WHOLE_NETWORK_RIDGE).solve()
}
