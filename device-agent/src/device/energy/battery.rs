//! The power that is drawn from a battery, as kernels of Android name it (Documentation/ABI/testing/sysfs-class-power): current in
//! microamperes, whose sign differs from maker to maker, and voltage in microvolts.
//!
//! A battery that is being charged says nothing of what the device draws.

use std::path::Path;

use crate::device::{board, kernel_file};

/// Least current of a device that works, in microamperes. A lower number is milliamperes, as some makers give it.
const LEAST_UA: u64 = 10_000;

/// Reads the power in watts, or says why not; `None` where there is no battery.
pub(super) fn reader(sys: &Path) -> Option<impl FnMut() -> Result<f64, String> + Send + 'static> {
    let folder = board::battery_folder(sys);
    folder.is_dir().then_some(move || power_w(&folder))
}

fn power_w(folder: &Path) -> Result<f64, String> {
    let status = kernel_file::text(folder.join("status")).ok_or_else(|| unreadable(folder, "status"))?;
    if status != "Discharging" {
        return Err(format!("the battery's status is {status}: unplug the device and reach it over the network"));
    }
    let current_ua = number(folder, "current_now")?.unsigned_abs();
    let voltage_uv = number(folder, "voltage_now")?.unsigned_abs();
    if current_ua < LEAST_UA {
        return Err(format!("the battery's current_now is {current_ua}, which is no number of microamperes"));
    }
    Ok(current_ua as f64 * voltage_uv as f64 / 1e12)
}

fn number(folder: &Path, name: &str) -> Result<i64, String> {
    kernel_file::value(folder.join(name)).ok_or_else(|| unreadable(folder, name))
}

fn unreadable(folder: &Path, name: &str) -> String {
    format!("{} cannot be read", folder.join(name).display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    fn read(status: &str, current: &str, voltage: &str) -> Result<f64, String> {
        let sys = recorded::sys(&[
            ("class/power_supply/battery/status", status),
            ("class/power_supply/battery/current_now", current),
            ("class/power_supply/battery/voltage_now", voltage),
        ]);
        reader(sys.path()).unwrap()()
    }

    #[test]
    fn power_is_current_times_voltage_whatever_the_sign() {
        for current in ["500000\n", "-500000\n"] {
            let power_w = read("Discharging\n", current, "4000000\n").unwrap();
            assert!((power_w - 2.0).abs() < 1e-9, "{power_w}");
        }
    }

    #[test]
    fn what_is_no_draw_is_no_power() {
        assert!(read("Charging\n", "-500000\n", "4000000\n").unwrap_err().contains("unplug"));
        assert!(read("Full\n", "500000\n", "4000000\n").is_err());
        assert!(read("Discharging\n", "-420\n", "4000000\n").unwrap_err().contains("420"));
        assert!(read("Discharging\n", "", "4000000\n").unwrap_err().contains("current_now"));
        assert!(reader(recorded::sys(&[]).path()).is_none());
    }
}
