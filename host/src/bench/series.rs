//! The sustained preset: speed minute by minute.

use serde::{Deserialize, Serialize};

use crate::device::{LatencyRun, statistics::median};

const MINUTE_NS: u64 = 60_000_000_000;

/// One minute of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinuteRow {
    /// Minutes since the start.
    pub minute: u64,
    /// Median of the runs that started in this minute.
    pub median_ms: f64,
    /// Speed against the first minute; 1 when all of it is kept.
    pub speed_kept: f64,
}

/// The minutes of a series; none for a series shorter than two. Runs that were left out took about as long as those that
/// were kept, so that a kept sample stands for `stride` of them.
pub(super) fn minutes(run: &LatencyRun) -> Vec<MinuteRow> {
    let by_minute = split(run);
    if by_minute.len() < 2 {
        return Vec::new();
    }
    let medians: Vec<f64> = by_minute.iter().filter_map(|samples| median(samples)).collect();
    (0..)
        .zip(&medians)
        .map(|(minute, median_ns)| MinuteRow { minute, median_ms: median_ns / 1e6, speed_kept: medians[0] / median_ns })
        .collect()
}

/// The samples of each minute; a run over several minutes is in its first.
fn split(run: &LatencyRun) -> Vec<Vec<u64>> {
    let mut minutes: Vec<Vec<u64>> = Vec::new();
    let mut current = None;
    let mut elapsed_ns = 0_u64;
    for sample_ns in &run.samples_ns {
        let minute = elapsed_ns / MINUTE_NS;
        if current != Some(minute) {
            minutes.push(Vec::new());
            current = Some(minute);
        }
        if let Some(samples) = minutes.last_mut() {
            samples.push(*sample_ns);
        }
        elapsed_ns += sample_ns * run.stride;
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::{environment::Environment, report::LoadTimes, report::Stop};

    fn series(samples_ns: Vec<u64>, stride: u64) -> LatencyRun {
        LatencyRun {
            samples_ns,
            stride,
            runs: 0,
            stop: Stop::Minimum,
            first_inference_ns: 0,
            warm_up_ns: Vec::new(),
            reference_ns: Vec::new(),
            reference_at_runs: Vec::new(),
            disturbed_ns: Vec::new(),
            load: LoadTimes::default(),
            before: Environment::default(),
            after: Environment::default(),
        }
    }

    #[test]
    fn a_series_that_slows_down_keeps_less_speed() {
        let second = 1_000_000_000;
        let samples: Vec<u64> = [vec![second; 60], vec![2 * second; 30]].concat();
        let rows = minutes(&series(samples, 1));
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].speed_kept, rows[1].speed_kept), (1.0, 0.5));
        assert_eq!(rows[1].median_ms, 2000.0);
    }

    #[test]
    fn what_was_left_out_counts_as_time() {
        let rows = minutes(&series(vec![1_000_000_000; 60], 4));
        assert_eq!(rows.len(), 4);
        assert!(minutes(&series(vec![1_000_000_000; 60], 1)).is_empty());
    }
}
