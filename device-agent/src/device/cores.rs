//! The cores of the machine: frequency, relative speed, and model.

use std::path::Path;

use edgefit_protocol::device::Core;

use super::kernel_file::{self, field};

const CPU_FOLDER: &str = "/sys/devices/system/cpu";

/// Every core that is online.
pub fn read() -> Vec<Core> {
    let info = kernel_file::text("/proc/cpuinfo").unwrap_or_default();
    online().into_iter().map(|index| core(index, &info)).collect()
}

/// Numbers of the cores that are online.
fn online() -> Vec<u32> {
    kernel_file::text(Path::new(CPU_FOLDER).join("online")).and_then(|list| parse_list(&list)).unwrap_or_else(|| {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        (0..count as u32).collect()
    })
}

fn core(index: u32, info: &str) -> Core {
    let folder = Path::new(CPU_FOLDER).join(format!("cpu{index}"));
    Core {
        index,
        max_frequency_khz: kernel_file::value(folder.join("cpufreq/cpuinfo_max_freq")),
        capacity: kernel_file::value(folder.join("cpu_capacity")),
        model: model_in(info, index),
    }
}

/// Cores in the kernel's list form, such as `0-3,6`; `None` for anything else, or for a list
/// longer than the protocol allows.
pub fn parse_list(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || (last - first) as usize >= edgefit_protocol::limits::MAX_CORES {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

/// The model of one core in the text of /proc/cpuinfo: x86 names it, Arm gives its part number.
fn model_in(info: &str, index: u32) -> Option<String> {
    let wanted = index.to_string();
    let block = info.split("\n\n").find(|block| field(block, "processor") == Some(&wanted))?;
    match (field(block, "model name"), field(block, "CPU part")) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Some(part)) => Some(arm_core_name(part).map_or_else(|| part.to_owned(), str::to_owned)),
        (None, None) => None,
    }
}

/// Names of Arm's own cores by part number (Arm's "Main ID Register" of each core's manual).
fn arm_core_name(part: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 22] = [
        ("0xc07", "Cortex-A7"),
        ("0xd03", "Cortex-A53"),
        ("0xd04", "Cortex-A35"),
        ("0xd05", "Cortex-A55"),
        ("0xd07", "Cortex-A57"),
        ("0xd08", "Cortex-A72"),
        ("0xd09", "Cortex-A73"),
        ("0xd0a", "Cortex-A75"),
        ("0xd0b", "Cortex-A76"),
        ("0xd0c", "Neoverse-N1"),
        ("0xd0d", "Cortex-A77"),
        ("0xd40", "Neoverse-V1"),
        ("0xd41", "Cortex-A78"),
        ("0xd44", "Cortex-X1"),
        ("0xd46", "Cortex-A510"),
        ("0xd47", "Cortex-A710"),
        ("0xd48", "Cortex-X2"),
        ("0xd49", "Neoverse-N2"),
        ("0xd4d", "Cortex-A715"),
        ("0xd4e", "Cortex-X3"),
        ("0xd80", "Cortex-A520"),
        ("0xd81", "Cortex-A720"),
    ];
    NAMES.iter().find_map(|(number, name)| (*number == part).then_some(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PI_4: &str =
        "processor\t: 0\nCPU part\t: 0xd08\n\nprocessor\t: 1\nCPU part\t: 0xd08\n\nHardware\t: BCM2711\n";
    const X86: &str = "processor\t: 0\nmodel name\t: A Processor\n\nprocessor\t: 1\nmodel name\t: B\n";

    #[test]
    fn models_are_named_per_core() {
        assert_eq!(model_in(PI_4, 1).as_deref(), Some("Cortex-A72"));
        assert_eq!(model_in(X86, 1).as_deref(), Some("B"));
        assert_eq!(model_in(X86, 7), None);
        let unknown = PI_4.replace("0xd08", "0xfff");
        assert_eq!(model_in(&unknown, 0).as_deref(), Some("0xfff"));
    }

    #[test]
    fn lists_are_in_the_kernels_form() {
        assert_eq!(parse_list("0-3,6\n"), Some(vec![0, 1, 2, 3, 6]));
        assert_eq!(parse_list("2"), Some(vec![2]));
        for wrong in ["", "a", "3-1", "0-99999999", "1,"] {
            assert_eq!(parse_list(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn this_machine_has_a_core() {
        assert!(!read().is_empty());
    }
}
