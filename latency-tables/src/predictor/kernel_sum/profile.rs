//! What profiles say about single kernels, gathered over all networks in which they ran.
//!
//! Profiles are disturbed in two ways: a device is slow during a whole profile, and single nodes are interrupted, which their mean
//! keeps. Each network's speed is therefore the median over its kernels, each kernel's time the median over its networks, in
//! turns; what spread then remains is the noise of one profiled time.

use std::collections::BTreeMap;

use crate::kernel::Kernel;
use crate::sample::NetworkSample;
use crate::statistics::{median, robust_deviation};

/// Turns of estimating speeds and times; they settle after two or three.
const TURNS: usize = 3;
/// Least standard deviation of the logarithm of one profiled time: what few repetitions cannot show.
const LEAST_NOISE: f64 = 0.05;
/// The same where no kernel was profiled often enough to show any.
const USUAL_NOISE: f64 = 0.1;
/// Times from which a kernel shows its spread.
const ENOUGH: usize = 3;

/// A kernel that was profiled in place, at least once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profiled<'a> {
    pub(super) kernel: &'a Kernel,
    /// Typical time in nanoseconds.
    pub(super) time_ns: f64,
    /// How many times it was profiled.
    pub(super) times: usize,
}

/// All profiled kernels.
#[derive(Debug)]
pub(super) struct Profiles<'a> {
    /// By the kernels' hashes.
    pub(super) kernels: BTreeMap<u64, Profiled<'a>>,
    /// Standard deviation of the logarithm of one profiled time.
    pub(super) noise: f64,
}

/// One profiled time: of which network, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Reading {
    network: usize,
    time_ns: f64,
}

/// The readings of one kernel.
struct Readings<'a> {
    kernel: &'a Kernel,
    readings: Vec<Reading>,
}

impl Readings<'_> {
    /// Its typical time when each network's times are multiplied by `speeds`.
    fn typical(&self, speeds: &[f64]) -> f64 {
        median(&self.readings.iter().map(|r| r.time_ns * speeds[r.network]).collect::<Vec<_>>())
    }
}

impl<'a> Profiles<'a> {
    /// The profiles, brought to the level of unprofiled runs.
    pub(super) fn of(samples: &[&'a NetworkSample]) -> Self {
        let mut profiles = Self::as_profiled(samples);
        let level = level(samples, &profiles.kernels);
        profiles.kernels.values_mut().for_each(|one| one.time_ns *= level);
        profiles
    }

    /// The profiles at their own level.
    pub(super) fn as_profiled(samples: &[&'a NetworkSample]) -> Self {
        let readings = gather(samples);
        let mut speeds = vec![1.0; samples.len()];
        for _ in 0..TURNS {
            speeds = estimate_speeds(&readings, &speeds);
        }
        let profiled = |(hash, r): (&u64, &Readings<'a>)| {
            (*hash, Profiled { kernel: r.kernel, time_ns: r.typical(&speeds), times: r.readings.len() })
        };
        Self { kernels: readings.iter().map(profiled).collect(), noise: noise(&readings, &speeds) }
    }
}

fn gather<'a>(samples: &[&'a NetworkSample]) -> BTreeMap<u64, Readings<'a>> {
    let mut all: BTreeMap<u64, Readings<'a>> = BTreeMap::new();
    for (network, sample) in samples.iter().enumerate() {
        for one in sample.kernel_samples() {
            let of_kernel = all.entry(one.kernel.hash).or_insert(Readings { kernel: one.kernel, readings: Vec::new() });
            of_kernel.readings.push(Reading { network, time_ns: one.time_ns.max(super::LEAST_NS) });
        }
    }
    all
}

/// For each network, the factor that brings its times to the kernels' typical ones.
fn estimate_speeds(readings: &BTreeMap<u64, Readings<'_>>, speeds: &[f64]) -> Vec<f64> {
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); speeds.len()];
    for of_kernel in readings.values().filter(|r| r.readings.len() > 1) {
        let typical = of_kernel.typical(speeds);
        of_kernel.readings.iter().for_each(|r| ratios[r.network].push(typical / r.time_ns));
    }
    ratios.iter().map(|ratios| if ratios.is_empty() { 1.0 } else { median(ratios) }).collect()
}

/// The factor from profiled sums to unprofiled latencies.
fn level(samples: &[&NetworkSample], profiled: &BTreeMap<u64, Profiled<'_>>) -> f64 {
    let time_ns = |kernel: &Kernel| profiled.get(&kernel.hash).map(|one| one.time_ns);
    let sum = |sample: &NetworkSample| sample.kernels.kernels().iter().filter_map(time_ns).sum::<f64>();
    let ratios = samples.iter().map(|sample| sample.median_ns() / sum(sample));
    let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
    if ratios.is_empty() { 1.0 } else { median(&ratios) }
}

fn noise(readings: &BTreeMap<u64, Readings<'_>>, speeds: &[f64]) -> f64 {
    let spread = |r: &Readings<'_>| {
        let typical = r.typical(speeds);
        r.readings.iter().map(|one| (one.time_ns * speeds[one.network] / typical).ln()).collect::<Vec<_>>()
    };
    let often = readings.values().filter(|r| r.readings.len() >= ENOUGH);
    let deviations: Vec<f64> = often.flat_map(spread).collect();
    if deviations.is_empty() { USUAL_NOISE } else { robust_deviation(&deviations).max(LEAST_NOISE) }
}

#[cfg(test)]
mod tests {
    use super::Profiles;
    use crate::sample::NetworkSample;
    use crate::synthetic::Device;

    fn largest_change(samples: &[NetworkSample], disturb: impl Fn(usize, &mut NetworkSample)) -> f64 {
        let mut disturbed = samples.to_vec();
        disturbed.iter_mut().enumerate().for_each(|(i, sample)| disturb(i, sample));
        let (clean, disturbed): (Vec<_>, Vec<_>) = (samples.iter().collect(), disturbed.iter().collect());
        let (clean, disturbed) = (Profiles::of(&clean).kernels, Profiles::of(&disturbed).kernels);
        let often = clean.iter().filter(|(_, one)| one.times >= 10);
        often.map(|(hash, one)| (disturbed[hash].time_ns / one.time_ns).ln().abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_slow_profile_and_interrupted_nodes_hardly_move_kernels_that_ran_often() {
        let samples = Device::default().samples(0..60);
        let slow = |i: usize, sample: &mut NetworkSample| {
            let factor = if i.is_multiple_of(3) { 4.0 } else { 1.0 };
            sample.kernel_ns.iter_mut().flatten().for_each(|ns| *ns *= factor);
        };
        let interrupted = |i: usize, sample: &mut NetworkSample| {
            let nodes = sample.kernel_ns.len();
            sample.kernel_ns[i * 7 % nodes].iter_mut().for_each(|ns| *ns *= 20.0);
        };
        assert!(largest_change(&samples, slow) < 0.1);
        assert!(largest_change(&samples, interrupted) < 0.1);
    }
}
