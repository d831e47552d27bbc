//! What is wanted of a network: objectives to improve and hard constraints to keep.
//!
//! Strategies never see metrics. They see losses, which are all to be minimized, and one violation, which must be zero.

use serde::{Deserialize, Serialize};

use crate::metric::{Direction, Metric, Stage};
use crate::reading::{Readings, is_first};

/// A metric to improve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Which metric.
    pub metric: Metric,
    /// Which values are wanted.
    pub direction: Direction,
    /// Number of the search's device on which, see [`Value::device`](crate::Value::device).
    #[serde(default, skip_serializing_if = "is_first")]
    pub device: u8,
}

impl Objective {
    /// The metric in its usual direction.
    pub fn of(metric: Metric) -> Self {
        Self { metric, direction: metric.direction(), device: 0 }
    }

    /// The value of the metric that a loss is.
    pub fn value(&self, loss: f64) -> f64 {
        match self.direction {
            Direction::Min => loss,
            Direction::Max => -loss,
        }
    }

    /// A value of the metric as a loss: smaller is better.
    pub fn loss(&self, value: f64) -> f64 {
        match self.direction {
            Direction::Min => value,
            Direction::Max => -value,
        }
    }
}

/// The values of a metric that are allowed, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// Which metric.
    pub metric: Metric,
    /// The least value allowed, in the metric's unit.
    pub min: Option<f64>,
    /// The largest value allowed, in the metric's unit.
    pub max: Option<f64>,
    /// Number of the search's device on which, see [`Value::device`](crate::Value::device).
    #[serde(default, skip_serializing_if = "is_first")]
    pub device: u8,
}

/// Stands for a bound of zero when an excess is related to it.
const SMALLEST_SCALE: f64 = 1e-9;

impl Constraint {
    /// At most `max`.
    pub fn at_most(metric: Metric, max: f64) -> Self {
        Self { metric, min: None, max: Some(max), device: 0 }
    }

    /// At least `min`.
    pub fn at_least(metric: Metric, min: f64) -> Self {
        Self { metric, min: Some(min), max: None, device: 0 }
    }

    /// By which share of the bound a value misses it; 0 when it is kept, infinite for a value that is no number.
    pub fn excess(&self, value: f64) -> f64 {
        if value.is_nan() {
            return f64::INFINITY;
        }
        let relative = |beyond: f64, bound: f64| beyond.max(0.0) / bound.abs().max(SMALLEST_SCALE);
        let above = self.max.map_or(0.0, |max| relative(value - max, max));
        let below = self.min.map_or(0.0, |min| relative(min - value, min));
        above + below
    }
}

/// A value that a metric is to have, as near as the accuracy allows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Which metric.
    pub metric: Metric,
    /// The value, above 0, in the metric's unit.
    pub value: f64,
    /// Number of the search's device on which, see [`Value::device`](crate::Value::device).
    #[serde(default, skip_serializing_if = "is_first")]
    pub device: u8,
}

/// What missing a target by its whole value costs, in accuracy: the weight of TuNAS (Bender et al. 2020).
const TARGET_WEIGHT: f64 = 0.07;

/// Objectives and constraints of one search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goals {
    objectives: Vec<Objective>,
    constraints: Vec<Constraint>,
    #[serde(default)]
    targets: Vec<Target>,
}

/// Why goals cannot be searched for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GoalError {
    /// There is nothing to improve.
    #[error("there is no objective; state at least one, as `accuracy = \"max\"`")]
    NoObjective,
    /// A metric was named twice.
    #[error("`{0}` is stated twice")]
    Twice(Metric),
    /// A target without an accuracy that it could be weighed against, or of accuracy itself.
    #[error("a target of `{0}` needs `accuracy = \"max\"` beside it, and cannot be an objective too")]
    Target(Metric),
    /// A range that no value is in, or that is no range.
    #[error("the range of `{0}` allows no value; state a finite min, max or both, min not above max")]
    Range(Metric),
}

impl Goals {
    /// Goals, constraints sorted by the cost of checking them.
    ///
    /// # Errors
    /// Without an objective, with a metric named twice for one device, or with an impossible range.
    pub fn new(objectives: Vec<Objective>, mut constraints: Vec<Constraint>) -> Result<Self, GoalError> {
        if objectives.is_empty() {
            return Err(GoalError::NoObjective);
        }
        find_twice(objectives.iter().map(|o| (o.metric, o.device)))
            .map_or(Ok(()), |metric| Err(GoalError::Twice(metric)))?;
        find_twice(constraints.iter().map(|c| (c.metric, c.device)))
            .map_or(Ok(()), |metric| Err(GoalError::Twice(metric)))?;
        if let Some(wrong) = constraints.iter().find(|c| !allows_a_value(c)) {
            return Err(GoalError::Range(wrong.metric));
        }
        constraints.sort_by_key(|c| (c.metric.stage(), c.metric, c.device));
        Ok(Self { objectives, constraints, targets: Vec::new() })
    }

