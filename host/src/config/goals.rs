//! `[objectives]` and `[constraints]`: what is to be good, and what has to hold.

use std::ops::Bound;

use edgefit_search::{Constraint, Direction, Metric, Objective, Target};
use serde::{Serialize, Serializer};
use toml::Spanned;
use toml::de::DeValue;

use super::devices::Devices;
use super::goal_key::{GoalKey, goal_keys};
use super::metric;
use super::section::Section;
use super::value::number_of;

/// What candidates are compared by, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objectives {
    /// What is to be as good as possible.
    pub metrics: Vec<Objective>,
    /// What is to come near a value.
    pub targets: Vec<Target>,
}

/// A target as a search file says it.
#[derive(Serialize)]
struct Aim {
    target: f64,
}

/// An objective as a search file says it.
#[derive(Serialize)]
#[serde(untagged)]
enum Wanted {
    Best(Direction),
    Near(Aim),
}

impl Objectives {
    /// What is compared where a file says nothing.
    const DEFAULT: [Metric; 2] = [Metric::Accuracy, Metric::LatencyMs];

    /// Reads what counts on every device; what is said of one of them goes there.
    pub(super) fn read(section: &mut Section<'_, '_>, devices: &mut Devices) -> Self {
        let mut common = Self::default();
        for key in goal_keys(section, devices) {
            let objectives = key.device.map_or(&mut common, |device| &mut devices.at(device).objectives);
            if objectives.has(key.metric) {
                report_twice(section, key);
            }
            objectives.take(section, key);
        }
        if common.is_empty() && devices.iter().all(|device| device.objectives.is_empty()) {
            common.metrics.extend(Self::DEFAULT.map(Objective::of));
        }
        let has_target =
            !common.targets.is_empty() || devices.iter().any(|device| !device.objectives.targets.is_empty());
        if has_target && !common.metrics.iter().any(|objective| objective.metric == Metric::Accuracy) {
            let help = Some("add `accuracy = \"max\"`".to_owned());
            section.wrong_section("has a target, and no accuracy that missing it could be weighed against", help);
            common.metrics.push(Objective::of(Metric::Accuracy));
        }
        common
    }

    /// Reads what counts on one device, and only there.
    pub(super) fn read_of_device(section: &mut Section<'_, '_>) -> Self {
        let mut own = Self::default();
        for key in keys_of_device(section, "[objectives]") {
            own.take(section, key);
        }
        own
    }

    /// Whether nothing counts.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty() && self.targets.is_empty()
    }

    /// Whether it says something of a metric.
    pub fn has(&self, metric: Metric) -> bool {
        let mut named = self.metrics.iter().map(|o| o.metric).chain(self.targets.iter().map(|t| t.metric));
        named.any(|other| other == metric)
    }

    fn take(&mut self, section: &Section<'_, '_>, key: GoalKey<'_>) {
        let Some(value) = section.look(key.text) else { return };
        if value.get_ref().is_table() {
            self.targets.extend(read_target(section, key));
        } else {
            check_goal(section, key, value);
            self.metrics.push(Objective::of(key.metric));
        }
    }
}

/// Reports a key of what its device's own section says too.
fn report_twice(section: &Section<'_, '_>, key: GoalKey<'_>) {
    section.wrong_key(key.text, "is in its `[[devices]]` too", Some("leave one of them".to_owned()));
}

/// The keys of what one device says itself; reports those that no device decides.
fn keys_of_device<'d>(section: &mut Section<'d, '_>, instead: &str) -> Vec<GoalKey<'d>> {
    let mut keys = goal_keys(section, &Devices::default());
    keys.retain(|key| {
        let is_its = key.metric.is_of_device();
        if !is_its {
            section.wrong_key(key.text, "is the same on every device", Some(format!("write it into `{instead}`")));
        }
        is_its
    });
    keys
}

