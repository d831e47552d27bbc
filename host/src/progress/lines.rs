//! Plain lines for pipes, files and continuous integration: one for each phase and each trial, few in between.

use std::io::Write;

use super::event::{Event, Judged, Plan};
use super::state::{State, phase_begins, said};
use super::{Display, Verbosity};
use crate::quantity;

/// Seconds between lines about what is smaller than a trial.
const QUIET_SECONDS: f64 = 5.0;

/// Writes one line after the other.
pub(super) struct Lines<W> {
    out: W,
    verbosity: Verbosity,
    last_line: f64,
}

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(out: W, verbosity: Verbosity) -> Self {
        Self { out, verbosity, last_line: 0.0 }
    }

    fn line(&mut self, text: &str, at: f64) {
        self.last_line = at;
        // A closed pipe must not end the run whose progress nobody reads any more.
        let _ = writeln!(self.out, "{text}");
    }
}

impl<W: Write + Send> Display for Lines<W> {
    fn show(&mut self, event: &Event, state: &State, _is_better: bool, at: f64) {
        let is_quiet = at - self.last_line < QUIET_SECONDS && self.verbosity < Verbosity::Verbose;
        if is_minor(event) && is_quiet {
            return;
        }
        for line in told(event, state, self.verbosity, at) {
            self.line(&line, at);
        }
    }
}

/// Whether the event may be left out when there was a line just before.
fn is_minor(event: &Event) -> bool {
    matches!(event, Event::TableSample { .. } | Event::Epoch { .. } | Event::Stopped { .. })
}

/// The lines about an event; the same that a terminal shows above its bars.
pub(super) fn told(event: &Event, state: &State, verbosity: Verbosity, at: f64) -> Vec<String> {
    match event {
        Event::Begin(plan) => begin(plan),
        Event::Phase { phase, done: 0 } => vec![format!("{}: {}", phase.name(), phase_begins(*phase))],
        Event::Phase { phase, done } => vec![format!("{}: going on after {done} of {}", phase.name(), state.total())],
        Event::TableSample { .. } => {
            vec![format!("table {}/{}: {}{}", state.done, state.total(), state.now, tail(&state.left(at)))]
        }
        Event::TableFitted { predictor, error, baseline } => vec![format!(
            "table: {predictor} guides the search, median error {} on unseen models ({}: {})",
            quantity::percent(*error),
            baseline.0,
            quantity::percent(baseline.1)
        )],
        Event::Stopped { by, count } => {
            vec![format!("search: {by} stopped {count} before training, {} in all", state.stopped)]
        }
        Event::Epoch { .. } => vec![state.now.clone()],
        Event::Trial(judged) => vec![trial("search", judged, state, at)],
        Event::TrialFailed { number, reason } => vec![format!("search: trial {number} failed: {reason}")],
        Event::Finalist(judged) => vec![trial("final", judged, state, at)],
        Event::Warning(text) => vec![format!("warning: {text}")],
        Event::Detail(text) if verbosity == Verbosity::Verbose => vec![text.clone()],
        Event::Detail(_) | Event::End => Vec::new(),
    }
}

fn begin(plan: &Plan) -> Vec<String> {
    let bounds = if plan.bounds.is_empty() { "none".to_owned() } else { plan.bounds.join(", ") };
    vec![
        format!("data     {}", plan.data),
        format!("space    {}", plan.space),
        format!("device   {}", plan.device),
        format!("bounds   {bounds}"),
    ]
}

/// `search 12/40: trial 11: 97.10 % at 0.910 ms, over the bounds · best ...`.
fn trial(phase: &str, judged: &Judged, state: &State, at: f64) -> String {
    let what = if phase == "final" { "finalist" } else { "trial" };
    let over = if judged.meets_bounds { "" } else { ", misses the bounds" };
    let (done, total) = (state.done, state.total());
    format!("{phase} {done}/{total}: {what} {}: {}{over}{}", judged.number, said(judged), tail(&state.summary(at)))
}

fn tail(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" · {text}") }
}