    /// The same with targets. The accuracy then counts less for each by how far it is missed: the absolute reward of TuNAS
    /// (Bender et al. 2020), `accuracy - 0.07 * |value / target - 1|`.
    ///
    /// # Errors
    /// Without accuracy among the objectives, or with a target of an objective or that is not above 0.
    pub fn aiming_at(self, targets: Vec<Target>) -> Result<Self, GoalError> {
        let is_objective = |metric, device| self.objectives.iter().any(|o| (o.metric, o.device) == (metric, device));
        find_twice(targets.iter().map(|t| (t.metric, t.device)))
            .map_or(Ok(()), |metric| Err(GoalError::Twice(metric)))?;
        let is_wrong = |target: &&Target| {
            !is_objective(Metric::Accuracy, 0)
                || is_objective(target.metric, target.device)
                || !(target.value > 0.0 && target.value.is_finite())
        };
        match targets.iter().find(is_wrong) {
            Some(wrong) => Err(GoalError::Target(wrong.metric)),
            None => Ok(Self { targets, ..self }),
        }
    }

    /// Everything that is asked for, with the number of the device: of objectives, targets and constraints, repetitions included.
    pub fn metrics(&self) -> impl Iterator<Item = (Metric, u8)> {
        let objectives = self.objectives.iter().map(|one| (one.metric, one.device));
        let targets = self.targets.iter().map(|one| (one.metric, one.device));
        objectives.chain(targets).chain(self.constraints.iter().map(|one| (one.metric, one.device)))
    }

    /// What is to be aimed at.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// What to improve, in the user's order.
    pub fn objectives(&self) -> &[Objective] {
        &self.objectives
    }

    /// What to keep, cheapest to check first.
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Each objective's loss, as far as its metric is known.
    pub fn losses(&self, readings: &Readings) -> Vec<Option<f64>> {
        let known = |o: &Objective| {
            let missed = if o.metric == Metric::Accuracy { self.missed(readings)? } else { 0.0 };
            readings.best_on(o.device, o.metric).map(|v| o.loss(v.value) + missed).filter(|loss| !loss.is_nan())
        };
        self.objectives.iter().map(known).collect()
    }

    /// What missing the targets costs; `None` while one of them is not known.
    fn missed(&self, readings: &Readings) -> Option<f64> {
        let miss =
            |target: &Target| Some((readings.best_on(target.device, target.metric)?.value / target.value - 1.0).abs());
        let misses = self.targets.iter().map(miss).collect::<Option<Vec<f64>>>()?;
        Some(TARGET_WEIGHT * misses.iter().sum::<f64>())
    }

    /// The sum of [`Constraint::excess`] over the constraints whose metric is known.
    pub fn violation(&self, readings: &Readings) -> f64 {
        let excess = |c: &Constraint| readings.best_on(c.device, c.metric).map_or(0.0, |v| c.excess(v.value));
        self.constraints.iter().map(excess).sum()
    }

    /// The first constraint known by `stage` that is not kept.
    pub fn first_missed(&self, readings: &Readings, stage: Stage) -> Option<Constraint> {
        let missed = |c: &&Constraint| readings.best_on(c.device, c.metric).is_some_and(|v| c.excess(v.value) > 0.0);
        self.constraints.iter().filter(|c| c.metric.stage() <= stage).find(missed).copied()
    }
}

fn allows_a_value(constraint: &Constraint) -> bool {
    let (min, max) = (constraint.min, constraint.max);
    let finite = [min, max].into_iter().flatten().all(f64::is_finite);
    finite && min.or(max).is_some() && !min.zip(max).is_some_and(|(min, max)| min > max)
}

/// The metric that is there twice for one device.
fn find_twice(metrics: impl Iterator<Item = (Metric, u8)>) -> Option<Metric> {
    let mut seen = std::collections::BTreeSet::new();
    metrics.into_iter().find(|metric| !seen.insert(*metric)).map(|(metric, _)| metric)
}

