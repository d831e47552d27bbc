//! What is wanted of a network: objectives to improve and hard constraints to keep.
//!
//! Strategies never see metrics. They see losses, which are all to be minimized, and one violation, which must be zero.

use serde::{Deserialize, Serialize};

use crate::metric::{Direction, Metric, Stage};
use crate::reading::Readings;

/// A metric to improve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Which metric.
    pub metric: Metric,
    /// Which values are wanted.
    pub direction: Direction,
}

impl Objective {
    /// The metric in its usual direction.
    pub fn of(metric: Metric) -> Self {
        Self { metric, direction: metric.direction() }
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
}

/// Stands for a bound of zero when an excess is related to it.
const SMALLEST_SCALE: f64 = 1e-9;

impl Constraint {
    /// At most `max`.
    pub fn at_most(metric: Metric, max: f64) -> Self {
        Self { metric, min: None, max: Some(max) }
    }

    /// At least `min`.
    pub fn at_least(metric: Metric, min: f64) -> Self {
        Self { metric, min: Some(min), max: None }
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

/// Objectives and constraints of one search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goals {
    objectives: Vec<Objective>,
    constraints: Vec<Constraint>,
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
    /// A range that no value is in, or that is no range.
    #[error("the range of `{0}` allows no value; state a finite min, max or both, min not above max")]
    Range(Metric),
}

impl Goals {
    /// Goals, constraints sorted by the cost of checking them.
    ///
    /// # Errors
    /// Without an objective, with a metric named twice, or with an impossible range.
    pub fn new(objectives: Vec<Objective>, mut constraints: Vec<Constraint>) -> Result<Self, GoalError> {
        if objectives.is_empty() {
            return Err(GoalError::NoObjective);
        }
        find_twice(objectives.iter().map(|o| o.metric)).map_or(Ok(()), |metric| Err(GoalError::Twice(metric)))?;
        find_twice(constraints.iter().map(|c| c.metric)).map_or(Ok(()), |metric| Err(GoalError::Twice(metric)))?;
        if let Some(wrong) = constraints.iter().find(|c| !allows_a_value(c)) {
            return Err(GoalError::Range(wrong.metric));
        }
        constraints.sort_by_key(|c| (c.metric.stage(), c.metric));
        Ok(Self { objectives, constraints })
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
        let known = |o: &Objective| readings.best(o.metric).map(|v| o.loss(v.value)).filter(|loss| !loss.is_nan());
        self.objectives.iter().map(known).collect()
    }

    /// The sum of [`Constraint::excess`] over the constraints whose metric is known.
    pub fn violation(&self, readings: &Readings) -> f64 {
        let excess = |c: &Constraint| readings.best(c.metric).map_or(0.0, |v| c.excess(v.value));
        self.constraints.iter().map(excess).sum()
    }

    /// The first constraint known by `stage` that is not kept.
    pub fn first_missed(&self, readings: &Readings, stage: Stage) -> Option<Constraint> {
        let missed = |c: &&Constraint| readings.best(c.metric).is_some_and(|v| c.excess(v.value) > 0.0);
        self.constraints.iter().filter(|c| c.metric.stage() <= stage).find(missed).copied()
    }
}

fn allows_a_value(constraint: &Constraint) -> bool {
    let (min, max) = (constraint.min, constraint.max);
    let finite = [min, max].into_iter().flatten().all(f64::is_finite);
    finite && min.or(max).is_some() && !min.zip(max).is_some_and(|(min, max)| min > max)
}

fn find_twice(metrics: impl Iterator<Item = Metric>) -> Option<Metric> {
    let mut seen = std::collections::BTreeSet::new();
    metrics.into_iter().find(|metric| !seen.insert(*metric))
}

#[cfg(test)]
mod tests {
    use super::{Constraint, GoalError, Goals, Objective};
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
    fn impossible_goals_are_errors() {
        let accuracy = vec![Objective::of(Accuracy)];
        let check = |objectives: &[Objective], constraint, error| {
            assert_eq!(Goals::new(objectives.to_vec(), vec![constraint]), Err(error));
        };
        check(&[], Constraint::at_most(Macs, 1.0), GoalError::NoObjective);
        check(&[accuracy[0], accuracy[0]], Constraint::at_most(Macs, 1.0), GoalError::Twice(Accuracy));
        let turned = Constraint { metric: Macs, min: Some(2.0), max: Some(1.0) };
        check(&accuracy, turned, GoalError::Range(Macs));
        check(&accuracy, Constraint { metric: Macs, min: None, max: None }, GoalError::Range(Macs));
    }
}
