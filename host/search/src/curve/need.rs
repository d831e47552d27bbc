//! What a training has to reach: the accuracy without which its network changes nothing.

use super::least;
use crate::goal::Goals;
use crate::metric::Metric;
use crate::pareto::dominates;
use crate::reading::{Readings, Value};
use crate::trial::Trial;

/// The least accuracy with which a network keeps the constraints and none of the others is better, as far as `known` tells of its
/// other figures; 0 where that does not tell. For accuracy alone it is the best so far, and with more objectives the accuracy
/// of the front at its latency, size and so on. 1 where no accuracy suffices.
pub fn needed<'t>(goals: &Goals, known: &Readings, others: impl Iterator<Item = &'t Trial>) -> f64 {
    let observed = others.filter(|trial| trial.is_settled()).map(|trial| trial.observation(goals));
    let others: Vec<Vec<f64>> = observed.filter(|o| o.is_feasible()).filter_map(|o| o.complete()).collect();
    least(|accuracy| {
        // Measured, so that it counts before what may have been predicted.
        let readings = known.clone().with(Metric::Accuracy, Value::measured(accuracy, None, "supposed"));
        let losses: Option<Vec<f64>> = goals.losses(&readings).into_iter().collect();
        let is_beaten = losses.is_some_and(|losses| others.iter().any(|other| dominates(other, &losses)));
        !is_beaten && goals.violation(&readings) == 0.0
    })
}
