//! What Android's services tell a shell of a phone: how hot it is, and its battery. Many phones do not let a shell read the kernel's
//! files of that.

use edgefit_protocol::environment::Temperature;

use super::{board::Battery, kernel_file::field, program::Ask};

/// Most temperatures that are reported.
const MAX_TEMPERATURES: usize = 32;

/// What is before the temperatures as they are now, where there are older ones, too.
const CURRENT: &str = "Current temperatures from HAL:";

/// The type of a processor's temperature (`Temperature.TYPE_CPU`).
const PROCESSOR: &str = "0";

/// What the thermal service says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Thermal {
    /// 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown (`PowerManager.THERMAL_STATUS_NONE` and so on).
    pub(super) status: Option<u8>,
    /// Its sensors.
    pub(super) temperatures: Vec<Temperature>,
}

/// Asks the thermal service.
pub(super) fn thermal(ask: Ask<'_>) -> Thermal {
    let Some(said) = ask("dumpsys", "thermalservice") else { return Thermal::default() };
    let latest = said.split_once(CURRENT).map_or(said.as_str(), |(_, current)| current);
    let temperatures = latest.lines().filter_map(temperature).take(MAX_TEMPERATURES).collect();
    Thermal { status: field(&said, "Thermal Status").and_then(|status| status.parse().ok()), temperatures }
}

/// `Temperature{mValue=25.6, mType=0, mName=AP, mStatus=0}`. A sensor that does not work says a number that no phone survives.
fn temperature(line: &str) -> Option<Temperature> {
    let fields = line.trim().strip_prefix("Temperature{")?.strip_suffix('}')?;
    let of = |name: &str| fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let celsius: f32 = of("mValue")?.parse().ok().filter(|celsius| (-50.0..=200.0).contains(celsius))?;
    let kind = if of("mType")? == PROCESSOR { "cpu " } else { "" };
    Some(Temperature { sensor: format!("{kind}{}", of("mName")?), celsius })
}

/// Asks the battery service, which gives the temperature in tenths of a degree.
pub(super) fn battery(ask: Ask<'_>) -> Battery {
    let Some(said) = ask("dumpsys", "battery") else { return Battery::default() };
    let number = |key| field(&said, key).and_then(|value| value.parse::<i32>().ok());
    let sources: Vec<&str> =
        said.lines().filter_map(|line| line.trim().split_once(" powered: ")).map(|(_, powered)| powered).collect();
    Battery {
        percent: number("level").and_then(|level| u8::try_from(level).ok()),
        plugged_in: (!sources.is_empty()).then(|| sources.contains(&"true")),
        celsius: number("temperature").map(|tenths| tenths as f32 / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    #[test]
    fn the_thermal_service_tells_status_and_sensors() {
        let told = |text: &str| thermal(&|_, _| Some(text.to_owned()));
        let sensor = |name: &str, celsius| Temperature { sensor: name.to_owned(), celsius };
        let phone = told(recorded::DUMPSYS_THERMALSERVICE);
        assert_eq!((phone.status, phone.temperatures), (Some(0), vec![sensor("cpu AP", 25.6)]));
        let now = "Temperature{mValue=51.5, mType=0, mName=CPU4, mStatus=0}\n\tTemperature{mValue=33.0, mType=3, mName=skin, mStatus=0}";
        let none = "Temperature{mValue=-3.4028235E38, mType=9, mName=npu, mStatus=0}";
        let hot = format!("{}{CURRENT}\n\t{now}\n\t{none}\n", recorded::DUMPSYS_THERMALSERVICE);
        let hot = told(&hot.replace("Thermal Status: 0", "Thermal Status: 3"));
        assert_eq!((hot.status, hot.temperatures), (Some(3), vec![sensor("cpu CPU4", 51.5), sensor("skin", 33.0)]));
        assert_eq!(told("Can't find service: thermalservice"), Thermal::default());
        assert_eq!(thermal(&|_, _| None), Thermal::default());
    }

    #[test]
    fn the_battery_service_tells_charge_and_power() {
        let told = |text: &str| battery(&|_, _| Some(text.to_owned()));
        let phone = Battery { percent: Some(83), plugged_in: Some(true), celsius: Some(28.7) };
        assert_eq!(told(recorded::DUMPSYS_BATTERY), phone);
        let unplugged = recorded::DUMPSYS_BATTERY.replace("USB powered: true", "USB powered: false");
        assert_eq!(told(&unplugged).plugged_in, Some(false));
        assert_eq!(told("Can't find service: battery"), Battery::default());
        assert_eq!(battery(&|_, _| None), Battery::default());
    }
}
