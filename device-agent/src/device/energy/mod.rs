//! The energy that the device draws, by whatever it offers: a Raspberry Pi 5's power chip, the processor's counters, a battery.
//!
//! Nothing is guessed: a device that tells neither energy nor power gives the reason instead. What is told is gross; what the
//! device draws when idle is not known here and not subtracted.

mod battery;
mod pmic;
mod rapl;
mod sampler;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use edgefit_protocol::report::{EnergyMethod, PowerSampling};

use super::{SYS, program};
use rapl::Counters;
use sampler::{ReadPower, Sampler};

/// Why there is no energy where there is nothing to read.
const NOTHING: &str = "the device has no sensor that edgefit knows: no RAPL counters below /sys/class/powercap, no \
                       `vcgencmd pmic_read_adc` of a Raspberry Pi 5, no /sys/class/power_supply/battery";

/// Longest time from one look at a counter to the next: one wraps around within minutes.
const KEEP_UP: Duration = Duration::from_secs(10);

/// What tells the energy.
pub struct Source(Kind);

enum Kind {
    Counted(Counters),
    Sampled(EnergyMethod, ReadPower),
}

/// A source, or why it cannot be used now; `None` where there is no such source.
type Found = Option<Result<Source, String>>;

/// The first source of this device that can be read.
///
/// # Errors
///
/// Why there is none, and what to do where something can be done.
pub fn find() -> Result<Source, String> {
    find_at(Path::new(SYS), program::ask)
}

fn find_at(sys: &Path, ask: impl Fn(&str, &str) -> Option<String> + Send + 'static) -> Result<Source, String> {
    let mut reasons = Vec::new();
    for found in [by_pmic(ask), by_rapl(sys), by_battery(sys)].into_iter().flatten() {
        match found {
            Ok(source) => return Ok(source),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(if reasons.is_empty() { NOTHING.to_owned() } else { reasons.join("; ") })
}

fn by_pmic(ask: impl Fn(&str, &str) -> Option<String> + Send + 'static) -> Found {
    let mut read = pmic::reader(ask);
    let first = read()?;
    let sampled = move || read().unwrap_or_else(|| Err("vcgencmd pmic_read_adc stopped to answer".to_owned()));
    Some(first.map(|_| Source(Kind::Sampled(EnergyMethod::RaspberryPiPmic, Box::new(sampled)))))
}

fn by_rapl(sys: &Path) -> Found {
    let counters = Counters::open(sys)?;
    Some(counters.map(|counters| Source(Kind::Counted(counters))))
}

fn by_battery(sys: &Path) -> Found {
    let mut read = battery::reader(sys)?;
    Some(read().map(|_| Source(Kind::Sampled(EnergyMethod::Battery, Box::new(read)))))
}

impl Source {
    /// From now on, energy counts.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn start(self) -> Result<Meter, String> {
        let kind = match self.0 {
            Kind::Counted(mut counters) => {
                counters.restart()?;
                Running::Counted { counters, looked: Instant::now() }
            }
            Kind::Sampled(method, read) => Running::Sampled(method, Sampler::start(read)?),
        };
        Ok(Meter(kind))
    }
}

/// A source that counts.
pub struct Meter(Running);

enum Running {
    Counted { counters: Counters, looked: Instant },
    Sampled(EnergyMethod, Sampler),
}

/// What was drawn from the start of a meter to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Joules.
    pub joules: f64,
    /// Where they come from.
    pub method: EnergyMethod,
    /// How power was sampled, where there is no counter.
    pub sampling: Option<PowerSampling>,
}

impl Meter {
    /// To be called every now and then while a meter runs, since counters wrap around.
    pub fn keep_up(&mut self) {
        if let Running::Counted { counters, looked } = &mut self.0
            && looked.elapsed() >= KEEP_UP
        {
            *looked = Instant::now();
            counters.read();
        }
    }

    /// What was drawn since the start, which was `measured_ns` ago.
    ///
    /// # Errors
    ///
    /// Why it is not known, and what to do where something can be done.
    pub fn finish(self, measured_ns: u64) -> Result<Drawn, String> {
        match self.0 {
            Running::Counted { mut counters, .. } => {
                counters.read();
                let method = EnergyMethod::Rapl { domains: counters.domains() };
                Ok(Drawn { joules: counters.joules()?, method, sampling: None })
            }
            Running::Sampled(method, sampler) => {
                let power = sampler.finish()?;
                let joules = power.mean_w * measured_ns as f64 / 1e9;
                Ok(Drawn { joules, method, sampling: Some(power.sampling) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    fn silent(_: &str, _: &str) -> Option<String> {
        None
    }

    fn pi(_: &str, argument: &str) -> Option<String> {
        (argument == "pmic_read_adc").then(|| recorded::PMIC_READ_ADC.to_owned())
    }

    fn reason(sys: &Path) -> String {
        find_at(sys, silent).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_device_that_offers_nothing_says_so() {
        assert_eq!(reason(recorded::sys(&[]).path()), NOTHING);
        let found = find_at(recorded::sys(&[]).path(), |_, _| Some("error=1 error_msg=\"no\"".to_owned()));
        assert!(found.map(|_| ()).unwrap_err().contains("error_msg"));
    }

    #[test]
    fn a_battery_that_is_charged_says_what_to_do() {
        let phone = recorded::sys(&[
            ("class/power_supply/battery/status", "Charging\n"),
            ("class/power_supply/battery/current_now", "512000\n"),
            ("class/power_supply/battery/voltage_now", "4100000\n"),
        ]);
        let reason = reason(phone.path());
        assert!(reason.contains("Charging") && reason.contains("unplug"), "{reason}");
    }

    #[test]
    fn power_is_sampled_and_becomes_joules() {
        let meter = find_at(recorded::sys(&[]).path(), pi).unwrap().start().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let drawn = meter.finish(3_000_000_000).unwrap();
        assert!((drawn.joules - 6.0).abs() < 1e-6, "2 W for 3 s: {drawn:?}");
        assert_eq!(drawn.method, EnergyMethod::RaspberryPiPmic);
        let sampling = drawn.sampling.unwrap();
        assert!((5..=8).contains(&sampling.readings), "{sampling:?}");
        assert!(sampling.rate_hz > 1.0 && sampling.rate_hz < 11.0, "{sampling:?}");
    }

    #[test]
    fn a_counter_needs_no_samples() {
        let zone = "class/powercap/intel-rapl:0";
        let board = recorded::sys(&[
            (&format!("{zone}/name"), "package-0\n"),
            (&format!("{zone}/energy_uj"), "1000000\n"),
            (&format!("{zone}/max_energy_range_uj"), "262143328850\n"),
        ]);
        let mut meter = find_at(board.path(), silent).unwrap().start().unwrap();
        std::fs::write(board.path().join(zone).join("energy_uj"), "3500000\n").unwrap();
        meter.keep_up();
        let drawn = meter.finish(1).unwrap();
        let expected = EnergyMethod::Rapl { domains: vec!["package-0".into()] };
        assert_eq!(drawn, Drawn { joules: 2.5, method: expected, sampling: None });
    }
}
