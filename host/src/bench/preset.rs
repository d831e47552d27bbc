//! Presets: how long a benchmark measures, under names that people know.

use std::{fmt, str::FromStr};

use edgefit_protocol::{job::Plan, limits::USUAL_TIMEOUT_NS};
use serde::{Deserialize, Serialize};

use super::limits::timeout_ns;

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// At least 50 runs and 1 s, in three processes: TFLite benchmark_model's defaults, repeated.
    Quick,
    /// At least 1,024 runs and 60 s in one process: MLPerf Mobile's single stream, which reports the 90th percentile.
    Mlperf,
    /// Ten minutes in one process, minute by minute.
    Sustained,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Mlperf, Self::Sustained];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Mlperf => "mlperf",
            Self::Sustained => "sustained",
        }
    }

    /// When a latency pass ends.
    pub fn plan(self) -> Plan {
        match self {
            Self::Quick => Plan::QUICK,
            Self::Mlperf => Plan::MLPERF,
            Self::Sustained => Plan::SUSTAINED,
        }
    }

    /// Latency passes, each in a fresh process.
    pub fn processes(self) -> u32 {
        match self {
            Self::Quick => 3,
            Self::Mlperf | Self::Sustained => 1,
        }
    }

    /// Longest time for one pass, in nanoseconds.
    pub fn timeout_ns(self) -> u64 {
        timeout_ns(&self.plan(), USUAL_TIMEOUT_NS)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| format!("{name} is none of quick, mlperf and sustained"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::limits;

    #[test]
    fn names_come_back_and_timeouts_are_allowed() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
            assert!(preset.timeout_ns() <= limits::MAX_JOB_NS, "{preset}");
        }
        assert!("slow".parse::<Preset>().is_err());
    }
}
