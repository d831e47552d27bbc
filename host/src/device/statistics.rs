//! Statistics of latency samples. Samples are nanoseconds; every number here is one of the samples'
//! own unit unless its name says otherwise.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};

/// Resamples of the bootstrap.
const RESAMPLES: usize = 1000;

/// Seed of the bootstrap: the same samples have the same interval.
const BOOTSTRAP_SEED: u64 = 0x00ed_9ef1;

/// Every statistic that is shown of a series of samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of samples.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); 0 for one sample.
    pub standard_deviation: f64,
    /// Coefficient of variation: standard deviation over mean.
    pub variation: f64,
    /// Least sample.
    pub min: f64,
    /// 5th percentile.
    pub p5: f64,
    /// 25th percentile.
    pub p25: f64,
    /// 50th percentile: the number that is meant where none is named.
    pub median: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Greatest sample.
    pub max: f64,
    /// Median absolute deviation from the median, not scaled.
    pub median_absolute_deviation: f64,
    /// Samples more than 1.5 interquartile ranges below the 25th percentile (Tukey 1977).
    pub low_outliers: usize,
    /// Samples more than 1.5 interquartile ranges above the 75th percentile (Tukey 1977).
    pub high_outliers: usize,
    /// 95 % interval of the median, see [`median_interval`].
    pub median_interval: [f64; 2],
    /// Coefficient of variation of the processes' medians; `None` for one process.
    pub between_processes: Option<f64>,
}

impl Summary {
    /// The statistics of the samples of one or more processes; `None` without a sample.
    pub fn of(processes: &[&[u64]]) -> Option<Self> {
        let mut sorted: Vec<f64> = processes.iter().copied().flatten().map(|ns| *ns as f64).collect();
        sorted.sort_by(f64::total_cmp);
        let percent = |q: f64| quantile(&sorted, q / 100.0);
        let (mean, standard_deviation) = mean_and_deviation(&sorted)?;
        let (p25, p75) = (percent(25.0)?, percent(75.0)?);
        let fence = 1.5 * (p75 - p25);
        Some(Self {
            count: sorted.len(),
            mean,
            standard_deviation,
            variation: ratio(standard_deviation, mean),
            min: percent(0.0)?,
            p5: percent(5.0)?,
            p25,
            median: percent(50.0)?,
            p75,
            p90: percent(90.0)?,
            p95: percent(95.0)?,
            p99: percent(99.0)?,
            max: percent(100.0)?,
            median_absolute_deviation: median_absolute_deviation(&sorted)?,
            low_outliers: sorted.iter().filter(|x| **x < p25 - fence).count(),
            high_outliers: sorted.iter().filter(|x| **x > p75 + fence).count(),
            median_interval: median_interval(processes)?,
            between_processes: between_processes(processes),
        })
    }
}

/// Median of samples; `None` without one.
pub fn median(samples: &[u64]) -> Option<f64> {
    let mut sorted: Vec<f64> = samples.iter().map(|ns| *ns as f64).collect();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// Quantile of sorted samples by linear interpolation between ranks (Hyndman and Fan 1996, type 7,
/// the default of R and NumPy). `q` is from 0 to 1.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    Some(below + (above - below) * rank.fract())
}

fn mean_and_deviation(samples: &[f64]) -> Option<(f64, f64)> {
    let count = samples.len() as f64;
    if samples.is_empty() {
        return None;
    }
    let mean = samples.iter().sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|x| (x - mean).powi(2)).sum();
    let deviation = if samples.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    Some((mean, deviation))
}

