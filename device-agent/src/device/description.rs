//! What the agent says about the machine that it runs on.

use std::env::consts;

use edgefit_protocol::{device::DeviceDescription, runtime::RuntimeName};
use rustix::{param::page_size, system::uname};
use sha2::{Digest, Sha256};

use super::{
    cores, emulator,
    kernel_file::{self, field, number_of},
};

/// Describes this machine; `told` is what its user says runs this program.
pub fn read(told: Option<&str>) -> DeviceDescription {
    let uname = uname();
    let host_name = uname.nodename().to_string_lossy().into_owned();
    DeviceDescription {
        id: identity(&host_name),
        host_name: Some(host_name),
        arch: consts::ARCH.to_owned(),
        os: consts::OS.to_owned(),
        os_version: kernel_file::text("/etc/os-release").and_then(|text| pretty_name_in(&text)),
        kernel: Some(uname.release().to_string_lossy().into_owned()),
        abi: abi().to_owned(),
        board: kernel_file::text("/proc/device-tree/model")
            .or_else(|| kernel_file::text("/sys/class/dmi/id/product_name")),
        soc: soc(),
        cores: cores::read(),
        page_size_bytes: page_size() as u64,
        ram_kib: kernel_file::text("/proc/meminfo").and_then(|text| number_of(&text, "MemTotal")),
        runtimes: RuntimeName::ALL.to_vec(),
        emulator: told.map(str::to_owned).or_else(emulator::name),
    }
}

/// A short hash of what the machine itself calls unique. The machine's own identity is private
/// (machine-id(5)), so that only the hash leaves the device.
fn identity(host_name: &str) -> String {
    let source = ["/etc/machine-id", "/proc/device-tree/serial-number"]
        .iter()
        .find_map(kernel_file::text)
        .unwrap_or_else(|| host_name.to_owned());
    let hash = Sha256::digest(format!("edgefit device {source}"));
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn pretty_name_in(os_release: &str) -> Option<String> {
    os_release.lines().find_map(|line| {
        let name = line.strip_prefix("PRETTY_NAME=")?;
        Some(name.trim_matches('"').to_owned())
    })
}

fn soc() -> Option<String> {
    let info = kernel_file::text("/proc/cpuinfo").unwrap_or_default();
    kernel_file::text("/sys/devices/soc0/machine")
        .or_else(|| kernel_file::text("/proc/device-tree/compatible").and_then(|t| chip_in(&t)))
        .or_else(|| field(&info, "model name").map(str::to_owned))
        .or_else(|| field(&info, "Hardware").map(str::to_owned))
}

/// The chip is the last of a device tree's `compatible` names, which go from board to chip.
fn chip_in(compatible: &str) -> Option<String> {
    let last = compatible.split('\0').rfind(|name| !name.is_empty())?;
    Some(last.to_owned())
}

const fn abi() -> &'static str {
    if cfg!(target_env = "gnu") {
        "gnu"
    } else if cfg!(target_env = "musl") {
        "musl"
    } else if cfg!(target_os = "android") {
        "android"
    } else {
        "unknown"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_out_of_the_systems_files() {
        let os_release = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        assert_eq!(pretty_name_in(os_release).as_deref(), Some("Debian GNU/Linux 12"));
        let compatible = "raspberrypi,5-model-b\0brcm,bcm2712";
        assert_eq!(chip_in(compatible).as_deref(), Some("brcm,bcm2712"));
    }

    #[test]
    fn the_identity_is_stable_and_says_nothing() {
        let id = identity("a host");
        assert_eq!(id, identity("a host"));
        assert_eq!(id.len(), 12);
        if let Some(machine_id) = kernel_file::text("/etc/machine-id") {
            assert!(!machine_id.contains(&id));
        }
    }
}
