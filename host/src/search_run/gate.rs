//! The uncertainty gate: which candidates are judged by the table's prediction, and which are measured.
//!
//! A candidate is sure when every goal on what the device decides is predicted in a narrow interval that holds no bound. Finalists and the
//! winner are always measured.

use edgefit_search::{Goals, Metric, Origin, Readings, Value};

/// Whether the predictions among `known` are sure enough to do without a measurement: half the width of each interval is at most the
/// share `within` of its value. 0 asks for a measurement always.
pub(super) fn is_sure(goals: &Goals, known: &Readings, within: f64) -> bool {
    let mut of_device = goals.metrics().filter(|(metric, _)| !metric.is_share());
    let is_settled =
        |(metric, device)| known.best_on(device, metric).is_some_and(|v| is_settled(goals, metric, v, within));
    within > 0.0 && of_device.all(is_settled)
}

fn is_settled(goals: &Goals, metric: Metric, value: &Value, within: f64) -> bool {
    let Origin::Predicted { .. } = value.origin else { return true };
    let Some((low, high)) = value.interval else { return false };
    let bounds = goals
        .constraints()
        .iter()
        .filter(|c| (c.metric, c.device) == (metric, value.device))
        .flat_map(|c| [c.min, c.max]);
    let doubted = bounds.flatten().any(|bound| (low..=high).contains(&bound));
    !doubted && high - low <= 2.0 * within * value.value
}

#[cfg(test)]
mod tests {
    use edgefit_search::{Constraint, Goals, Metric, Objective, Readings, Value};

    use super::is_sure;

    fn goals() -> Goals {
        let objectives = vec![Objective::of(Metric::Accuracy), Objective::of(Metric::LatencyMs)];
        let bounds = vec![Constraint::at_most(Metric::LatencyMs, 1.0)];
        Goals::new(objectives, bounds).unwrap()
    }

    fn check(low: f64, high: f64, within: f64, expected: bool) {
        let latency = Value::predicted(f64::midpoint(low, high), Some((low, high)), "table");
        let known = Readings::new().with(Metric::LatencyMs, latency);
        assert_eq!(is_sure(&goals(), &known, within), expected, "{low} to {high} within {within}");
    }

    #[test]
    fn narrow_intervals_without_a_bound_inside_are_sure() {
        check(0.49, 0.51, 0.05, true);
        check(0.4, 0.6, 0.05, false);
        check(0.98, 1.02, 0.05, false);
        check(0.49, 0.51, 0.0, false);
        assert!(!is_sure(&goals(), &Readings::new(), 0.5), "nothing is known");
    }
}