/// `latency_ms = { target = 1.0 }`.
fn read_target(section: &Section<'_, '_>, key: GoalKey<'_>) -> Option<Target> {
    let metric = key.metric;
    if metric == Metric::Accuracy {
        section.wrong_value(key.text, "has no target", Some("write `accuracy = \"max\"`".to_owned()));
        return None;
    }
    let value = section.subsection(key.text, |aim| {
        let value = aim.optional_number("target", allowed(metric));
        if aim.is_empty() {
            aim.wrong_section("says nothing", Some("give `target`".to_owned()));
        }
        value
    });
    value.map(|value| Target { metric, value, device: 0 })
}

fn check_goal(section: &Section<'_, '_>, key: GoalKey<'_>, value: &Spanned<DeValue<'_>>) {
    let goals = [("max", "max"), ("min", "min")];
    let right = metric::goal(key.metric);
    if let Some(goal) = section.chosen(key.text, value, &goals)
        && goal != right
    {
        let help = Some(format!("write `{} = \"{right}\"`", key.text));
        section.wrong_value(key.text, &format!("\"{goal}\" is the wrong way round"), help);
    }
}

impl Serialize for Objectives {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Tables come behind single values in TOML.
        let best = self.metrics.iter().map(|objective| (objective.metric.name(), Wanted::Best(objective.direction)));
        let near = self.targets.iter().map(|aim| (aim.metric.name(), Wanted::Near(Aim { target: aim.value })));
        serializer.collect_map(best.chain(near))
    }
}

/// What a candidate has to meet, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constraints(pub Vec<Constraint>);

/// A constraint as a search file says it.
#[derive(Serialize)]
struct Range {
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
}

impl Constraints {
    /// Reads what has to hold on every device; what is said of one of them goes there.
    pub(super) fn read(section: &mut Section<'_, '_>, devices: &mut Devices) -> Self {
        let mut common = Self::default();
        for key in goal_keys(section, devices) {
            let Some(constraint) = read_constraint(section, key) else { continue };
            let constraints = key.device.map_or(&mut common, |device| &mut devices.at(device).constraints);
            if constraints.of(key.metric).is_some() {
                report_twice(section, key);
            }
            constraints.0.push(constraint);
        }
        common
    }

    /// Reads the bounds of one device.
    pub(super) fn read_of_device(section: &mut Section<'_, '_>) -> Self {
        let keys = keys_of_device(section, "[constraints]");
        Self(keys.into_iter().filter_map(|key| read_constraint(section, key)).collect())
    }

    /// Whether nothing has to hold.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The constraint of a metric.
    pub fn of(&self, metric: Metric) -> Option<&Constraint> {
        self.0.iter().find(|constraint| constraint.metric == metric)
    }
}

impl Serialize for Constraints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let range = |constraint: &Constraint| Range { min: constraint.min, max: constraint.max };
        serializer.collect_map(self.0.iter().map(|constraint| (constraint.metric.name(), range(constraint))))
    }
}

fn read_constraint(section: &Section<'_, '_>, key: GoalKey<'_>) -> Option<Constraint> {
    let GoalKey { text, metric, .. } = key;
    if let Some(number) = section.look(text).and_then(|value| number_of(value.get_ref())) {
        let side = if metric::goal(metric) == "max" { "min" } else { "max" };
        let help = Some(format!("write `{text} = {{ {side} = {number} }}`"));
        section.wrong_value(text, "does not say whether it is the least or the greatest", help);
        return None;
    }
    Some(section.subsection(text, |range| read_range(range, metric)))
}

fn read_range(range: &mut Section<'_, '_>, metric: Metric) -> Constraint {
    let allowed = allowed(metric);
    let min = range.optional_number("min", allowed);
    let max = range.optional_number("max", allowed);
    if range.is_empty() {
        range.wrong_section("says nothing", Some("give `min`, `max` or both".to_owned()));
    }
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        range.wrong_section(&format!("no number is at least {low} and at most {high}"), None);
    }
    Constraint { metric, min, max, device: 0 }
}

/// Bounds that can be met at all.
fn allowed(metric: Metric) -> (Bound<f64>, Bound<f64>) {
    match metric {
        share if share.is_share() => (Bound::Included(0.0), Bound::Included(1.0)),
        _ => (Bound::Excluded(0.0), Bound::Unbounded),
    }
}
