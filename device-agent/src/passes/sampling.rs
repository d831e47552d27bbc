//! When to stop measuring, and a log of samples that never outgrows its bound.

use std::time::Instant;

use edgefit_protocol::{job::Plan, report::Stop};

/// Nanoseconds of the monotonic clock since a moment.
pub(super) fn elapsed_ns(since: Instant) -> u64 {
    since.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
}

/// Samples in order, every `stride`-th one. At the bound, every second sample goes and the stride
/// doubles, so that what is kept stays an even choice of the whole series.
pub(super) struct SampleLog {
    samples_ns: Vec<u64>,
    stride: u64,
    runs: u64,
    bound: usize,
}

impl SampleLog {
    pub(super) fn new(bound: usize) -> Self {
        Self { samples_ns: Vec::with_capacity(1024), stride: 1, runs: 0, bound }
    }

    pub(super) fn push(&mut self, sample_ns: u64) {
        if self.runs.is_multiple_of(self.stride) {
            self.samples_ns.push(sample_ns);
        }
        self.runs += 1;
        if self.samples_ns.len() > self.bound {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let mut index = 0;
        self.samples_ns.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.stride *= 2;
    }

    pub(super) fn runs(&self) -> u64 {
        self.runs
    }

    pub(super) fn stride(&self) -> u64 {
        self.stride
    }

    pub(super) fn into_samples_ns(self) -> Vec<u64> {
        self.samples_ns
    }
}

/// Decides after each run whether the measuring is over.
pub(super) struct StopRule<'a> {
    plan: &'a Plan,
    next_check: u64,
}

impl<'a> StopRule<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self { plan, next_check: plan.min_runs }
    }

    pub(super) fn check(&mut self, log: &SampleLog, elapsed_ns: u64) -> Option<Stop> {
        let plan = self.plan;
        let reached = log.runs() >= plan.min_runs && elapsed_ns >= plan.min_ns;
        if log.runs() >= plan.max_runs || elapsed_ns >= plan.max_ns {
            return Some(Stop::Maximum);
        }
        match plan.interval_share {
            _ if !reached => None,
            None => Some(Stop::Minimum),
            Some(share) => self.check_interval(log, share),
        }
    }

    /// Sorting takes time, so that the interval is looked at only when there is a quarter more
    /// samples than the last time.
    fn check_interval(&mut self, log: &SampleLog, share: f64) -> Option<Stop> {
        if log.runs() < self.next_check {
            return None;
        }
        self.next_check = log.runs() + log.runs() / 4 + 1;
        interval_is_narrow(&log.samples_ns, share).then_some(Stop::IntervalNarrow)
    }
}

/// Whether the 95 % interval of the median, by order statistics (ranks n/2 ± 0.98 √n, the normal
/// approximation of the binomial; Conover, Practical Nonparametric Statistics, 3.2), is narrower
/// than a share of the median.
fn interval_is_narrow(samples_ns: &[u64], share: f64) -> bool {
    let count = samples_ns.len();
    let half_width = (0.98 * (count as f64).sqrt()).ceil() as usize;
    let (Some(low), high) = ((count / 2).checked_sub(half_width), count / 2 + half_width) else {
        return false;
    };
    if high >= count {
        return false;
    }
    let mut sorted = samples_ns.to_vec();
    sorted.sort_unstable();
    let width = (sorted[high] - sorted[low]) as f64;
    width <= share * sorted[count / 2] as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::limits;

    fn logged(samples: impl IntoIterator<Item = u64>, bound: usize) -> SampleLog {
        let mut log = SampleLog::new(bound);
        samples.into_iter().for_each(|sample| log.push(sample));
        log
    }

    #[test]
    fn a_full_log_keeps_an_even_choice() {
        let log = logged(0..100, 16);
        assert_eq!(log.runs(), 100);
        let stride = log.stride();
        let kept = log.into_samples_ns();
        assert!(kept.len() <= 16, "{kept:?}");
        assert!(kept.len() >= 8, "{kept:?}");
        let expected: Vec<u64> = (0..100).step_by(stride as usize).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_log_below_its_bound_keeps_everything() {
        let log = logged([3, 1, 2], limits::MAX_SAMPLES);
        assert_eq!(log.stride(), 1);
        assert_eq!(log.into_samples_ns(), [3, 1, 2]);
    }

    fn stop(change: impl FnOnce(&mut Plan), samples: &[u64], elapsed_ns: u64) -> Option<Stop> {
        let mut plan = Plan {
            warm_up_runs: 0,
            warm_up_ns: 0,
            min_runs: 10,
            min_ns: 100,
            max_runs: 1000,
            max_ns: 10_000,
            interval_share: None,
            undisturbed: None,
        };
        change(&mut plan);
        let log = logged(samples.iter().copied(), limits::MAX_SAMPLES);
        StopRule::new(&plan).check(&log, elapsed_ns)
    }

    #[test]
    fn both_minima_have_to_be_reached() {
        assert_eq!(stop(|_| (), &[1; 10], 99), None);
        assert_eq!(stop(|_| (), &[1; 9], 100), None);
        assert_eq!(stop(|_| (), &[1; 10], 100), Some(Stop::Minimum));
    }

    #[test]
    fn a_maximum_ends_it_whatever_the_minimum() {
        assert_eq!(stop(|_| (), &[1; 2], 10_000), Some(Stop::Maximum));
        assert_eq!(stop(|p| p.max_runs = 2, &[1; 2], 1), Some(Stop::Maximum));
    }

    #[test]
    fn a_narrow_interval_ends_it_and_a_wide_one_does_not() {
        let share = |plan: &mut Plan| plan.interval_share = Some(0.02);
        assert_eq!(stop(share, &[1000; 30], 100), Some(Stop::IntervalNarrow));
        let wide: Vec<u64> = (0..30).map(|i| 1000 + i * 20).collect();
        assert_eq!(stop(share, &wide, 100), None);
        assert_eq!(stop(share, &[1000; 10], 100), Some(Stop::IntervalNarrow));
    }

    #[test]
    fn three_samples_have_no_interval() {
        assert!(!interval_is_narrow(&[1, 1, 1], 1.0));
        assert!(!interval_is_narrow(&[], 1.0));
    }
}
