//! `[table]`: how much the latency table learns before the search.

use serde::Serialize;

use super::section::Section;

/// How the latency table is filled before the search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableConfig {
    /// Models of the space that are measured.
    pub models: usize,
    /// Fresh processes that each of them, and later each candidate, is measured in at least; more follow while no two agree.
    pub processes: usize,
    /// Seconds after which no further model is begun.
    pub seconds: f64,
    /// Candidates whose predicted latency and memory are known to this share of the value, and on one side of every bound, are
    /// not measured; 0 measures every candidate.
    pub trust_within: f64,
}

impl TableConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            models: section.count("models", 32, 4..=100_000),
            processes: section.count("processes", 2, 1..=100),
            seconds: section.number("seconds", 60.0, 1.0..=604_800.0),
            trust_within: section.number("trust_within", 0.0, 0.0..=1.0),
        }
    }
}
