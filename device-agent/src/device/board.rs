//! What only some boards tell of their state: a Raspberry Pi's throttle bits, a battery as Android's kernels name it.
//!
//! Files are read below a root of /sys that is passed in, programs are asked through a function that is passed in: what such
//! boards say can be tested where there is none.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{kernel_file, program::Ask};

/// Most devices of the firmware's driver that are looked at; a board has one.
const MAX_FIRMWARES: usize = 8;

/// The firmware's throttle bits: from the kernel, else from `vcgencmd`.
pub(super) fn throttled_bits(sys: &Path, ask: Ask<'_>) -> Option<u32> {
    let file = throttle_files(sys).into_iter().find_map(kernel_file::text);
    match file {
        Some(text) => hexadecimal(&text),
        None => bits_in(&ask("vcgencmd", "get_throttled")?),
    }
}

/// The file's place, and what its driver calls its own: the device tree's names differ from board to board.
fn throttle_files(sys: &Path) -> Vec<PathBuf> {
    let place = sys.join("devices/platform/soc/soc:firmware");
    let of_driver = fs::read_dir(sys.join("bus/platform/drivers/raspberrypi-firmware")).into_iter().flatten().flatten();
    let folders = of_driver.take(MAX_FIRMWARES).map(|entry| entry.path());
    [place].into_iter().chain(folders).map(|folder| folder.join("get_throttled")).collect()
}

/// `vcgencmd get_throttled` says `throttled=0x50000`.
fn bits_in(answer: &str) -> Option<u32> {
    hexadecimal(answer.trim().strip_prefix("throttled=")?)
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// A battery.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Battery {
    /// Charge in percent.
    pub(super) percent: Option<u8>,
    /// Whether it is being charged, or full.
    pub(super) plugged_in: Option<bool>,
    /// Its temperature in degrees Celsius.
    pub(super) celsius: Option<f32>,
}

/// Where a battery is.
pub(super) fn battery_folder(sys: &Path) -> PathBuf {
    sys.join("class/power_supply/battery")
}

/// What the battery tells; the kernel gives its temperature in tenths of a degree.
pub(super) fn battery(sys: &Path) -> Battery {
    let folder = battery_folder(sys);
    Battery {
        percent: kernel_file::value(folder.join("capacity")),
        plugged_in: kernel_file::text(folder.join("status")).map(|status| status != "Discharging"),
        celsius: kernel_file::value(folder.join("temp")).map(|tenths: i32| tenths as f32 / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    fn silent(_: &str, _: &str) -> Option<String> {
        None
    }

    #[test]
    fn throttle_bits_come_from_the_kernel_or_from_vcgencmd() {
        let known = recorded::sys(&[("devices/platform/soc/soc:firmware/get_throttled", "50005\n")]);
        let by_driver =
            recorded::sys(&[("bus/platform/drivers/raspberrypi-firmware/soc@1:firmware/get_throttled", "80008\n")]);
        let none = recorded::sys(&[]);
        let unasked = |_: &str, _: &str| panic!("the file is enough");
        assert_eq!(throttled_bits(known.path(), &unasked), Some(0x50005));
        assert_eq!(throttled_bits(by_driver.path(), &unasked), Some(0x80008));
        let vcgencmd = |name: &str, argument: &str| {
            (name == "vcgencmd" && argument == "get_throttled").then(|| "throttled=0x50000\n".to_owned())
        };
        assert_eq!(throttled_bits(none.path(), &vcgencmd), Some(0x50000));
        assert_eq!(throttled_bits(none.path(), &silent), None);
        assert_eq!(bits_in("error=1 error_msg=\"Command not registered\""), None);
    }

    #[test]
    fn a_battery_tells_what_it_has() {
        let folder = "class/power_supply/battery";
        let whole = recorded::sys(&[
            (&format!("{folder}/capacity"), "83\n"),
            (&format!("{folder}/status"), "Discharging\n"),
            (&format!("{folder}/temp"), "287\n"),
        ]);
        let expected = Battery { percent: Some(83), plugged_in: Some(false), celsius: Some(28.7) };
        assert_eq!(battery(whole.path()), expected);
        let full = recorded::sys(&[(&format!("{folder}/status"), "Full\n")]);
        assert_eq!(battery(full.path()).plugged_in, Some(true));
        assert_eq!(battery(recorded::sys(&[]).path()), Battery::default());
    }
}
