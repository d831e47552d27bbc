//! Events in words, one line or more each; the same on a pipe and above the bars of a terminal.

use super::Verbosity;
use super::event::{Event, Judged, Plan};
use super::state::{State, latencies, leads, phase_begins, said};
use crate::quantity;

/// What an event is to people; nothing of what they do not want to know.
pub(super) fn told(event: &Event, state: &State, is_better: bool, verbosity: Verbosity) -> Vec<String> {
    match event {
        Event::Begin(plan) => begin(plan),
        Event::Phase { phase, done: 0 } => vec![format!("{}: {}", phase.name(), phase_begins(*phase))],
        Event::Phase { phase, done } => vec![format!("{}: going on after {done} of {}", phase.name(), state.total())],
        Event::TableSample { .. } => {
            vec![format!("table {}/{}: {}", state.done, state.total(), state.now)]
        }
        Event::SupernetEpoch { .. } => vec![format!("supernet {}/{}: {}", state.done, state.total(), state.now)],
        Event::TableFitted { device, predictor, error, baseline } => vec![format!(
            "table{}: {predictor} guides the search, mean error {} on unseen models ({}: {})",
            device.as_ref().map(|device| format!(" of {device}")).unwrap_or_default(),
            quantity::percent(*error),
            baseline.0,
            quantity::percent(baseline.1)
        )],
        Event::RelaxedEpoch { .. } => vec![format!("relaxed {}/{}: {}", state.done, state.total(), state.now)],
        Event::Derived { text } => vec![format!("relaxed: {text}")],
        Event::Stopped { by, count } => {
            vec![format!("search: {by} stopped {count} before training, {} in all", state.stopped)]
        }
        Event::Epoch { .. } => vec![state.now.clone()],
        Event::Hopeless { number, epoch, epochs, needed, probability } => vec![format!(
            "search: trial {number} ended after {epoch} of {epochs} epochs: it reaches the {} that are needed with a probability of {}",
            quantity::percent(*needed),
            quantity::percent(*probability)
        )],
        Event::Trial(judged) => vec![trial("search", judged, state, is_better)],
        Event::TrialFailed { number, reason } => vec![format!("search: trial {number} failed: {reason}")],
        Event::Finalist(judged) => vec![trial("final", judged, state, is_better)],
        Event::Leads { number, refit } => vec![format!("final: {}", leads(*number, *refit))],
        Event::Proven(judged) => vec![proven(judged)],
        Event::Warning(text) => vec![format!("warning: {text}")],
        Event::Detail(text) if verbosity == Verbosity::Verbose => vec![text.clone()],
        Event::Detail(_) | Event::End => Vec::new(),
    }
}

fn begin(plan: &Plan) -> Vec<String> {
    let bounds = if plan.bounds.is_empty() { "none".to_owned() } else { plan.bounds.join(", ") };
    let (data, bounds) = (format!("data     {}", plan.data), format!("bounds   {bounds}"));
    let lines =
        [data, format!("space    {}", plan.space), format!("device   {}", plan.devices.join("\n         ")), bounds];
    // A table that is built alone has neither data nor bounds.
    let is_alone = plan.data.is_empty();
    let shown = lines.into_iter().enumerate().filter(|(at, _)| !is_alone || (1..=2).contains(at));
    shown.map(|(_, line)| line).collect()
}

/// `search 12/40: trial 11: 97.10 % at 0.910 ms, misses the bounds`.
fn trial(phase: &str, judged: &Judged, state: &State, is_better: bool) -> String {
    let how = match judged.continues {
        Some(earlier) => format!(" trained on from trial {earlier}"),
        None if phase == "final" => " trained to the end".to_owned(),
        None => String::new(),
    };
    let mark = match (judged.meets_bounds, is_better) {
        (false, _) => ", misses the bounds",
        (true, true) => ", the best so far",
        (true, false) => "",
    };
    format!("{phase} {}/{}: trial {}{how}: {}{mark}", state.done, state.total(), judged.number, said(judged))
}

/// `final: trial 11 keeps the bounds: 0.0910 ms`.
fn proven(judged: &Judged) -> String {
    let verdict = if judged.meets_bounds { "keeps" } else { "misses" };
    format!("final: trial {} {verdict} the bounds as measured thoroughly: {}", judged.number, latencies(judged))
}
