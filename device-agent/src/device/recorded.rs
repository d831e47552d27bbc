//! Recorded forms of what boards say, for tests on a machine that is none of them: texts as the programs print them, and folders
//! as the kernel lays them out. Their numbers are made up.

use std::fs;

use tempfile::TempDir;

/// `vcgencmd pmic_read_adc` of a Raspberry Pi 5, fewer rails: 2 W in three, and two voltages of no rail.
pub(super) const PMIC_READ_ADC: &str = "\
   3V7_WL_SW_A current(0)=0.10000000A
     3V3_SYS_A current(1)=0.20000000A
    VDD_CORE_A current(7)=1.20000000A
   3V7_WL_SW_V volt(8)=3.70000000V
     3V3_SYS_V volt(9)=3.30000000V
    VDD_CORE_V volt(15)=0.80833333V
       EXT5V_V volt(24)=5.14113000V
        BATT_V volt(25)=0.00000000V
";

/// `dumpsys thermalservice` of an Android phone, shortened.
pub(super) const DUMPSYS_THERMALSERVICE: &str = "\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 4
Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=25.6, mType=0, mName=AP, mStatus=0}
HAL Ready: true
";

/// `dumpsys battery` of an Android phone, shortened.
pub(super) const DUMPSYS_BATTERY: &str = "\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  present: true
  level: 83
  scale: 100
  voltage: 4210
  temperature: 287
  technology: Li-ion
";

/// A folder laid out as /sys, with these files.
pub(super) fn sys(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("there is room for a folder");
    for (path, text) in files {
        let file = root.path().join(path);
        let folder = file.parent().expect("the file is below the root");
        fs::create_dir_all(folder).and_then(|()| fs::write(&file, text)).expect("there is room for a file");
    }
    root
}
