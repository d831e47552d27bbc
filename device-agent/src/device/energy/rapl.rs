//! RAPL: counters of energy that a processor keeps itself, in microjoules, as the kernel shows them below /sys/class/powercap
//! (Documentation/power/powercap/powercap.rst). AMD's are there under Intel's name.
//!
//! Packages and memory are summed. Cores are part of their package, and `psys`, where there is one, contains all of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::device::kernel_file;

/// Most zones that are looked at.
const MAX_ZONES: usize = 64;

/// The counters of all packages and memories, and what they counted so far.
pub(super) struct Counters {
    zones: Vec<Zone>,
    counted_uj: u64,
    failed: Option<String>,
}

struct Zone {
    name: String,
    file: PathBuf,
    /// The counter starts again at 0 behind it.
    range_uj: u64,
    last_uj: u64,
}

impl Counters {
    /// The counters, or why they cannot be read; `None` where there are none.
    pub(super) fn open(sys: &Path) -> Option<Result<Self, String>> {
        let entries = fs::read_dir(sys.join("class/powercap")).ok()?.flatten().take(MAX_ZONES);
        let mut folders: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("intel-rapl:"))
            .map(|entry| entry.path())
            .collect();
        folders.sort();
        let zones: Vec<Result<Zone, String>> = folders.iter().filter_map(|folder| Zone::open(folder)).collect();
        let zones = (!zones.is_empty()).then(|| zones.into_iter().collect::<Result<_, _>>())?;
        Some(zones.map(|zones| Self { zones, counted_uj: 0, failed: None }))
    }

    /// Counts from now on.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        self.counted_uj = 0;
        self.zones.iter_mut().try_for_each(|zone| zone.advance_uj().map(|_| ()))
    }

    /// Adds what was counted since the last look. A failure is kept for the end.
    pub(super) fn read(&mut self) {
        for zone in &mut self.zones {
            match zone.advance_uj() {
                Ok(advance_uj) => self.counted_uj += advance_uj,
                Err(reason) => self.failed = Some(reason),
            }
        }
    }

    /// What was counted.
    pub(super) fn joules(self) -> Result<f64, String> {
        match (self.failed, self.counted_uj) {
            (Some(reason), _) => Err(reason),
            (None, 0) => Err("the RAPL counters stand still, as they do in some virtual machines".to_owned()),
            (None, counted_uj) => Ok(counted_uj as f64 / 1e6),
        }
    }

    /// Names of the zones.
    pub(super) fn domains(&self) -> Vec<String> {
        self.zones.iter().map(|zone| zone.name.clone()).collect()
    }
}

impl Zone {
    /// A zone that counts; `None` for one that another contains.
    fn open(folder: &Path) -> Option<Result<Self, String>> {
        let name = kernel_file::text(folder.join("name"))?;
        if !name.starts_with("package") && name != "dram" {
            return None;
        }
        let range_uj = kernel_file::value(folder.join("max_energy_range_uj"))?;
        let mut zone = Self { name, file: folder.join("energy_uj"), range_uj, last_uj: 0 };
        Some(zone.advance_uj().map(|_| zone))
    }

    /// What was counted since the last look; from the end of the range it goes on at 0.
    fn advance_uj(&mut self) -> Result<u64, String> {
        let now_uj = self.now_uj()?;
        let advance_uj = match now_uj.checked_sub(self.last_uj) {
            Some(advance_uj) => advance_uj,
            None => now_uj + self.range_uj.saturating_sub(self.last_uj),
        };
        self.last_uj = now_uj;
        Ok(advance_uj)
    }

    fn now_uj(&self) -> Result<u64, String> {
        let file = self.file.display();
        let text = fs::read_to_string(&self.file)
            .map_err(|error| format!("{file}: {error}; run the agent as root, or `sudo chmod a+r {file}`"))?;
        text.trim().parse().map_err(|_| format!("{file} holds no number: {}", text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::recorded;
    use tempfile::TempDir;

    const RANGE: &str = "262143328850\n";

    /// A server of one package with cores and memory, and the second way to the same package.
    fn server() -> TempDir {
        let mut files = vec![("class/powercap/intel-rapl/enabled".to_owned(), "1\n".to_owned())];
        let zones = [
            ("intel-rapl:0", "package-0", 262_143_328_000_u64),
            ("intel-rapl:0:0", "core", 5),
            ("intel-rapl:0:1", "dram", 1_000_000),
            ("intel-rapl:1", "psys", 7),
            ("intel-rapl-mmio:0", "package-0", 9),
        ];
        for (zone, name, energy_uj) in zones {
            let file = |file: &str| format!("class/powercap/{zone}/{file}");
            files.push((file("name"), format!("{name}\n")));
            files.push((file("max_energy_range_uj"), RANGE.to_owned()));
            files.push((file("energy_uj"), format!("{energy_uj}\n")));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        recorded::sys(&files)
    }

    fn set(sys: &TempDir, zone: &str, energy_uj: &str) {
        fs::write(sys.path().join("class/powercap").join(zone).join("energy_uj"), energy_uj).unwrap();
    }

    fn open(sys: &TempDir) -> Counters {
        let mut counters = Counters::open(sys.path()).unwrap().unwrap();
        counters.restart().unwrap();
        counters
    }

    #[test]
    fn packages_and_memory_are_summed_past_the_end_of_the_range() {
        let sys = server();
        let mut counters = open(&sys);
        assert_eq!(counters.domains(), ["package-0", "dram"]);
        set(&sys, "intel-rapl:0", "999150\n");
        set(&sys, "intel-rapl:0:1", "1500000\n");
        counters.read();
        set(&sys, "intel-rapl:0", "1999150\n");
        counters.read();
        // 850 to the end of the range and 1,999,150 behind it; 500,000 of the memory.
        assert_eq!(counters.joules(), Ok(2.5));
    }

    #[test]
    fn a_counter_that_stands_still_or_goes_away_is_no_zero() {
        let sys = server();
        let mut counters = open(&sys);
        counters.read();
        assert!(counters.joules().unwrap_err().contains("stand still"));
        let mut counters = open(&sys);
        fs::remove_file(sys.path().join("class/powercap/intel-rapl:0/energy_uj")).unwrap();
        counters.read();
        assert!(counters.joules().unwrap_err().contains("energy_uj"));
        assert!(Counters::open(sys.path()).unwrap().is_err());
    }

    #[test]
    fn no_zones_are_no_counters() {
        assert!(Counters::open(recorded::sys(&[]).path()).is_none());
        let control_only = recorded::sys(&[("class/powercap/intel-rapl/enabled", "1\n")]);
        assert!(Counters::open(control_only.path()).is_none());
    }
}
