//! The state of the machine around a job.

use std::{fs, path::Path};

use edgefit_protocol::environment::{ContextSwitches, CoreState, Environment, Temperature};

use super::{
    cores,
    kernel_file::{self, number_of},
};

/// Most temperature sensors that are reported.
const MAX_SENSORS: usize = 32;

/// One look at the machine. What it does not offer is absent.
pub fn read() -> Environment {
    Environment {
        cores: core_states(),
        temperatures: temperatures(),
        load: kernel_file::text("/proc/loadavg").and_then(|text| load_in(&text)),
        available_kib: available_kib(),
        context_switches: kernel_file::text("/proc/self/status").and_then(|text| context_switches_in(&text)),
        throttled_bits: throttled_bits(),
        battery_percent: kernel_file::value("/sys/class/power_supply/battery/capacity"),
        plugged_in: plugged_in(),
    }
}

/// Memory that could be given to programs, in KiB.
pub fn available_kib() -> Option<u64> {
    number_of(&kernel_file::text("/proc/meminfo")?, "MemAvailable")
}

fn core_states() -> Vec<CoreState> {
    let states = cores::read().into_iter().map(|core| core_state(core.index));
    states.filter(|state| state.frequency_khz.is_some() || state.governor.is_some()).collect()
}

fn core_state(index: u32) -> CoreState {
    let folder = format!("/sys/devices/system/cpu/cpu{index}/cpufreq");
    let folder = Path::new(&folder);
    CoreState {
        index,
        frequency_khz: kernel_file::value(folder.join("scaling_cur_freq")),
        limit_khz: kernel_file::value(folder.join("scaling_max_freq")),
        governor: kernel_file::text(folder.join("scaling_governor")),
    }
}

fn temperatures() -> Vec<Temperature> {
    let Ok(zones) = fs::read_dir("/sys/class/thermal") else {
        return Vec::new();
    };
    let mut found: Vec<Temperature> = zones
        .flatten()
        .filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"))
        .take(MAX_SENSORS)
        .filter_map(|zone| temperature(&zone.path()))
        .collect();
    found.sort_by(|a, b| a.sensor.cmp(&b.sensor));
    found
}

fn temperature(zone: &Path) -> Option<Temperature> {
    let millidegrees: i32 = kernel_file::value(zone.join("temp"))?;
    Some(Temperature { sensor: kernel_file::text(zone.join("type"))?, celsius: millidegrees as f32 / 1000.0 })
}

fn load_in(loadavg: &str) -> Option<[f32; 3]> {
    let mut numbers = loadavg.split_whitespace().map(str::parse::<f32>);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

fn context_switches_in(status: &str) -> Option<ContextSwitches> {
    Some(ContextSwitches {
        voluntary: number_of(status, "voluntary_ctxt_switches")?,
        involuntary: number_of(status, "nonvoluntary_ctxt_switches")?,
    })
}

/// The firmware's throttle bits, which the Raspberry Pi's kernel shows in hexadecimal.
fn throttled_bits() -> Option<u32> {
    let text = kernel_file::text("/sys/devices/platform/soc/soc:firmware/get_throttled")?;
    parse_hexadecimal(&text)
}

fn parse_hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

fn plugged_in() -> Option<bool> {
    let status = kernel_file::text("/sys/class/power_supply/battery/status")?;
    Some(status != "Discharging")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_takes_three_numbers() {
        assert_eq!(load_in("0.50 1.25 2.00 1/200 42"), Some([0.5, 1.25, 2.0]));
        assert_eq!(load_in("0.50 1.25"), None);
        assert_eq!(load_in("a b c"), None);
    }

    #[test]
    fn throttle_bits_are_hexadecimal() {
        assert_eq!(parse_hexadecimal("50005"), Some(0x50005));
        assert_eq!(parse_hexadecimal("0x4"), Some(4));
        assert_eq!(parse_hexadecimal("no"), None);
    }

    #[test]
    fn both_kinds_of_context_switches_are_read() {
        let status = "voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";
        let expected = ContextSwitches { voluntary: 7, involuntary: 3 };
        assert_eq!(context_switches_in(status), Some(expected));
        assert_eq!(context_switches_in("voluntary_ctxt_switches: 1"), None);
    }

    #[test]
    fn reading_this_machine_does_not_fail() {
        read();
    }
}
