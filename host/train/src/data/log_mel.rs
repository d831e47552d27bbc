//! Log-mel features of a sound: what a network for sounds sees, computed before the network.
//!
//! Frames of `window_ms` every `hop_ms`, each under a periodic Hann window and filled with zeros to a power of two; the power
//! spectrum; `bands` triangles whose corners are evenly spaced on the mel scale `2595 log10(1 + f / 700)` (O'Shaughnessy 1987, as
//! in HTK) from 20 Hz to half the sampling rate; the natural logarithm of the power plus 1e-6. [`LogMel::describe`] says all of it.

use std::f64::consts::PI;

/// Lowest frequency of the lowest band.
const LOW_HZ: f64 = 20.0;

/// Added to a band's power before the logarithm.
const FLOOR: f64 = 1e-6;

/// Settings of the features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogMel {
    /// Length of a sound: what is shorter is filled with silence, what is longer is cut. Above 0.
    pub seconds: f64,
    /// Length of a frame, above 0.
    pub window_ms: f64,
    /// From the beginning of one frame to that of the next, above 0.
    pub hop_ms: f64,
    /// Bands, at least 1.
    pub bands: usize,
}

impl Default for LogMel {
    /// 40 bands of 49 frames for a second, as is usual for keywords.
    fn default() -> Self {
        Self { seconds: 1.0, window_ms: 30.0, hop_ms: 20.0, bands: 40 }
    }
}

impl LogMel {
    /// All that is needed to compute the features again, as JSON.
    pub(super) fn describe(&self, rate_hz: u32) -> String {
        let Self { seconds, window_ms, hop_ms, bands } = self;
        let sizes = Sizes::of(self, rate_hz);
        format!(
            "{{\"kind\":\"log-mel\",\"sample_rate_hz\":{rate_hz},\"seconds\":{seconds},\"window_ms\":{window_ms},\"hop_ms\":{hop_ms},\
             \"window_samples\":{},\"hop_samples\":{},\"fft\":{},\"frames\":{},\"window\":\"hann, periodic\",\"bands\":{bands},\
             \"mel\":\"2595 log10(1 + f / 700)\",\"low_hz\":{LOW_HZ},\"high_hz\":{},\"filters\":\"triangles of height 1\",\
             \"value\":\"ln(power + {FLOOR:e})\",\"samples\":\"-1 to 1, mean of the channels\",\"shape\":\"[1, bands, frames]\"}}",
            sizes.window,
            sizes.hop,
            sizes.fft,
            sizes.frames,
            f64::from(rate_hz) / 2.0,
        )
    }
}

/// Settings in samples.
struct Sizes {
    window: usize,
    hop: usize,
    fft: usize,
    frames: usize,
    sound: usize,
}

impl Sizes {
    fn of(settings: &LogMel, rate_hz: u32) -> Self {
        let samples = |seconds: f64| ((seconds * f64::from(rate_hz)).round() as usize).max(1);
        let (window, hop) = (samples(settings.window_ms / 1e3), samples(settings.hop_ms / 1e3));
        let sound = samples(settings.seconds).max(window);
        Self { window, hop, fft: window.next_power_of_two().max(2), frames: (sound - window) / hop + 1, sound }
    }
}

/// Computes the features of sounds of one sampling rate.
pub(super) struct Extractor {
    sizes: Sizes,
    hann: Vec<f64>,
    /// For each band, its first bin and the weights from there.
    filters: Vec<(usize, Vec<f64>)>,
}

