//! What single kernels take, from the profiles: entries for those seen, a model of each kind for the others.
//!
//! The model is a sum of non-negative costs: a start, MACs, bytes of activations, bytes of weights and fused elements. For one
//! kind of kernel on one device this is the roofline with overlap left out (Williams, Waterman and Patterson 2009).

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use crate::kernel::{Features, Kernel, KernelKind};
use crate::linear::{Fit, Problem};
use crate::sample::NetworkSample;
use crate::statistics::median;

const RIDGE: f64 = 1e-4;
/// A kernel's own times count as many samples as they are, its kind's model as this many.
const MODEL_WEIGHT: f64 = 0.5;

/// Fitted times of kernels.
#[derive(Debug)]
pub(super) struct KernelTimes {
    entries: BTreeMap<u64, f64>,
    models: Vec<Option<Fit>>,
    fallback: Option<Fit>,
}

/// The time of one kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelTime {
    pub(super) ns: f64,
    /// Whether this very kernel was profiled.
    pub(super) seen: bool,
}

fn row(features: &Features) -> [f64; 6] {
    let f = features;
    [1.0, f.macs, f.input_bytes, f.output_bytes, f.weight_bytes, f.fused_elements]
}

/// Profiled times of each kernel, scaled so that a network's profile sums to its unprofiled median.
fn observed<'a>(samples: &[&'a NetworkSample]) -> BTreeMap<u64, (&'a Kernel, Vec<f64>)> {
    let mut observed: BTreeMap<u64, (&Kernel, Vec<f64>)> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.profiled_ns() > 0.0) {
        let scale = sample.median_ns() / sample.profiled_ns();
        for kernel_sample in sample.kernel_samples() {
            let entry = observed.entry(kernel_sample.kernel.hash).or_insert((kernel_sample.kernel, Vec::new()));
            entry.1.push((kernel_sample.time_ns * scale).max(1.0));
        }
    }
    observed
}

fn fit_rows(rows: &[(&Features, f64)]) -> Option<Fit> {
    if rows.is_empty() {
        return None;
    }
    let matrix = DMatrix::from_fn(rows.len(), 6, |i, j| row(rows[i].0)[j]);
    let targets = DVector::from_iterator(rows.len(), rows.iter().map(|(_, time)| *time));
    Some(Problem::relative(matrix, targets, RIDGE).solve())
}

impl KernelTimes {
    pub(super) fn fit(samples: &[&NetworkSample]) -> Self {
        let observed = observed(samples);
        let all: Vec<(KernelKind, &Features, f64)> =
            observed.values().map(|(kernel, times)| (kernel.kind, &kernel.features, median(times))).collect();
        let of_kind = |kind| all.iter().filter(|o| o.0 == kind).map(|o| (o.1, o.2)).collect::<Vec<_>>();
        let models = KernelKind::ALL.iter().map(|&kind| fit_rows(&of_kind(kind))).collect();
        let fallback = fit_rows(&all.iter().map(|o| (o.1, o.2)).collect::<Vec<_>>());
        let mut times = Self { entries: BTreeMap::new(), models, fallback };
        let entry = |(&hash, (kernel, own)): (&u64, &(&Kernel, Vec<f64>))| {
            let n = own.len() as f64;
            (hash, (n * median(own) + MODEL_WEIGHT * times.modeled(kernel)) / (n + MODEL_WEIGHT))
        };
        times.entries = observed.iter().map(entry).collect();
        times
    }

    fn modeled(&self, kernel: &Kernel) -> f64 {
        let model = self.models[kernel.kind.index()].as_ref().or(self.fallback.as_ref());
        model.map_or(0.0, |fit| fit.predict(&row(&kernel.features)))
    }

    pub(super) fn of(&self, kernel: &Kernel) -> KernelTime {
        match self.entries.get(&kernel.hash) {
            Some(&ns) => KernelTime { ns, seen: true },
            None => KernelTime { ns: self.modeled(kernel), seen: false },
        }
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = (String, f64)> {
        let units =
            ["ns_each", "ns_per_mac", "ns_per_input_byte", "ns_per_output_byte", "ns_per_weight_byte", "ns_per_fused"];
        KernelKind::ALL.into_iter().zip(&self.models).flat_map(move |(kind, fit)| {
            let coefficients = fit.iter().flat_map(|fit| fit.coefficients().iter().copied());
            units.into_iter().zip(coefficients).map(move |(unit, value)| (format!("{}.{unit}", kind.name()), value))
        })
    }
}
