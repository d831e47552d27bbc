//! The state of the machine around a job.

use std::{fs, path::Path};

use edgefit_protocol::environment::{ContextSwitches, CoreState, Environment, ProcessorTicks, Temperature};

use super::{
    SYS,
    board::{self, Battery},
    cores,
    kernel_file::{self, number_of},
    phone,
    program::{self, Ask},
};

/// Most temperature sensors that are reported.
const MAX_SENSORS: usize = 32;

/// One look at the machine. What it does not offer is absent.
pub fn read() -> Environment {
    read_at(Path::new(SYS), &program::ask)
}

fn read_at(sys: &Path, ask: Ask<'_>) -> Environment {
    let (battery, thermal) = (battery(sys, ask), phone::thermal(ask));
    let temperatures = temperatures(sys);
    Environment {
        cores: core_states(sys),
        temperatures: if temperatures.is_empty() { thermal.temperatures } else { temperatures },
        load: kernel_file::text("/proc/loadavg").and_then(|text| load_in(&text)),
        processor_ticks: processor_ticks(),
        available_kib: available_kib(),
        context_switches: kernel_file::text("/proc/self/status").and_then(|text| context_switches_in(&text)),
        throttled_bits: board::throttled_bits(sys, ask),
        thermal_status: thermal.status,
        battery_percent: battery.percent,
        battery_celsius: battery.celsius,
        plugged_in: battery.plugged_in,
    }
}

/// The battery by the kernel, and what that does not tell by Android.
fn battery(sys: &Path, ask: Ask<'_>) -> Battery {
    let Battery { percent, plugged_in, celsius } = board::battery(sys);
    if percent.is_some() && plugged_in.is_some() && celsius.is_some() {
        return Battery { percent, plugged_in, celsius };
    }
    let told = phone::battery(ask);
    Battery {
        percent: percent.or(told.percent),
        plugged_in: plugged_in.or(told.plugged_in),
        celsius: celsius.or(told.celsius),
    }
}

/// Memory that could be given to programs, in KiB.
pub fn available_kib() -> Option<u64> {
    number_of(&kernel_file::text("/proc/meminfo")?, "MemAvailable")
}

fn core_states(sys: &Path) -> Vec<CoreState> {
    let states = cores::read().into_iter().map(|core| core_state(sys, core.index));
    states.filter(|state| state.frequency_khz.is_some() || state.governor.is_some()).collect()
}

fn core_state(sys: &Path, index: u32) -> CoreState {
    let folder = sys.join(format!("devices/system/cpu/cpu{index}/cpufreq"));
    CoreState {
        index,
        frequency_khz: kernel_file::value(folder.join("scaling_cur_freq")),
        limit_khz: kernel_file::value(folder.join("scaling_max_freq")),
        governor: kernel_file::text(folder.join("scaling_governor")),
    }
}

fn temperatures(sys: &Path) -> Vec<Temperature> {
    let Ok(zones) = fs::read_dir(sys.join("class/thermal")) else {
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

fn processor_ticks() -> Option<ProcessorTicks> {
    let (all, busy) = machine_ticks_in(&kernel_file::text("/proc/stat")?)?;
    Some(ProcessorTicks { all, busy, own: own_ticks_in(&kernel_file::text("/proc/self/stat")?)? })
}

/// All ticks and busy ones out of the first line of /proc/stat: user, nice, system, idle, waiting, interrupts, soft interrupts,
/// stolen; what follows is in user and nice already.
fn machine_ticks_in(stat: &str) -> Option<(u64, u64)> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<u64>);
    let ticks: Vec<u64> = numbers.take(8).collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: u64 = ticks.iter().sum();
    Some((all, all - idle))
}

/// User and system time, the 14th and 15th field of /proc/self/stat; the second is a name in parentheses that may hold anything.
fn own_ticks_in(stat: &str) -> Option<u64> {
    let behind_name = stat.rsplit_once(')')?.1;
    let mut fields = behind_name.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

fn context_switches_in(status: &str) -> Option<ContextSwitches> {
    Some(ContextSwitches {
        voluntary: number_of(status, "voluntary_ctxt_switches")?,
        involuntary: number_of(status, "nonvoluntary_ctxt_switches")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;

    #[test]
    fn ticks_are_those_of_the_machine_and_of_this_process() {
        assert_eq!(machine_ticks_in("cpu  10 1 5 100 4 1 2 3 50 0\ncpu0 1"), Some((126, 22)));
        assert_eq!(machine_ticks_in("intr 1 2 3"), None);
        assert_eq!(own_ticks_in("42 (a b) c) S 1 1 1 0 -1 4 9 9 9 9 30 12 0 0"), Some(42));
        assert_eq!(own_ticks_in("42 (a"), None);
    }

    #[test]
    fn load_takes_three_numbers() {
        assert_eq!(load_in("0.50 1.25 2.00 1/200 42"), Some([0.5, 1.25, 2.0]));
        assert_eq!(load_in("0.50 1.25"), None);
        assert_eq!(load_in("a b c"), None);
    }

    #[test]
    fn both_kinds_of_context_switches_are_read() {
        let status = "voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";
        let expected = ContextSwitches { voluntary: 7, involuntary: 3 };
        assert_eq!(context_switches_in(status), Some(expected));
        assert_eq!(context_switches_in("voluntary_ctxt_switches: 1"), None);
    }

    #[test]
    fn sensors_and_frequencies_are_read_below_the_root() {
        let board = recorded::sys(&[
            ("class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("class/thermal/thermal_zone0/temp", "61250\n"),
            ("class/thermal/cooling_device0/type", "fan\n"),
            ("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n"),
            ("devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "2400000\n"),
            ("devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n"),
        ]);
        let dumpsys = |name: &str, _: &str| (name == "dumpsys").then(|| recorded::DUMPSYS_THERMALSERVICE.to_owned());
        let seen = read_at(board.path(), &dumpsys);
        assert_eq!(seen.temperatures, [Temperature { sensor: "cpu-thermal".into(), celsius: 61.25 }]);
        assert_eq!((seen.thermal_status, seen.throttled_bits), (Some(0), None));
        let expected = CoreState {
            index: 0,
            frequency_khz: Some(1_500_000),
            limit_khz: Some(2_400_000),
            governor: Some("ondemand".into()),
        };
        assert_eq!(core_state(board.path(), 0), expected);
    }

    #[test]
    fn what_the_kernel_of_a_phone_hides_its_services_tell() {
        let hidden = recorded::sys(&[("class/power_supply/battery/capacity", "70\n")]);
        let dumpsys = |_: &str, service: &str| match service {
            "battery" => Some(recorded::DUMPSYS_BATTERY.to_owned()),
            _ => Some(recorded::DUMPSYS_THERMALSERVICE.to_owned()),
        };
        let seen = read_at(hidden.path(), &dumpsys);
        assert_eq!(seen.temperatures.iter().map(|sensor| sensor.celsius).collect::<Vec<_>>(), [25.6]);
        assert_eq!((seen.battery_percent, seen.plugged_in, seen.battery_celsius), (Some(70), Some(true), Some(28.7)));
    }

    #[test]
    fn a_machine_that_offers_nothing_is_read_all_the_same() {
        let seen = read_at(recorded::sys(&[]).path(), &|_, _| None);
        assert!(seen.temperatures.is_empty() && seen.cores.is_empty(), "{seen:?}");
        assert_eq!((seen.throttled_bits, seen.thermal_status, seen.battery_celsius), (None, None, None));
        read();
    }
}
