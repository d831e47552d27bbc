//! Where a run stands: what every display is drawn from, and how it is said.

use super::clock::Clock;
use super::event::{Event, Judged, Latency, Phase, Plan};
use crate::quantity;

/// Where a run stands.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) plan: Option<Plan>,
    pub(super) phase: Option<Phase>,
    /// Models, trials or finalists of this phase that are done.
    pub(super) done: u64,
    /// Proposals that constraints stopped.
    pub(super) stopped: u64,
    /// The most accurate that meets the bounds.
    pub(super) best: Option<Judged>,
    /// What is happening right now.
    pub(super) now: String,
    clock: Clock,
}

impl State {
    /// Takes in what happened at a time in seconds. Whether it found a better candidate.
    pub(super) fn take(&mut self, event: &Event, at: f64) -> bool {
        match event {
            Event::Begin(plan) => self.plan = Some(plan.clone()),
            Event::Phase { phase, done } => self.begin(*phase, *done, at),
            Event::TableSample { latency_ms } => {
                self.count(at);
                self.now = format!("measured a model: {}", quantity::milliseconds(*latency_ms));
            }
            Event::SupernetEpoch { loss } => {
                self.count(at);
                self.now = format!("trained the shared weights: loss {loss:.4}");
            }
            Event::RelaxedEpoch { .. } => {
                self.count(at);
                self.now = relaxed(event);
            }
            Event::Stopped { count, .. } => self.stopped += count,
            Event::Epoch { .. } => self.now = self.epoch(event),
            Event::Trial(judged) => return self.judge(judged, at),
            Event::TrialFailed { .. } => self.count(at),
            Event::Finalist(judged) => return self.judge(judged, at),
            Event::Leads { number, refit } => self.now = leads(*number, *refit),
            Event::Proven(_) => self.count(at),
            Event::TableFitted { .. }
            | Event::Derived { .. }
            | Event::Hopeless { .. }
            | Event::Warning(_)
            | Event::Detail(_)
            | Event::End => {}
        }
        false
    }

    fn begin(&mut self, phase: Phase, done: u64, at: f64) {
        if phase == Phase::Final {
            self.best = None;
        }
        self.phase = Some(phase);
        self.done = done;
        self.now = phase_begins(phase).to_owned();
        self.clock.begin(phase, at);
    }

    fn count(&mut self, at: f64) {
        self.done += 1;
        if let Some(plan) = &self.plan {
            self.clock.unit_done(plan, at);
        }
    }

    fn judge(&mut self, judged: &Judged, at: f64) -> bool {
        if judged.continues.is_none() {
            self.count(at);
        }
        let is_better = judged.meets_bounds && self.best.as_ref().is_none_or(|best| judged.accuracy > best.accuracy);
        if is_better {
            self.best = Some(judged.clone());
        }
        is_better
    }

    fn epoch(&self, event: &Event) -> String {
        let Event::Epoch { number, epoch, epochs, accuracy } = event else { return String::new() };
        let how = if self.phase == Some(Phase::Final) { " to the end" } else { "" };
        let accuracy = accuracy.map(|accuracy| format!(", {}", quantity::percent(accuracy))).unwrap_or_default();
        format!("training trial {number}{how}: epoch {epoch}/{epochs}{accuracy}")
    }

    /// How many models, trials or finalists this phase has.
    pub(super) fn total(&self) -> u64 {
        match (&self.plan, self.phase) {
            (Some(plan), Some(Phase::Table)) => plan.table_models,
            (Some(plan), Some(Phase::Supernet)) => plan.supernet_epochs,
            (Some(plan), Some(Phase::Relaxed)) => plan.relaxed_epochs,
            (Some(plan), Some(Phase::Search)) => plan.trials,
            // The winner is trained and measured once more.
            (Some(plan), Some(Phase::Final)) => plan.finalists + 1,
            _ => 0,
        }
    }

    /// `best 98.25 % at 0.843 ms (bound 1.00 ms)`.
    pub(super) fn best(&self) -> String {
        let bound = self.plan.as_ref().and_then(|plan| plan.latency_bound_ms);
        let bound = bound.map(|bound| format!(" (bound {})", quantity::milliseconds(bound))).unwrap_or_default();
        match &self.best {
            Some(best) => format!("best {}{bound}", said(best)),
            None if matches!(self.phase, Some(Phase::Table | Phase::Supernet | Phase::Relaxed)) => String::new(),
            None => format!("nothing within the bounds yet{bound}"),
        }
    }

    /// `about 45 s left`.
    pub(super) fn left(&self, at: f64) -> String {
        let remaining = self.total().saturating_sub(self.done);
        let left = self.plan.as_ref().and_then(|plan| self.clock.left(plan, remaining, at));
        match left {
            Some(left) if left.seconds < 0.5 => String::new(),
            Some(left) if left.is_all => format!("about {} left", quantity::seconds(left.seconds.round())),
            Some(left) => format!("about {} left of this phase", quantity::seconds(left.seconds.round())),
            None => String::new(),
        }
    }

    /// Best, time left and stopped, what of them is known; a narrow terminal cuts off the end.
    pub(super) fn summary(&self, at: f64) -> String {
        let stopped = if self.stopped > 0 { format!("{} stopped untrained", self.stopped) } else { String::new() };
        let parts = [self.best(), self.left(at), stopped];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// `loss 0.5321, entropy 83 %, expected latency 0.214 ms on pi`.
fn relaxed(event: &Event) -> String {
    let Event::RelaxedEpoch { loss, entropy, latencies } = event else { return String::new() };
    let told = |latency: &Latency| format!(", expected latency {}", on_device(latency));
    let latencies: String = latencies.iter().map(told).collect();
    format!("loss {loss:.4}, entropy {:.0} %{latencies}", 100.0 * entropy)
}

/// What happens to the finalist that leads.
pub(super) fn leads(number: u64, refit: bool) -> String {
    let training = if refit { "training it with all images, then " } else { "" };
    format!("trial {number} leads: {training}measuring it thoroughly")
}

/// What a phase does.
pub(super) fn phase_begins(phase: Phase) -> &'static str {
    match phase {
        Phase::Table => "measuring models of the space for the latency table",
        Phase::Supernet => "training the weights that all candidates share",
        Phase::Relaxed => "training a supernet that learns which operations the networks need",
        Phase::Search => "searching: propose, predict, train, measure",
        Phase::Final => "training the best to the end and measuring them again",
    }
}

/// `98.25 % at 0.843 ms`.
pub(super) fn said(judged: &Judged) -> String {
    let (accuracy, latencies) = (quantity::percent(judged.accuracy), latencies(judged));
    if latencies.is_empty() { accuracy } else { format!("{accuracy} at {latencies}") }
}

/// `0.843 ms`, or `0.843 ms on pi and 3.20 ms on phone (predicted)`.
pub(super) fn latencies(judged: &Judged) -> String {
    let told = |latency: &Latency| {
        let origin = if latency.is_measured { "" } else { " (predicted)" };
        on_device(latency) + origin
    };
    judged.latencies.iter().map(told).collect::<Vec<_>>().join(" and ")
}

/// `0.843 ms`, or `0.843 ms on pi`.
fn on_device(Latency { device, ms, .. }: &Latency) -> String {
    let device = device.as_ref().map(|device| format!(" on {device}")).unwrap_or_default();
    quantity::milliseconds(*ms) + &device
}
