//! `[objectives]` and `[constraints]`: what is to be good, and what has to hold.

use std::ops::Bound;

use edgefit_search::{Constraint, Direction, Metric, Objective, Target};
use serde::{Serialize, Serializer};

use super::metric;
use super::section::Section;
use super::value::number_of;

/// What candidates are compared by, in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq)]
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

    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let is_target = |section: &Section<'_, '_>, metric: &Metric| {
            section.look(metric.name()).is_some_and(|value| value.get_ref().as_table().is_some())
        };
        let (aims, mut metrics): (Vec<Metric>, Vec<Metric>) =
            metrics_of(section).into_iter().partition(|metric| is_target(section, metric));
        for metric in &metrics {
            check_goal(section, *metric);
        }
        let targets: Vec<Target> = aims.into_iter().filter_map(|metric| read_target(section, metric)).collect();
        if metrics.is_empty() && targets.is_empty() {
            metrics.extend(Self::DEFAULT);
        }
        if !targets.is_empty() && !metrics.contains(&Metric::Accuracy) {
            let help = Some("add `accuracy = \"max\"`".to_owned());
            section.wrong_section("has a target, and no accuracy that missing it could be weighed against", help);
            metrics.push(Metric::Accuracy);
        }
        Self { metrics: metrics.into_iter().map(Objective::of).collect(), targets }
    }
}

/// `latency_ms = { target = 1.0 }`.
fn read_target(section: &mut Section<'_, '_>, metric: Metric) -> Option<Target> {
    if metric == Metric::Accuracy {
        section.wrong_value(metric.name(), "has no target", Some("write `accuracy = \"max\"`".to_owned()));
        return None;
    }
    let value = section.section(metric.name(), |aim| {
        let value = aim.optional_number("target", allowed(metric));
        if aim.is_empty() {
            aim.wrong_section("says nothing", Some("give `target`".to_owned()));
        }
        value
    });
    value.map(|value| Target { metric, value })
}

fn check_goal(section: &mut Section<'_, '_>, metric: Metric) {
    let goals = [("max", "max"), ("min", "min")];
    let right = metric::goal(metric);
    if let Some(goal) = section.required_choice(metric.name(), &goals, &[])
        && goal != right
    {
        let help = Some(format!("write `{metric} = \"{right}\"`"));
        section.wrong_value(metric.name(), &format!("\"{goal}\" is the wrong way round"), help);
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
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let metrics = metrics_of(section);
        Self(metrics.into_iter().filter_map(|metric| read_constraint(section, metric)).collect())
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

fn read_constraint(section: &mut Section<'_, '_>, metric: Metric) -> Option<Constraint> {
    let value = section.get(metric.name())?;
    if let Some(number) = number_of(value.get_ref()) {
        let side = if metric::goal(metric) == "max" { "min" } else { "max" };
        let help = Some(format!("write `{metric} = {{ {side} = {number} }}`"));
        section.wrong_value(metric.name(), "does not say whether it is the least or the greatest", help);
        return None;
    }
    Some(section.section(metric.name(), |range| read_range(range, metric)))
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
    Constraint { metric, min, max }
}

/// Bounds that can be met at all.
fn allowed(metric: Metric) -> (Bound<f64>, Bound<f64>) {
    match metric {
        share if share.is_share() => (Bound::Included(0.0), Bound::Included(1.0)),
        _ => (Bound::Excluded(0.0), Bound::Unbounded),
    }
}

/// The metrics that a section has keys for, in the order of the file; reports the keys that are none.
fn metrics_of(section: &mut Section<'_, '_>) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for key in section.keys() {
        match metric::of_key(key) {
            Some(metric) => metrics.push(metric),
            None => report_unknown(section, key),
        }
        section.settle(key);
    }
    metrics
}

fn report_unknown(section: &Section<'_, '_>, key: &str) {
    let bound = section.look(key).and_then(|value| {
        let value = value.get_ref();
        let bound = value.as_table().and_then(|table| table.get("max").or_else(|| table.get("min")));
        number_of(value).or_else(|| bound.and_then(|bound| number_of(bound.get_ref())))
    });
    let (message, help) = metric::unknown(key, bound);
    section.wrong_key(key, message, Some(help));
}