impl Extractor {
    pub(super) fn new(settings: &LogMel, rate_hz: u32) -> Self {
        let sizes = Sizes::of(settings, rate_hz);
        let hann = (0..sizes.window).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f64 / sizes.window as f64).cos()).collect();
        let filters = filters(settings.bands, sizes.fft, f64::from(rate_hz));
        Self { sizes, hann, filters }
    }

    /// Bands and frames.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.filters.len(), self.sizes.frames]
    }

    /// `bands x frames` numbers, a band after the other.
    pub(super) fn features(&self, samples: &[f32]) -> Vec<f32> {
        let [bands, frames] = self.shape();
        let samples = &samples[..samples.len().min(self.sizes.sound)];
        let mut features = vec![0.0; bands * frames];
        for frame in 0..frames {
            let power = self.power(samples.get(frame * self.sizes.hop..).unwrap_or_default());
            for (band, (first, weights)) in self.filters.iter().enumerate() {
                let energy: f64 = weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum();
                features[band * frames + frame] = (energy + FLOOR).ln() as f32;
            }
        }
        features
    }

    /// The power spectrum of the frame that begins here.
    fn power(&self, samples: &[f32]) -> Vec<f64> {
        let mut re: Vec<f64> = self.hann.iter().zip(samples).map(|(w, &x)| w * f64::from(x)).collect();
        re.resize(self.sizes.fft, 0.0);
        let mut im = vec![0.0; self.sizes.fft];
        fourier(&mut re, &mut im);
        (0..=self.sizes.fft / 2).map(|k| re[k] * re[k] + im[k] * im[k]).collect()
    }
}

fn filters(bands: usize, fft: usize, rate_hz: f64) -> Vec<(usize, Vec<f64>)> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let (low, high) = (mel(LOW_HZ), mel(rate_hz / 2.0));
    let corner = |i: usize| {
        let mel = low + (high - low) * i as f64 / (bands + 1) as f64;
        700.0 * (10f64.powf(mel / 2595.0) - 1.0)
    };
    let band = |i: usize| {
        let (left, middle, right) = (corner(i), corner(i + 1), corner(i + 2));
        let weight = |bin: usize| {
            let hz = bin as f64 * rate_hz / fft as f64;
            ((hz - left) / (middle - left)).min((right - hz) / (right - middle)).max(0.0)
        };
        let first = (0..=fft / 2).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
        (first, (first..=fft / 2).map(weight).take_while(|&w| w > 0.0).collect())
    };
    (0..bands).map(band).collect()
}

/// The discrete Fourier transform in place (Cooley and Tukey 1965); the length is a power of two.
fn fourier(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        for k in 0..half {
            let (sin, cos) = (-PI * k as f64 / half as f64).sin_cos();
            for a in (k..n).step_by(2 * half) {
                let b = a + half;
                let (x, y) = (re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                (re[a], im[a]) = (re[a] + x, im[a] + y);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_that_of_its_definition() {
        let signal: Vec<f64> = (0..16).map(|n| ((n * n) % 7) as f64 - 2.0).collect();
        let (mut re, mut im) = (signal.clone(), vec![0.0; 16]);
        fourier(&mut re, &mut im);
        for k in 0..16 {
            let term = |n: usize| 2.0 * PI * (k * n) as f64 / 16.0;
            let cos: f64 = (0..16).map(|n| signal[n] * term(n).cos()).sum();
            let sin: f64 = (0..16).map(|n| -signal[n] * term(n).sin()).sum();
            assert!((re[k] - cos).abs() < 1e-9 && (im[k] - sin).abs() < 1e-9, "{k}");
        }
    }

    #[test]
    fn a_tone_is_loudest_in_its_own_band() {
        let extractor = Extractor::new(&LogMel::default(), 16_000);
        assert_eq!(extractor.shape(), [40, 49]);
        for hz in [200.0, 1000.0, 4000.0] {
            let tone: Vec<f32> = (0..16_000).map(|n| (2.0 * PI * hz * f64::from(n) / 16_000.0).sin() as f32).collect();
            let features = extractor.features(&tone);
            let band = (0..40).max_by(|&a, &b| features[a * 49 + 20].total_cmp(&features[b * 49 + 20])).unwrap();
            let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
            let expected = (mel(hz) - mel(20.0)) / (mel(8000.0) - mel(20.0)) * 41.0 - 1.0;
            assert!((band as f64 - expected).abs() <= 1.0, "{hz} Hz in band {band}, expected {expected}");
        }
    }

    #[test]
    fn silence_fills_what_is_missing() {
        let extractor = Extractor::new(&LogMel::default(), 16_000);
        let features = extractor.features(&[0.5; 4000]);
        assert_eq!(features.len(), 40 * 49);
        assert_eq!(features[48], FLOOR.ln() as f32);
        assert!(features[0] > features[48]);
    }
}