#[cfg(test)]
mod tests {
    use super::{Constraint, GoalError, Goals, Objective, Target};
    use crate::metric::Metric::{Accuracy, LatencyMs, Macs};
    use crate::metric::Stage;
    use crate::reading::{Readings, Value};

    #[test]
    fn an_excess_is_relative_to_the_bound() {
        let check = |c: Constraint, value: f64, excess: f64| assert!((c.excess(value) - excess).abs() < 1e-12, "{c:?}");
        check(Constraint::at_most(LatencyMs, 2.0), 2.0, 0.0);
        check(Constraint::at_most(LatencyMs, 2.0), 3.0, 0.5);
        check(Constraint::at_least(Accuracy, 0.8), 0.6, 0.25);
        assert!(Constraint::at_most(LatencyMs, 2.0).excess(f64::NAN).is_infinite());
    }

    #[test]
    fn cheap_constraints_come_first_and_unknown_metrics_do_not_count() {
        let constraints = vec![Constraint::at_most(LatencyMs, 1.0), Constraint::at_most(Macs, 10.0)];
        let goals = Goals::new(vec![Objective::of(Accuracy)], constraints).unwrap();
        assert_eq!(goals.constraints()[0].metric, Macs);
        let readings = Readings::new().with(Macs, Value::computed(15.0));
        assert_eq!(goals.violation(&readings), 0.5);
        assert_eq!(goals.losses(&readings), [None]);
        assert_eq!(goals.first_missed(&readings, Stage::Decoded).unwrap().metric, Macs);
    }

    #[test]
    fn each_device_has_its_own_objective_and_bound() {
        let on = |device, max| Constraint { device, ..Constraint::at_most(LatencyMs, max) };
        let objectives = vec![Objective::of(LatencyMs), Objective { device: 1, ..Objective::of(LatencyMs) }];
        let goals = Goals::new(objectives, vec![on(1, 4.0), on(0, 1.0)]).unwrap();
        let first = Readings::new().with(LatencyMs, Value::computed(0.5));
        assert_eq!((goals.losses(&first), goals.violation(&first)), (vec![Some(0.5), None], 0.0));
        let mut both = first;
        both.extend(Readings::new().with(LatencyMs, Value::computed(5.0)).of_device(1));
        assert_eq!((goals.losses(&both), goals.violation(&both)), (vec![Some(0.5), Some(5.0)], 0.25));
        assert_eq!(goals.first_missed(&both, Stage::Predicted).unwrap().device, 1);
        assert!(Goals::new(vec![Objective::of(Accuracy)], vec![on(1, 1.0), on(1, 2.0)]).is_err());
    }

    #[test]
    fn a_target_costs_accuracy_on_both_sides() {
        let goals = Goals::new(vec![Objective::of(Accuracy)], vec![]).unwrap();
        let goals = goals.aiming_at(vec![Target { metric: LatencyMs, value: 2.0, device: 0 }]).unwrap();
        let loss = |latency: f64| {
            let readings = Readings::new().with(Accuracy, Value::measured(0.9, None, "validation"));
            goals.losses(&readings.with(LatencyMs, Value::computed(latency)))[0].unwrap()
        };
        assert!((loss(2.0) + 0.9).abs() < 1e-12);
        assert!((loss(1.0) + 0.865).abs() < 1e-12 && (loss(3.0) + 0.865).abs() < 1e-12);
        assert_eq!(goals.losses(&Readings::new().with(Accuracy, Value::computed(0.9))), [None]);
        let without = Goals::new(vec![Objective::of(Macs)], vec![]).unwrap();
        let wrong = without.aiming_at(vec![Target { metric: LatencyMs, value: 2.0, device: 0 }]);
        assert_eq!(wrong, Err(GoalError::Target(LatencyMs)));
    }

    #[test]
    fn impossible_goals_are_errors() {
        let accuracy = vec![Objective::of(Accuracy)];
        let check = |objectives: &[Objective], constraint, error| {
            assert_eq!(Goals::new(objectives.to_vec(), vec![constraint]), Err(error));
        };
        check(&[], Constraint::at_most(Macs, 1.0), GoalError::NoObjective);
        check(&[accuracy[0], accuracy[0]], Constraint::at_most(Macs, 1.0), GoalError::Twice(Accuracy));
        let turned = Constraint { min: Some(2.0), ..Constraint::at_most(Macs, 1.0) };
        check(&accuracy, turned, GoalError::Range(Macs));
        check(&accuracy, Constraint { max: None, ..Constraint::at_most(Macs, 1.0) }, GoalError::Range(Macs));
    }
}
