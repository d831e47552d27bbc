//! A thread that reads the power ten times a second, for devices that count no energy.
//!
//! The thread runs on the cores of the job, and what it draws itself is in what it reads.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use edgefit_protocol::{limits::MAX_POWER_READINGS, report::PowerSampling};

/// From one reading to the next.
const PERIOD: Duration = Duration::from_millis(100);

/// Readings that a mean takes at least.
const MIN_READINGS: usize = 5;

/// Reads the power in watts, or says why it cannot be read any longer.
pub(super) type ReadPower = Box<dyn FnMut() -> Result<f64, String> + Send>;

/// One reading.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Since the start.
    at: Duration,
    power_w: f64,
}

/// The power over the time of a sampler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Power {
    /// Its mean over time, in watts.
    pub(super) mean_w: f64,
    /// Of how many readings.
    pub(super) sampling: PowerSampling,
}

/// A thread that reads. Dropping it ends the thread after its reading.
pub(super) struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<Result<Vec<Reading>, String>>,
}

impl Sampler {
    /// Starts to read.
    pub(super) fn start(read: ReadPower) -> Result<Self, String> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("power".to_owned())
            .spawn(move || sample(read, &stopped))
            .map_err(|error| format!("the system starts no thread that reads the power: {error}"))?;
        Ok(Self { stop, thread })
    }

    /// Ends the readings.
    pub(super) fn finish(self) -> Result<Power, String> {
        drop(self.stop);
        let readings = self.thread.join().map_err(|_| "the thread that reads the power failed".to_owned())??;
        mean(&readings)
    }
}

/// Readings until the sender is gone; a reading that takes longer than the period delays the next ones.
fn sample(mut read: ReadPower, stopped: &Receiver<()>) -> Result<Vec<Reading>, String> {
    let started = Instant::now();
    let mut readings: Vec<Reading> = Vec::new();
    while readings.len() < MAX_POWER_READINGS {
        let at = started.elapsed();
        readings.push(Reading { at, power_w: read()? });
        let wait = (at + PERIOD).saturating_sub(started.elapsed());
        if !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            break;
        }
    }
    Ok(readings)
}

/// The mean over time, by the trapezoidal rule.
fn mean(readings: &[Reading]) -> Result<Power, String> {
    let seconds = |pair: &[Reading]| (pair[1].at - pair[0].at).as_secs_f64();
    let total_secs: f64 = readings.windows(2).map(seconds).sum();
    if readings.len() < MIN_READINGS || total_secs <= 0.0 {
        let count = readings.len();
        return Err(format!("{count} readings of the power are too few, {MIN_READINGS} are needed: measure longer"));
    }
    let joules: f64 = readings.windows(2).map(|pair| (pair[0].power_w + pair[1].power_w) / 2.0 * seconds(pair)).sum();
    let rate_hz = (readings.len() - 1) as f64 / total_secs;
    let sampling = PowerSampling { readings: readings.len() as u64, rate_hz };
    Ok(Power { mean_w: joules / total_secs, sampling })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(points: &[(u64, f64)]) -> Vec<Reading> {
        points.iter().map(|(ms, power_w)| Reading { at: Duration::from_millis(*ms), power_w: *power_w }).collect()
    }

    #[test]
    fn late_readings_weigh_as_long_as_they_stand_for() {
        let power = mean(&readings(&[(0, 1.0), (100, 1.0), (200, 1.0), (300, 1.0), (700, 3.0)])).unwrap();
        assert!((power.mean_w - (0.3 * 1.0 + 0.4 * 2.0) / 0.7).abs() < 1e-9, "{power:?}");
        assert!((power.sampling.rate_hz - 4.0 / 0.7).abs() < 1e-9, "{power:?}");
        assert_eq!(power.sampling.readings, 5);
        assert!(mean(&readings(&[(0, 1.0), (100, 1.0), (200, 1.0), (300, 1.0)])).unwrap_err().contains("longer"));
        assert!(mean(&[]).is_err());
    }

    #[test]
    fn a_source_that_fails_meanwhile_gives_its_reason() {
        let mut left = 2;
        let read = move || {
            left -= 1;
            if left >= 0 { Ok(1.0) } else { Err("plugged in".to_owned()) }
        };
        let sampler = Sampler::start(Box::new(read)).unwrap();
        thread::sleep(Duration::from_millis(400));
        assert_eq!(sampler.finish().unwrap_err(), "plugged in");
    }
}