fn median_absolute_deviation(sorted: &[f64]) -> Option<f64> {
    let middle = quantile(sorted, 0.5)?;
    let mut deviations: Vec<f64> = sorted.iter().map(|x| (x - middle).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    quantile(&deviations, 0.5)
}

fn between_processes(processes: &[&[u64]]) -> Option<f64> {
    let medians: Vec<f64> = processes.iter().filter_map(|samples| median(samples)).collect();
    let (mean, deviation) = mean_and_deviation(&medians)?;
    (medians.len() > 1).then(|| ratio(deviation, mean))
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// 95 % interval of the median over processes. `None` without a sample.
///
/// Of one process, it is a percentile bootstrap of its samples. Of several, it also holds what the processes' medians say: a Student
/// interval of the mean of their logarithms, since processes differ from each other by more than their samples tell, and three of
/// them are too few to be drawn from (a bootstrap over three ends at the least and the greatest of them).
pub fn median_interval(processes: &[&[u64]]) -> Option<[f64; 2]> {
    let drawers: Vec<MedianDrawer> = processes.iter().filter_map(|samples| MedianDrawer::new(samples)).collect();
    if drawers.is_empty() {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut medians: Vec<f64> = (0..RESAMPLES).map(|_| resampled_median(&drawers, &mut rng)).collect();
    medians.sort_by(f64::total_cmp);
    let drawn = [quantile(&medians, 0.025)?, quantile(&medians, 0.975)?];
    let of_processes: Vec<f64> = processes.iter().filter_map(|samples| median(samples)).collect();
    Some(match student_interval(&of_processes) {
        Some([_, low, high]) => [drawn[0].min(low), drawn[1].max(high)],
        None => drawn,
    })
}

/// The ratio of two medians whose processes were measured in pairs, and its 95 % interval: geometric mean and Student interval of the
/// pairs' ratios. What the machine did to both of a pair cancels out; pairs, not samples, are what is independent. The interval of
/// one pair is unbounded. `None` without a sample in both.
pub fn ratio_interval(numerator: &[&[u64]], denominator: &[&[u64]]) -> Option<(f64, [f64; 2])> {
    let pairs = numerator.iter().zip(denominator);
    let ratios: Vec<f64> =
        pairs.filter_map(|(above, below)| Some(median(above)?.max(1.0) / median(below)?.max(1.0))).collect();
    match (student_interval(&ratios), ratios.as_slice()) {
        (Some([ratio, low, high]), _) => Some((ratio, [low, high])),
        (None, [ratio]) => Some((*ratio, [0.0, f64::MAX])),
        (None, _) => None,
    }
}

/// Geometric mean of positive numbers and its 95 % interval, by Student's t on their logarithms; `None` for fewer than two.
fn student_interval(values: &[f64]) -> Option<[f64; 3]> {
    let logarithms: Vec<f64> = values.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).collect();
    let (mean, deviation) = mean_and_deviation(&logarithms)?;
    let freedom = logarithms.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
    let half_width = student_quantile(freedom) * deviation / (logarithms.len() as f64).sqrt();
    Some([mean.exp(), (mean - half_width).exp(), (mean + half_width).exp()])
}

/// The 97.5 % quantile of Student's t: a table to 10 degrees of freedom, then the expansion of Abramowitz and Stegun (26.7.5), which is
/// right to three decimals there.
fn student_quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];
    let Some(known) = TABLE.get(freedom.saturating_sub(1)) else {
        let (z, n) = (1.959_963_985_f64, freedom as f64);
        let first = (z.powi(3) + z) / 4.0;
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
        let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
        return z + first / n + second / (n * n) + third / n.powi(3);
    };
    *known
}

