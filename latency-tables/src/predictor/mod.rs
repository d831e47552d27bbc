//! Predictors of whole-network latency: one small trait, one file each, one conformance suite.
//!
//! A predictor fits a model to measured networks; the model predicts a latency and says how far the network lies from what
//! it was fitted to. Intervals are not its business: they come from held-out errors, the same way for all. To add one, write
//! its file and list it in [`PREDICTORS`]; the suite below then tests it.

mod kernel_entries;
mod kernel_sum;
mod macs;
mod operator_count;
mod whole_network;

use std::fmt;

pub use kernel_entries::KernelEntries;
pub use kernel_sum::{KernelSum, PlainSum, TRANSFERRED, Transferred};
pub use macs::Macs;
pub use operator_count::OperatorCount;
pub use whole_network::WholeNetwork;

use crate::kernel::Kernel;
use crate::kernel_set::KernelSet;
use crate::sample::NetworkSample;

/// Least number of networks that anything is fitted to.
pub const MIN_NETWORKS: usize = 3;

/// A way to predict latency.
pub trait Predictor: fmt::Debug + Sync {
    /// Its name in tables and reports.
    fn name(&self) -> &'static str;

    /// Whether the samples hold what it is fitted to.
    fn applies(&self, _samples: &[&NetworkSample]) -> bool {
        true
    }

    /// Whether it learns from [kernels alone](NetworkSample::is_alone) too; whole networks are all that the plain models are made for.
    fn learns_from_alone(&self) -> bool {
        false
    }

    /// Fits it to at least [`MIN_NETWORKS`] samples. The same samples in the same order give the same model, bit for bit.
    fn fit(&self, samples: &[&NetworkSample]) -> Box<dyn Model>;
}

/// A fitted predictor.
pub trait Model: fmt::Debug + Send + Sync {
    /// Predicted median latency in nanoseconds, above zero.
    fn latency_ns(&self, network: &KernelSet) -> f64;

    /// How unlike the fitted networks this one is: 1 for one of the same kind, more for others. Scales the interval.
    fn doubt(&self, network: &KernelSet) -> f64;

    /// The model as a sum over kernels, where it is one with its doubt.
    fn additive(&self) -> Option<&dyn Additive> {
        None
    }

    /// Predicted nanoseconds of each kernel, in order, where the model is a sum over kernels.
    fn kernel_ns(&self, _network: &KernelSet) -> Option<Vec<f64>> {
        None
    }

    /// The fitted numbers by name, for people and for the table file.
    fn terms(&self) -> Vec<(String, f64)>;
}

/// A model of which a network's latency and doubt follow from what its kernels add up to, so that parts of networks are summed once and
/// joined at will.
pub trait Additive {
    /// What one kernel adds.
    fn part(&self, kernel: &Kernel) -> Part;

    /// Predicted median latency of a network in nanoseconds, above zero.
    fn latency_of(&self, whole: &Part) -> f64;

    /// As [`Model::doubt`].
    fn doubt_of(&self, whole: &Part) -> f64;
}

/// What kernels add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Part {
    /// Predicted nanoseconds.
    pub time_ns: f64,
    /// What they add to the doubt, in the model's own measure.
    pub doubt: f64,
    /// How many there are.
    pub kernels: f64,
}

impl Part {
    /// Both parts together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            time_ns: self.time_ns + other.time_ns,
            doubt: self.doubt + other.doubt,
            kernels: self.kernels + other.kernels,
        }
    }
}

/// What the kernels of a network add up to.
pub(crate) fn sum(model: &dyn Additive, network: &KernelSet) -> Part {
    network.kernels().iter().fold(Part::default(), |sum, kernel| sum.and(&model.part(kernel)))
}

/// A predictor fitted to those of the samples that it learns from.
pub(crate) fn fit(predictor: &dyn Predictor, samples: &[&NetworkSample]) -> Box<dyn Model> {
    match predictor.learns_from_alone() {
        true => predictor.fit(samples),
        false => predictor.fit(&whole(samples)),
    }
}

/// The samples of whole networks; all where too few are.
pub(crate) fn whole<'a>(samples: &[&'a NetworkSample]) -> Vec<&'a NetworkSample> {
    let whole: Vec<&NetworkSample> = samples.iter().copied().filter(|sample| !sample.is_alone()).collect();
    if whole.len() > MIN_NETWORKS { whole } else { samples.to_vec() }
}

/// The predictors among which cross-validation chooses, the baselines first and the one to trust without evidence last.
pub const PREDICTORS: [&dyn Predictor; 6] =
    [&OperatorCount, &Macs, &WholeNetwork, &KernelSum::UNPROFILED, &KernelEntries, &KernelSum::PROFILED];

/// The predictors that stand beside each other in an evaluation: those that may be chosen, and the plain sum of kernels.
pub fn evaluated() -> impl Iterator<Item = &'static dyn Predictor> {
    PREDICTORS.into_iter().chain([&PlainSum as &dyn Predictor])
}

