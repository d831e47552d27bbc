//! The keys of `[objectives]` and `[constraints]`: a metric, and behind a colon the device that it is said of.

use edgefit_search::Metric;

use super::devices::Devices;
use super::metric;
use super::section::Section;
use super::suggestion::{listed, nearest};
use super::value::number_of;

/// A key, and what it names.
#[derive(Clone, Copy)]
pub(super) struct GoalKey<'d> {
    /// As the file has it.
    pub(super) text: &'d str,
    pub(super) metric: Metric,
    /// Position of its device; `None` where it is said of all.
    pub(super) device: Option<usize>,
}

/// The keys of a section, in the order of the file; reports those that name no metric or no device.
pub(super) fn goal_keys<'d>(section: &mut Section<'d, '_>, devices: &Devices) -> Vec<GoalKey<'d>> {
    let mut keys = Vec::new();
    for text in section.keys() {
        section.settle(text);
        let (name, device) = text.split_once(':').map_or((text, None), |(name, device)| (name, Some(device)));
        let Some(metric) = metric::of_key(name) else {
            report_unknown(section, text, name);
            continue;
        };
        match device.map(|device| find_device(section, devices, text, (metric, device))) {
            None => keys.push(GoalKey { text, metric, device: None }),
            Some(found) => keys.extend(found.map(|device| GoalKey { text, metric, device: Some(device) })),
        }
    }
    keys
}

/// The position of a device; `None` where that was reported.
fn find_device(section: &Section<'_, '_>, devices: &Devices, key: &str, of: (Metric, &str)) -> Option<usize> {
    let (metric, name) = of;
    let labels = devices.labels();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    if !metric.is_of_device() {
        section.wrong_key(key, "is the same on every device", Some(format!("write `{metric}`")));
        return None;
    }
    let found = labels.iter().position(|label| *label == name);
    if found.is_none() {
        let is_shared = devices.iter().any(|device| device.name == name);
        let message = if is_shared { "names several devices" } else { "names no device of this search" };
        let help = match nearest(name, labels.iter().copied()) {
            Some(near) if !is_shared => format!("did you mean `{metric}:{near}`?"),
            _ => format!("there are {}", listed(&labels)),
        };
        section.wrong_key(key, message, Some(help));
    }
    found
}

/// Reports a key whose first part names no metric.
fn report_unknown(section: &Section<'_, '_>, key: &str, name: &str) {
    let bound = section.look(key).and_then(|value| {
        let value = value.get_ref();
        let bound = value.as_table().and_then(|table| table.get("max").or_else(|| table.get("min")));
        number_of(value).or_else(|| bound.and_then(|bound| number_of(bound.get_ref())))
    });
    let (message, help) = metric::unknown(name, bound);
    section.wrong_key(key, message, Some(help));
}
