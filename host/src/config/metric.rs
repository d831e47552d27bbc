//! The keys of `[objectives]` and `[constraints]`: names of metrics, and what to say of a name that is none.

use edgefit_search::{Direction, Metric};

use super::suggestion::{listed, nearest};

/// Metrics that have a name but cannot be measured in this version.
const PLANNED: [Metric; 1] = [Metric::EnergyMj];

/// Units that people use, each with the unit that is used here and the factor to it.
const UNITS: [(&str, &str, f64); 11] = [
    ("ns", "ms", 1e-6),
    ("us", "ms", 1e-3),
    ("s", "ms", 1e3),
    ("bytes", "kib", 1.0 / 1024.0),
    ("b", "kib", 1.0 / 1024.0),
    ("k", "kib", 1.0),
    ("kb", "kib", 1000.0 / 1024.0),
    ("mib", "kib", 1024.0),
    ("mb", "kib", 1e6 / 1024.0),
    ("gib", "kib", 1024.0 * 1024.0),
    ("gb", "kib", 1e9 / 1024.0),
];

/// The metrics that a search file can name.
pub(super) fn metrics() -> impl Iterator<Item = Metric> {
    Metric::ALL.into_iter().filter(|metric| !PLANNED.contains(metric))
}

/// The metric of a key.
pub(super) fn of_key(key: &str) -> Option<Metric> {
    metrics().find(|metric| metric.name() == key)
}

/// The direction as a search file says it.
pub(super) fn goal(metric: Metric) -> &'static str {
    match metric.direction() {
        Direction::Max => "max",
        Direction::Min => "min",
    }
}

/// What to say of a key that is no metric: its message and the way out.
///
/// `value` is the number that the file gives for it, to be told in the unit that is used here.
pub(super) fn unknown(key: &str, value: Option<f64>) -> (&'static str, String) {
    let names: Vec<&str> = metrics().map(Metric::name).collect();
    if PLANNED.iter().any(|metric| metric.name() == key) {
        return ("cannot be measured in this version", format!("there are {}", listed(&names)));
    }
    if let Some((metric, factor)) = in_another_unit(key) {
        let converted = value.map(|value| format!("; {value} would be {}", value * factor)).unwrap_or_default();
        return ("has the wrong unit", format!("write `{metric}`{converted}"));
    }
    match nearest(key, names.iter().copied()) {
        Some(near) => ("unknown key", format!("did you mean `{near}`?")),
        None => ("unknown key", format!("there are {}", listed(&names))),
    }
}

/// `latency_us` is `latency_ms` in another unit; the factor leads there.
fn in_another_unit(key: &str) -> Option<(Metric, f64)> {
    let (stem, unit) = key.rsplit_once('_')?;
    let (_, ours, factor) = UNITS.into_iter().find(|(name, ..)| *name == unit)?;
    of_key(&format!("{stem}_{ours}")).map(|metric| (metric, factor))
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn another_unit_is_converted() {
        let check = |key: &str, value: f64, expected: &str| assert_eq!(unknown(key, Some(value)).1, expected);
        check("latency_us", 500.0, "write `latency_ms`; 500 would be 0.5");
        check("latency_p90_s", 0.5, "write `latency_p90_ms`; 0.5 would be 500");
        check("peak_memory_mib", 2.0, "write `peak_memory_kib`; 2 would be 2048");
    }
}
