//! The gate before a measurement: a device that is still hot from the last one waits until it is cool again.
//!
//! A device that does not tell its temperature, or does not get cool in time, is measured all the same; what it was says the
//! environment of the measurement.

use std::{
    thread,
    time::{Duration, Instant},
};

use edgefit_protocol::environment::{DeviceState, Environment};

use super::{error::DeviceError, handle::Device};

/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// How cool a device has to be before it is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoolDown {
    /// The hottest sensor of the processor may have so many degrees Celsius.
    pub celsius: f32,
    /// Longest wait.
    pub limit: Duration,
}

impl CoolDown {
    /// Whether the device is cool: by its processor, and by Android's own judgment where there is one.
    fn is_met(&self, environment: &Environment) -> bool {
        let is_cool = hottest_celsius(environment).is_none_or(|celsius| celsius <= self.celsius);
        is_cool && environment.thermal_status.unwrap_or(0) == 0
    }
}

/// The hottest sensor of the processor, or of all where none says that it is one; in degrees Celsius.
pub(crate) fn hottest_celsius(environment: &Environment) -> Option<f32> {
    let is_processor =
        |sensor: &str| ["cpu", "soc", "pkg", "core"].iter().any(|mark| sensor.to_lowercase().contains(mark));
    let of = |only_processor: bool| {
        let sensors = environment.temperatures.iter().filter(|sensor| !only_processor || is_processor(&sensor.sensor));
        sensors.map(|sensor| sensor.celsius).max_by(f32::total_cmp)
    };
    of(true).or_else(|| of(false))
}

impl Device {
    /// Waits until the device is cool enough, or as long as it may take.
    pub(super) fn cool_down(&mut self) -> Result<(), DeviceError> {
        let Some(gate) = self.options().cool_down else { return Ok(()) };
        let deadline = Instant::now() + gate.limit;
        loop {
            let DeviceState { environment, .. } = self.state()?;
            if gate.is_met(&environment) || Instant::now() >= deadline {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::environment::Temperature;

    fn with(sensors: &[(&str, f32)], thermal_status: Option<u8>) -> Environment {
        let sensor = |&(sensor, celsius): &(&str, f32)| Temperature { sensor: sensor.to_owned(), celsius };
        Environment { temperatures: sensors.iter().map(sensor).collect(), thermal_status, ..Environment::default() }
    }

    #[test]
    fn the_processor_counts_and_not_the_battery_charger() {
        let gate = CoolDown { celsius: 50.0, limit: Duration::ZERO };
        assert!(gate.is_met(&with(&[("cpu-0-0-usr", 41.0), ("pm8350_tz", 70.0)], None)));
        assert!(!gate.is_met(&with(&[("cpu-0-0-usr", 41.0), ("cpu-1-7-usr", 50.5)], None)));
        assert!(!gate.is_met(&with(&[("thermal", 60.0)], None)), "a single sensor without such a name");
        assert!(!gate.is_met(&with(&[("cpu", 30.0)], Some(2))), "Android says that it is hot");
        assert!(gate.is_met(&with(&[], None)), "nothing is told");
    }
}
