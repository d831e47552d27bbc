//! Which samples count: those taken while the device was as fast as it can be, by the reference work that was timed beside them.
//!
//! What else runs on the memory and the cores of a device, in other virtual machines for one, slows a network down by up to a half
//! for seconds or minutes. Such a sample says nothing of the network, and its processes may well agree.

use crate::sample::NetworkSample;
use crate::statistics::quantile;

/// A sample is left out when its reference work took longer than the device's by this share: undisturbed, it varies by 3 %.
const SLOWER: f64 = 0.06;

/// Samples that are enough to fit a table to without the others.
const ENOUGH: usize = 8;

/// The quantile over the samples that counts as what the device can do.
const AS_FAST_AS_IT_CAN: f64 = 0.1;

/// The samples that count, in their order. All do where too few would be left to fit anything, and those without reference work
/// always do.
pub(crate) fn counting(samples: &[NetworkSample]) -> Vec<&NetworkSample> {
    let counting: Vec<&NetworkSample> = match limit_ns(samples) {
        Some(limit_ns) => samples.iter().filter(|sample| is_within(sample, limit_ns)).collect(),
        None => samples.iter().collect(),
    };
    if counting.len() >= ENOUGH { counting } else { samples.iter().collect() }
}

/// The longest reference work of a sample that counts; `None` where none was timed.
pub(crate) fn limit_ns(samples: &[NetworkSample]) -> Option<f64> {
    let timed: Vec<f64> = samples.iter().filter_map(|sample| sample.reference_ns).collect();
    (!timed.is_empty()).then(|| quantile(&timed, AS_FAST_AS_IT_CAN) * (1.0 + SLOWER))
}

/// Whether a sample counts beside others whose longest reference work this is.
pub(crate) fn is_within(sample: &NetworkSample, limit_ns: f64) -> bool {
    sample.reference_ns.is_none_or(|ns| ns <= limit_ns)
}

#[cfg(test)]
mod tests {
    use super::counting;
    use crate::sample::NetworkSample;
    use crate::synthetic::Device;

    fn samples(reference_ns: impl Fn(usize) -> Option<f64>) -> Vec<NetworkSample> {
        let samples = Device::default().samples(0..20);
        let timed = samples.into_iter().enumerate();
        timed.map(|(at, sample)| NetworkSample { reference_ns: reference_ns(at), ..sample }).collect()
    }

    #[test]
    fn slower_ones_are_left_out_and_untimed_ones_stay() {
        let mixed = samples(|at| match at % 4 {
            0 => None,
            1 => Some(1000.0),
            2 => Some(1030.0),
            _ => Some(1250.0),
        });
        let kept = counting(&mixed);
        assert_eq!(kept.len(), 15);
        assert!(kept.iter().all(|sample| sample.reference_ns != Some(1250.0)));
    }

    #[test]
    fn all_stay_where_too_few_would() {
        assert_eq!(counting(&samples(|at| Some(if at < 3 { 100.0 } else { 200.0 }))).len(), 20);
        assert_eq!(counting(&samples(|_| None)).len(), 20);
    }
}
