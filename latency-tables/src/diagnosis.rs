//! A table looked at closely: what the predictor that guides said of each network and kernel while a fit did not know it.
//!
//! It refits fold by fold, as selection does, so nobody but reports asks for it.

use crate::interval::{CONFIDENCE, Conformal, HeldOut, Interval};
use crate::kernel::KernelKind;
use crate::predictor::{Predictor, fit};
use crate::sample::NetworkSample;
use crate::selection::{held_out, in_folds, predict};

/// Confidences at which coverage is looked at.
const CONFIDENCES: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// A measured network and what a fit without it predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkCheck {
    /// The network.
    pub id: String,
    /// Measured median, in nanoseconds.
    pub measured_ns: f64,
    /// Predicted, in nanoseconds, at 90 % confidence.
    pub predicted_ns: Interval,
    /// What the operator-count baseline predicted in the same way, in nanoseconds.
    pub baseline_ns: f64,
}

/// A profiled kernel and what a fit without its network predicted. Profiles are on the level of whole networks here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelCheck {
    /// Kind of the kernel.
    pub kind: KernelKind,
    /// Profiled, in nanoseconds.
    pub measured_ns: f64,
    /// Predicted, in nanoseconds.
    pub predicted_ns: f64,
}

/// Share of networks inside intervals of a confidence, calibrated on the other half of the networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// What the intervals are to cover, 0 to 1.
    pub confidence: f64,
    /// What they cover, 0 to 1.
    pub covered: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// In the order of the samples.
    pub networks: Vec<NetworkCheck>,
    /// In the order of the samples; empty where the predictor is no sum over kernels or nothing was profiled.
    pub kernels: Vec<KernelCheck>,
    /// Rising confidences; without those that half of the networks are too few for.
    pub coverage: Vec<Coverage>,
}

impl Diagnosis {
    /// Of a predictor on these samples.
    pub(crate) fn of(predictor: &dyn Predictor, baseline: &dyn Predictor, samples: &[&NetworkSample]) -> Self {
        let (guided, plain) = (held_out(predictor, samples), held_out(baseline, samples));
        let conformal = Conformal::new(&guided);
        let network = |((sample, guided), plain): ((&&NetworkSample, &HeldOut), &HeldOut)| NetworkCheck {
            id: sample.id.clone(),
            measured_ns: guided.measured,
            predicted_ns: conformal.around(guided.predicted, guided.doubt, CONFIDENCE),
            baseline_ns: plain.predicted,
        };
        Self {
            networks: samples.iter().zip(&guided).zip(&plain).map(network).collect(),
            kernels: kernel_checks(predictor, samples),
            coverage: coverage(&guided),
        }
    }
}

fn kernel_checks(predictor: &dyn Predictor, samples: &[&NetworkSample]) -> Vec<KernelCheck> {
    let checked = in_folds(predictor, samples, |model, sample| {
        let Some(predicted) = model.kernel_ns(&sample.kernels) else { return Vec::new() };
        let level = sample.median_ns() / sample.profiled_ns();
        let pairs = sample.kernels.kernels().iter().zip(&sample.kernel_ns).zip(predicted);
        let check = |((kernel, time), predicted_ns): ((&crate::Kernel, &Option<f64>), f64)| {
            let measured_ns = (*time)? * level;
            Some(KernelCheck { kind: kernel.kind, measured_ns, predicted_ns })
        };
        pairs.filter_map(check).filter(|check| check.measured_ns > 0.0).collect()
    });
    checked.into_iter().flatten().collect()
}

/// Each half calibrates the intervals of the other.
fn coverage(held_out: &[HeldOut]) -> Vec<Coverage> {
    let half = |parity: usize| held_out.iter().skip(parity).step_by(2).copied().collect::<Vec<_>>();
    let halves = [half(0), half(1)];
    let conformal = [Conformal::new(&halves[1]), Conformal::new(&halves[0])];
    let of = |confidence: f64| {
        let inside = |(half, conformal): (&Vec<HeldOut>, &Conformal)| {
            let inside = |h: &&HeldOut| conformal.around(h.predicted, h.doubt, confidence).contains(h.measured);
            half.iter().filter(inside).count()
        };
        let known = conformal.iter().all(|conformal| conformal.quantile(confidence).is_finite());
        let covered = halves.iter().zip(&conformal).map(inside).sum::<usize>() as f64 / held_out.len() as f64;
        known.then_some(Coverage { confidence, covered })
    };
    CONFIDENCES.into_iter().filter_map(of).collect()
}

/// Predictions of fresh networks by a predictor fitted to `samples`, in nanoseconds.
pub(crate) fn errors_on(predictor: &dyn Predictor, samples: &[&NetworkSample], fresh: &[&NetworkSample]) -> Vec<f64> {
    let model = fit(predictor, samples);
    let error = |sample: &&NetworkSample| {
        let told = predict(model.as_ref(), sample);
        told.predicted / told.measured - 1.0
    };
    fresh.iter().map(error).collect()
}

#[cfg(test)]
mod tests {
    use crate::synthetic::{Device, fitted_table};

    #[test]
    fn every_network_and_profiled_kernel_is_checked_by_a_fit_that_did_not_know_it() {
        let table = fitted_table(&Device::default(), 60);
        let diagnosis = table.diagnosis().unwrap();
        assert_eq!(diagnosis.networks.len(), 60);
        let kernels: usize = table.samples().iter().map(|sample| sample.kernel_samples().count()).sum();
        assert_eq!(diagnosis.kernels.len(), kernels);
        let inside = diagnosis.networks.iter().filter(|one| one.predicted_ns.contains(one.measured_ns)).count();
        assert!((54..=58).contains(&inside), "{inside} of 60 in an interval of 90 %");
        let off = diagnosis.kernels.iter().map(|one| (one.predicted_ns / one.measured_ns).ln().abs());
        let off = off.sum::<f64>() / kernels as f64;
        assert!(off < 0.2, "{off}");
        let covered = diagnosis.coverage.iter().map(|one| (one.covered - one.confidence).abs()).fold(0.0, f64::max);
        assert!(!diagnosis.coverage.is_empty() && covered < 0.2, "{:?}", diagnosis.coverage);
    }
}
