//! The steps about the machine itself: what it is, and whether its state lets measurements be trusted.

use std::time::{SystemTime, UNIX_EPOCH};

use edgefit_protocol::device::{Core, DeviceDescription};
use edgefit_protocol::environment::{DeviceState, Environment};

use super::{Step, space};
use crate::device::cool_down::hottest_celsius;

/// Clocks may differ by so many seconds.
const CLOCK_SECONDS: u64 = 60;

/// A processor that is as hot without work will throttle with it.
const HOT_CELSIUS: f32 = 70.0;

/// Governors under which a core does not follow its work.
const SLOW_GOVERNORS: [&str; 2] = ["powersave", "conservative"];

/// What a device is, where no shell told it.
pub(super) fn description(device: &DeviceDescription) -> Vec<Step> {
    let page_kib = device.page_size_bytes / 1024;
    vec![
        Step::ok("architecture", format!("{} {}", device.os, device.arch)),
        Step::ok("libc, page size", format!("{}, pages of {page_kib} KiB", device.abi)),
    ]
}

/// How the device is now.
pub(super) fn state(state: &DeviceState, device: &DeviceDescription) -> Vec<Step> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    vec![
        space(state.free_bytes.map(|bytes| bytes / 1024)),
        clock(state.unix_s, now),
        governor(&state.environment),
        temperature(&state.environment),
        power(&state.environment),
        Step::ok("cores", cores(&device.cores)),
    ]
    .into_iter()
    .filter(|step| !step.found.is_empty())
    .collect()
}

fn clock(there: u64, here: u64) -> Step {
    match there.abs_diff(here) {
        0..=CLOCK_SECONDS => Step::ok("clock", "agrees with this machine's"),
        seconds => {
            Step::warning("clock", format!("differs by {seconds} s"), "on the device: sudo timedatectl set-ntp true")
        }
    }
}

fn governor(environment: &Environment) -> Step {
    let mut names: Vec<&str> = environment.cores.iter().filter_map(|core| core.governor.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let found = names.join(", ");
    match names.iter().any(|name| SLOW_GOVERNORS.contains(name)) {
        true => {
            let fix = "for steadier numbers, on the device: echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
            Step::warning("governor", found, fix)
        }
        false if found.is_empty() => Step::ok("governor", "not told"),
        false => Step::ok("governor", found),
    }
}

fn temperature(environment: &Environment) -> Step {
    let status = environment.thermal_status.unwrap_or(0);
    let Some(celsius) = hottest_celsius(environment) else {
        return Step::ok("temperature", "not told");
    };
    let found = format!("{celsius:.0} °C");
    match celsius > HOT_CELSIUS || status > 0 {
        true => Step::warning(
            "temperature",
            found,
            "let it cool, give it a fan or a heat sink; or `devices add ... --cool-down 55`",
        ),
        false => Step::ok("temperature", found),
    }
}

/// A Raspberry Pi's throttle register, or a phone's battery; nothing where there is neither.
fn power(environment: &Environment) -> Step {
    let bits = environment.throttled_bits.unwrap_or(0);
    if bits != 0 {
        let found = format!("throttled or under-voltage since it started (bits {bits:#x})");
        return Step::warning("power", found, "take the board's own power supply and a short cable");
    }
    let battery = environment.battery_percent.map(|percent| {
        let plugged_in = if environment.plugged_in == Some(true) { ", plugged in" } else { "" };
        format!("battery {percent} %{plugged_in}")
    });
    let pi = environment.throttled_bits.map(|_| "never throttled since it started".to_owned());
    Step::ok("power", battery.or(pi).unwrap_or_default())
}

/// Cores by kind, the fastest first, as an affinity names them: `big 4-7 (Cortex-A76), little 0-3 (Cortex-A55)`.
fn cores(cores: &[Core]) -> String {
    let speed = |core: &Core| (core.capacity, core.max_frequency_khz);
    let mut speeds: Vec<_> = cores.iter().map(speed).collect();
    speeds.sort_unstable();
    speeds.dedup();
    let last = speeds.len().saturating_sub(1);
    let kind = |at: usize| match at {
        _ if last == 0 => "",
        0 => "little ",
        at if at == last => "big ",
        _ => "middle ",
    };
    let line = |at: usize| {
        let alike: Vec<&Core> = cores.iter().filter(|core| speed(core) == speeds[at]).collect();
        let numbers: Vec<u32> = alike.iter().map(|core| core.index).collect();
        let model = alike.first().and_then(|core| core.model.clone());
        let model = model.map(|model| format!(" ({model})")).unwrap_or_default();
        format!("{}{}{model}", kind(at), ranges(&numbers))
    };
    (0..speeds.len()).rev().map(line).collect::<Vec<_>>().join(", ")
}

/// `0-3,6`.
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = runs.iter().map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::check::Verdict;
    use edgefit_protocol::environment::{CoreState, Temperature};

    fn core(index: u32, capacity: u32, model: &str) -> Core {
        Core { index, max_frequency_khz: None, capacity: Some(capacity), model: Some(model.to_owned()) }
    }

    #[test]
    fn cores_are_named_as_an_affinity_names_them() {
        let phone: Vec<Core> = (0..8)
            .map(|index| match index {
                0..4 => core(index, 250, "Cortex-A55"),
                4..7 => core(index, 800, "Cortex-A78"),
                _ => core(index, 1024, "Cortex-X1"),
            })
            .collect();
        assert_eq!(cores(&phone), "big 7 (Cortex-X1), middle 4-6 (Cortex-A78), little 0-3 (Cortex-A55)");
        assert_eq!(cores(&phone[..4]), "0-3 (Cortex-A55)");
        assert_eq!(ranges(&[0, 1, 3]), "0-1,3");
    }

    #[test]
    fn what_makes_numbers_worse_is_a_warning() {
        let environment = |governor: &str, celsius: f32| Environment {
            cores: vec![CoreState {
                index: 0,
                frequency_khz: None,
                limit_khz: None,
                governor: Some(governor.to_owned()),
            }],
            temperatures: vec![Temperature { sensor: "cpu-thermal".into(), celsius }],
            ..Environment::default()
        };
        assert_eq!(governor(&environment("powersave", 0.0)).verdict, Verdict::Warning);
        assert_eq!(governor(&environment("ondemand", 0.0)).verdict, Verdict::Ok);
        assert_eq!(temperature(&environment("", 80.0)).verdict, Verdict::Warning);
        assert_eq!(temperature(&environment("", 45.0)).found, "45 °C");
        assert_eq!(
            power(&Environment { throttled_bits: Some(0x50000), ..Environment::default() }).verdict,
            Verdict::Warning
        );
        assert_eq!(clock(1000, 1059).verdict, Verdict::Ok);
        assert_eq!(clock(0, 1000).found, "differs by 1000 s");
    }
}
