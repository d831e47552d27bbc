//! Peak memory of a job: what the network needs at least, plus what the runtime adds, learned.
//!
//! `peak = start + a * activations + b * weights`, with the static peak by lifetime and the bytes of all weights; start, a and b
//! are non-negative. Runtimes keep packed copies of weights (b above 1) and arenas (a above 1). Intervals as for latency.

use nalgebra::{DMatrix, DVector};

use crate::interval::{CONFIDENCE, Conformal, HeldOut, Interval};
use crate::kernel_set::KernelSet;
use crate::linear::{Fit, Problem};
use crate::predictor::MIN_NETWORKS;
use crate::sample::NetworkSample;

/// Draws `a` and `b` to one: each byte that is needed is there once.
const RIDGE: f64 = 1e-6;
const FOLDS: usize = 10;

/// A fitted memory model with its held-out scores.
#[derive(Debug)]
pub(crate) struct MemoryModel {
    fit: Fit,
    conformal: Conformal,
    /// Least and most bytes of activations and of weights among the measured networks.
    ranges: [(f64, f64); 2],
}

fn row(network: &KernelSet) -> [f64; 3] {
    [1.0, network.peak_activation_bytes() as f64, network.weight_bytes() as f64]
}

fn fit(samples: &[(&KernelSet, f64)]) -> Fit {
    let rows: Vec<[f64; 3]> = samples.iter().map(|(network, _)| row(network)).collect();
    let targets = DVector::from_iterator(samples.len(), samples.iter().map(|(_, bytes)| *bytes));
    let prior = DVector::from_vec(vec![0.0, 1.0, 1.0]);
    Problem { prior, ..Problem::relative(DMatrix::from_fn(rows.len(), 3, |i, j| rows[i][j]), targets, RIDGE) }.solve()
}

impl MemoryModel {
    /// Fits the samples that state a peak; `None` when fewer than [`MIN_NETWORKS`] + 1 do.
    pub(crate) fn fit(samples: &[&NetworkSample]) -> Option<Self> {
        let known = samples.iter().filter_map(|sample| Some((&sample.kernels, sample.peak_memory_bytes? as f64)));
        let known: Vec<(&KernelSet, f64)> = known.filter(|(_, bytes)| *bytes > 0.0).collect();
        (known.len() > MIN_NETWORKS).then(|| Self {
            fit: fit(&known),
            conformal: Conformal::new(&held_out(&known)),
            ranges: [1, 2].map(|column| range(known.iter().map(|(network, _)| row(network)[column]))),
        })
    }

    pub(crate) fn predict(&self, network: &KernelSet) -> Interval {
        self.conformal.around(self.fit.predict(&row(network)).max(1.0), self.doubt(network), CONFIDENCE)
    }

    /// 1 among the measured networks, more by the logarithm of how far a network lies outside of them.
    fn doubt(&self, network: &KernelSet) -> f64 {
        let [_, amounts @ ..] = row(network);
        let outside = amounts.iter().zip(self.ranges).map(|(amount, (least, most))| {
            let amount = amount.max(1.0);
            (amount / most.max(1.0)).ln().max((least.max(1.0) / amount).ln()).max(0.0)
        });
        1.0 + outside.sum::<f64>()
    }

    pub(crate) fn terms(&self) -> Vec<(String, f64)> {
        let names = ["start_bytes", "per_activation_byte", "per_weight_byte"].map(str::to_owned);
        names.into_iter().zip(self.fit.coefficients().iter().copied()).collect()
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(least, most), value| (least.min(value), most.max(value)))
}

fn held_out(known: &[(&KernelSet, f64)]) -> Vec<HeldOut> {
    let folds = FOLDS.min(known.len());
    let fold_of = |fold: usize| {
        let kept: Vec<_> = known.iter().enumerate().filter(|(i, _)| i % folds != fold).map(|(_, k)| *k).collect();
        let fit = fit(&kept);
        let predict = move |(network, measured): &(&KernelSet, f64)| HeldOut {
            measured: *measured,
            predicted: fit.predict(&row(network)).max(1.0),
            doubt: 1.0,
        };
        known.iter().skip(fold).step_by(folds).map(predict).collect::<Vec<_>>()
    };
    (0..folds).flat_map(fold_of).collect()
}