/// A network that takes no time does not exist; predictions stay above this.
const LEAST_NS: f64 = 1.0;

#[cfg(test)]
mod conformance {
    //! What every predictor must do, on the made-up device of `synthetic`.

    use super::{MIN_NETWORKS, Model, Part, Predictor, evaluated};
    use crate::interval::Conformal;
    use crate::kernel::Kernel;
    use crate::sample::NetworkSample;
    use crate::selection::{held_out, predict};
    use crate::synthetic::Device;

    fn fitted(predictor: &dyn Predictor, samples: &[NetworkSample]) -> Box<dyn Model> {
        predictor.fit(&samples.iter().collect::<Vec<_>>())
    }

    #[test]
    fn names_differ() {
        let mut names: Vec<&str> = evaluated().map(Predictor::name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }

    #[test]
    fn predictions_are_positive_and_finite_from_the_least_number_of_networks_on() {
        let device = Device::default();
        for predictor in evaluated() {
            for networks in [MIN_NETWORKS as u64, 10, 40] {
                let model = fitted(predictor, &device.samples(0..networks));
                for network in (200..220).map(|seed| device.kernels(seed)).chain([device.outlandish_kernels()]) {
                    let (ns, doubt) = (model.latency_ns(&network), model.doubt(&network));
                    assert!(ns.is_finite() && ns > 0.0, "{} {networks}: {ns}", predictor.name());
                    assert!(doubt.is_finite() && doubt >= 1.0, "{} {networks}: {doubt}", predictor.name());
                }
            }
        }
    }

    #[test]
    fn the_same_samples_give_the_same_model_bit_for_bit() {
        let samples = Device::default().samples(0..30);
        for predictor in evaluated() {
            assert_eq!(
                fitted(predictor, &samples).terms(),
                fitted(predictor, &samples).terms(),
                "{}",
                predictor.name()
            );
        }
    }

    #[test]
    fn samples_without_profiles_are_enough() {
        let mut samples = Device::default().samples(0..40);
        for sample in &mut samples {
            sample.kernel_ns.iter_mut().for_each(|time| *time = None);
            sample.unmatched.clear();
        }
        let fresh = Device::default().samples(300..340);
        for predictor in evaluated() {
            let model = fitted(predictor, &samples);
            let mean: f64 =
                fresh.iter().map(|s| (model.latency_ns(&s.kernels) / s.median_ns()).ln().abs()).sum::<f64>() / 40.0;
            assert!(mean < 0.3, "{}: {mean}", predictor.name());
        }
    }

    #[test]
    fn kernel_times_sum_to_no_more_than_the_network() {
        let device = Device::default();
        for predictor in evaluated() {
            let model = fitted(predictor, &device.samples(0..40));
            let network = device.kernels(77);
            let Some(times) = model.kernel_ns(&network) else { continue };
            assert_eq!(times.len(), network.kernels().len());
            let sum: f64 = times.iter().sum();
            assert!(
                sum <= 1.001 * model.latency_ns(&network) && sum > 0.5 * model.latency_ns(&network),
                "{}",
                predictor.name()
            );
        }
    }

    #[test]
    fn additive_models_say_the_same_of_parts_as_of_the_whole() {
        let device = Device::default();
        let mut additive = 0;
        for predictor in evaluated() {
            let model = fitted(predictor, &device.samples(0..40));
            let Some(parts) = model.additive() else { continue };
            additive += 1;
            for network in [device.kernels(77), device.outlandish_kernels()] {
                let (front, back) = network.kernels().split_at(network.kernels().len() / 3);
                let of = |kernels: &[Kernel]| {
                    kernels.iter().fold(Part::default(), |sum, kernel| sum.and(&parts.part(kernel)))
                };
                let whole = of(front).and(&of(back));
                let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
                assert!(near(parts.latency_of(&whole), model.latency_ns(&network)), "{}", predictor.name());
                assert!(near(parts.doubt_of(&whole), model.doubt(&network)), "{}", predictor.name());
            }
        }
        assert!(additive >= 3, "the sums of kernels and the kernel entries are additive");
    }

    /// Coverage of 400 networks has a standard deviation of 1.5 points; three of those and the calibration's own stay above 80 %.
    #[test]
    fn intervals_cover_what_they_say_on_fresh_networks() {
        let device = Device::default();
        let (samples, fresh) = (device.samples(0..100), device.samples(1000..1400));
        let samples: Vec<&NetworkSample> = samples.iter().collect();
        for predictor in evaluated() {
            let conformal = Conformal::new(&held_out(predictor, &samples));
            let model = predictor.fit(&samples);
            let inside = fresh.iter().filter(|sample| {
                let h = predict(model.as_ref(), sample);
                conformal.around(h.predicted, h.doubt, 0.9).contains(h.measured)
            });
            let coverage = inside.count() as f64 / 400.0;
            assert!((0.82..=0.98).contains(&coverage), "{}: {coverage}", predictor.name());
        }
    }
}
