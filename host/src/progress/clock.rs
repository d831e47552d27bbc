//! How long the rest will take, from what was observed so far.
//!
//! All times are seconds since the display began; it reads no clock itself.

use super::event::{Phase, Plan};

/// What was observed of the speed of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    phase: Option<Phase>,
    phase_began: f64,
    /// Units that this process has done in this phase, and when the last of them was done.
    done: u64,
    last_done: f64,
    /// Seconds that one pass over the data takes, trainings side by side counted together.
    epoch_seconds: Option<f64>,
}

/// Time that is left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Left {
    pub(super) seconds: f64,
    /// Whether it is the time to the end of the run, or only of the phase.
    pub(super) is_all: bool,
}

impl Clock {
    pub(super) fn begin(&mut self, phase: Phase, now: f64) {
        *self =
            Self { phase: Some(phase), phase_began: now, done: 0, last_done: now, epoch_seconds: self.epoch_seconds };
    }

    /// A model, trial or finalist is done.
    pub(super) fn unit_done(&mut self, plan: &Plan, now: f64) {
        self.done += 1;
        self.last_done = now;
        if self.phase == Some(Phase::Search) && plan.trial_epochs > 0 {
            let epochs = self.done * plan.trial_epochs;
            self.epoch_seconds = Some((now - self.phase_began) / epochs as f64);
        }
    }

    /// What is left when `remaining` units of this phase are to be done.
    pub(super) fn left(&self, plan: &Plan, remaining: u64, now: f64) -> Option<Left> {
        let phase = self.phase?;
        let of_phase = (self.unit_seconds(plan)? * remaining as f64 - (now - self.last_done)).max(0.0);
        match phase {
            Phase::Table | Phase::Supernet | Phase::Relaxed => Some(Left { seconds: of_phase, is_all: false }),
            Phase::Search => {
                let of_final = self.final_unit_seconds(plan).map(|seconds| seconds * plan.finalists as f64);
                Some(Left { seconds: of_phase + of_final.unwrap_or_default(), is_all: of_final.is_some() })
            }
            Phase::Final => Some(Left { seconds: of_phase, is_all: true }),
        }
    }

    fn unit_seconds(&self, plan: &Plan) -> Option<f64> {
        let observed = (self.done > 0).then(|| (self.last_done - self.phase_began) / self.done as f64);
        observed.or_else(|| if self.phase == Some(Phase::Final) { self.final_unit_seconds(plan) } else { None })
    }

    fn final_unit_seconds(&self, plan: &Plan) -> Option<f64> {
        self.epoch_seconds.map(|seconds| seconds * plan.final_epochs as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::tests::plan;

    #[test]
    fn the_rest_of_the_search_and_the_end_are_foreseen_from_the_trials() {
        let (plan, mut clock) = (plan(), Clock::default());
        clock.begin(Phase::Search, 10.0);
        assert_eq!(clock.left(&plan, 40, 11.0), None);
        clock.unit_done(&plan, 16.0);
        clock.unit_done(&plan, 22.0);
        let search = 38.0 * 6.0;
        let finals = 3.0 * 30.0 * 2.0;
        assert_eq!(clock.left(&plan, 38, 22.0), Some(Left { seconds: search + finals, is_all: true }));
        assert_eq!(clock.left(&plan, 38, 25.0), Some(Left { seconds: search + finals - 3.0, is_all: true }));
        clock.begin(Phase::Final, 100.0);
        assert_eq!(clock.left(&plan, 3, 100.0), Some(Left { seconds: finals, is_all: true }));
        clock.unit_done(&plan, 110.0);
        assert_eq!(clock.left(&plan, 2, 110.0), Some(Left { seconds: 20.0, is_all: true }));
    }

    #[test]
    fn the_table_foresees_only_itself() {
        let (plan, mut clock) = (plan(), Clock::default());
        clock.begin(Phase::Table, 0.0);
        clock.unit_done(&plan, 2.0);
        assert_eq!(clock.left(&plan, 4, 2.0), Some(Left { seconds: 8.0, is_all: false }));
        assert_eq!(clock.left(&plan, 0, 9.0), Some(Left { seconds: 0.0, is_all: false }));
    }
}