fn resampled_median(drawers: &[MedianDrawer], rng: &mut ChaCha8Rng) -> f64 {
    let mut drawn: Vec<f64> = drawers
        .iter()
        .map(|_| {
            let process = rng.random_range(0..drawers.len());
            drawers[process].draw(rng)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    quantile(&drawn, 0.5).expect("there is at least one process")
}

/// Draws medians of resamples of one process. The median of a resample of n samples is the order statistic at a rank that follows
/// Beta((n + 1) / 2, (n + 1) / 2) (Maritz and Jarrett 1978), so that one draw of this takes the place of n draws.
struct MedianDrawer {
    sorted: Vec<u64>,
    rank: Beta<f64>,
}

impl MedianDrawer {
    fn new(samples: &[u64]) -> Option<Self> {
        let half = (samples.len() as f64 + 1.0) / 2.0;
        let rank = Beta::new(half, half).ok().filter(|_| !samples.is_empty())?;
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        Some(Self { sorted, rank })
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        let last = self.sorted.len() - 1;
        let index = self.rank.sample(rng) * self.sorted.len() as f64;
        self.sorted[(index as usize).min(last)] as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn a_small_series_worked_out_by_hand() {
        let summary = Summary::of(&[&[1, 2, 3, 4, 100]]).unwrap();
        assert_eq!(summary.count, 5);
        close(summary.mean, 22.0);
        close(summary.standard_deviation, 43.617_656_975_128_774);
        close(summary.median, 3.0);
        close(summary.p25, 2.0);
        close(summary.p75, 4.0);
        close(summary.p90, 61.6);
        close(summary.median_absolute_deviation, 1.0);
        assert_eq!((summary.low_outliers, summary.high_outliers), (0, 1));
        assert_eq!(summary.between_processes, None);
    }

    #[test]
    fn one_sample_is_its_own_summary_and_none_has_none() {
        let summary = Summary::of(&[&[7]]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (7.0, 7.0, 7.0));
        assert_eq!(summary.median_interval, [7.0, 7.0]);
        assert_eq!(summary.standard_deviation, 0.0);
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[&[]]), None);
    }

    #[test]
    fn processes_that_differ_widen_the_interval() {
        let series = |center: u64| -> Vec<u64> { (0..101).map(|i| center - 5 + i % 11).collect() };
        let (a, b, c) = (series(1000), series(1000), series(1200));
        let alike = Summary::of(&[&a, &b, &a]).unwrap();
        let apart = Summary::of(&[&a, &b, &c]).unwrap();
        assert!(alike.median_interval[1] - alike.median_interval[0] <= 4.0, "{alike:?}");
        assert!(apart.median_interval[1] >= 1195.0, "{apart:?}");
        assert!(apart.between_processes.unwrap() > 0.1);
        assert_eq!(alike.between_processes, Some(0.0));
    }

    /// The interval of the median covers it about as often as it says.
    #[test]
    fn the_interval_covers_the_median() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let covered = (0..400)
            .filter(|_| {
                let samples: Vec<u64> = (0..51).map(|_| rng.random_range(0..1_000_000)).collect();
                let [low, high] = median_interval(&[&samples]).unwrap();
                (low..=high).contains(&500_000.0)
            })
            .count();
        assert!((364..=396).contains(&covered), "{covered} of 400");
    }

    /// Of three rounds of two models that are the same, a ratio other than 1 is seen as often as 95 % says, not more.
    #[test]
    fn the_interval_of_a_ratio_covers_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut round = || vec![rng.random_range(98_000_u64..102_000)];
        let covered = (0..1000)
            .filter(|_| {
                let (a, b) = ([round(), round(), round()], [round(), round(), round()]);
                let (a, b) = (a.each_ref().map(Vec::as_slice), b.each_ref().map(Vec::as_slice));
                let (_, [low, high]) = ratio_interval(&a, &b).unwrap();
                (low..=high).contains(&1.0)
            })
            .count();
        assert!((930..=970).contains(&covered), "{covered} of 1000");
    }

    #[test]
    fn a_slow_round_of_both_does_not_change_the_ratio() {
        let (fast, slow): (&[u64], &[u64]) = (&[100, 100, 100], &[300, 300, 300]);
        let (fast_twice, slow_twice): (&[u64], &[u64]) = (&[200, 200, 200], &[600, 600, 600]);
        let (ratio, [low, high]) = ratio_interval(&[fast_twice, slow_twice], &[fast, slow]).unwrap();
        [ratio, low, high].into_iter().for_each(|value| close(value, 2.0));
        assert_eq!(ratio_interval(&[], &[]), None);
        assert_eq!(ratio_interval(&[fast], &[slow]).unwrap().1[0], 0.0);
    }

    #[test]
    fn students_quantiles_are_the_tables() {
        for (freedom, expected) in [(1, 12.7062), (10, 2.2281), (11, 2.2010), (30, 2.0423), (1000, 1.9623)] {
            assert!((student_quantile(freedom) - expected).abs() < 5e-4, "{freedom}");
        }
    }

    #[test]
    fn quantiles_are_numpys() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        close(quantile(&sorted, 0.5).unwrap(), 3.0);
        close(quantile(&sorted, 0.9).unwrap(), 6.8);
        close(quantile(&sorted, 1.5).unwrap(), 8.0);
    }
}
