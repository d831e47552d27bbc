//! Whole networks only: latency is linear in the MACs, the bytes and the count of each kind of kernel, none of them negative.
//!
//! It needs no profile, which makes it the fallback where a runtime has none, and the strongest of the plain models.

use nalgebra::{DMatrix, DVector};

use super::{LEAST_NS, Model, Predictor};
use crate::kernel::{Kernel, KernelKind};
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;

/// MACs, bytes and count per kind: relative errors, non-negative, a small ridge.
#[derive(Debug, Clone, Copy)]
pub struct WholeNetwork;

/// Draws coefficients that few networks determine to zero.
const RIDGE: f64 = 1e-5;

/// Columns of each kind.
const PER_KIND: usize = 3;

/// The fitted model: an intercept, and what each kind costs.
#[derive(Debug)]
pub(super) struct Sums {
    fit: Fit,
    /// First column of each kind; `None` where no sample has one.
    columns: [Option<usize>; KernelKind::ALL.len()],
}

fn terms(kernel: &Kernel) -> [f64; PER_KIND] {
    [1.0, kernel.features.macs, kernel.features.bytes()]
}

fn columns(samples: &[&NetworkSample]) -> [Option<usize>; KernelKind::ALL.len()] {
    let mut columns = [None; KernelKind::ALL.len()];
    let mut next = 1;
    for kernel in samples.iter().flat_map(|sample| sample.kernels.kernels()) {
        if columns[kernel.kind.index()].is_none() {
            columns[kernel.kind.index()] = Some(next);
            next += PER_KIND;
        }
    }
    columns
}

fn row(network: &KernelSet, columns: &[Option<usize>; KernelKind::ALL.len()]) -> Vec<f64> {
    let width = 1 + PER_KIND * columns.iter().flatten().count();
    let mut row = vec![0.0; width];
    row[0] = 1.0;
    for kernel in network.kernels() {
        let Some(first) = columns[kernel.kind.index()] else { continue };
        row[first..first + PER_KIND].iter_mut().zip(terms(kernel)).for_each(|(sum, term)| *sum += term);
    }
    row
}

impl Predictor for WholeNetwork {
    fn name(&self) -> &'static str {
        "whole-network"
    }

    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model> {
        Box::new(Sums::fit(samples))
    }
}

impl Sums {
    /// Fits it.
    pub(super) fn fit(samples: &[&NetworkSample]) -> Self {
        let columns = columns(samples);
        let rows: Vec<Vec<f64>> = samples.iter().map(|sample| row(&sample.kernels, &columns)).collect();
        let width = rows.first().map_or(1, Vec::len);
        let targets = DVector::from_iterator(samples.len(), samples.iter().map(|sample| sample.median_ns()));
        let problem = Problem::relative(DMatrix::from_fn(samples.len(), width, |i, j| rows[i][j]), targets, RIDGE);
        Self { fit: problem.solve(), columns }
    }

    /// What a network takes beside its kernels, in nanoseconds.
    pub(super) fn intercept_ns(&self) -> f64 {
        self.fit.coefficients()[0]
    }

    /// Whether some sample has this kind.
    pub(super) fn knows(&self, kind: KernelKind) -> bool {
        self.columns[kind.index()].is_some()
    }

    /// Nanoseconds of one kernel; 0 for a kind that no sample has.
    pub(super) fn kernel_ns(&self, kernel: &Kernel) -> f64 {
        let Some(first) = self.columns[kernel.kind.index()] else { return 0.0 };
        let coefficients = &self.fit.coefficients()[first..first + PER_KIND];
        coefficients.iter().zip(terms(kernel)).map(|(coefficient, term)| coefficient * term).sum()
    }
}

impl Model for Sums {
    fn latency_ns(&self, network: &KernelSet) -> f64 {
        self.fit.predict(&row(network, &self.columns)).max(LEAST_NS)
    }

    fn doubt(&self, network: &KernelSet) -> f64 {
        let row = row(network, &self.columns);
        let unknown = network.kernels().iter().filter(|kernel| self.columns[kernel.kind.index()].is_none()).count();
        (1.0 + self.fit.leverage(&row, self.fit.predict(&row).max(LEAST_NS))).sqrt() * (1.0 + unknown as f64)
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let coefficients = self.fit.coefficients();
        let mut terms = vec![("intercept_ns".to_owned(), coefficients[0])];
        for (kind, first) in KernelKind::ALL.iter().zip(self.columns) {
            let Some(first) = first else { continue };
            for (offset, unit) in ["ns_each", "ns_per_mac", "ns_per_byte"].into_iter().enumerate() {
                terms.push((format!("{}.{unit}", kind.name()), coefficients[first + offset]));
            }
        }
        terms
    }
}
