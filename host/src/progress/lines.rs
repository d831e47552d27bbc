//! Plain lines for pipes, files and continuous integration: one for each phase and each trial, few in between.

use std::io::Write;

use super::event::Event;
use super::state::State;
use super::told::told;
use super::{Display, Verbosity};

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
    fn show(&mut self, event: &Event, state: &State, is_better: bool, at: f64) {
        let is_quiet = at - self.last_line < QUIET_SECONDS && self.verbosity < Verbosity::Verbose;
        if is_minor(event) && is_quiet {
            return;
        }
        for line in told(event, state, is_better, self.verbosity) {
            let standing = standing(event, state, is_better, at);
            let separator = if standing.is_empty() { "" } else { " · " };
            self.line(&format!("{line}{separator}{standing}"), at);
        }
    }
}

/// Whether the event may be left out when there was a line just before.
fn is_minor(event: &Event) -> bool {
    use Event::{Epoch, RelaxedEpoch, Stopped, SupernetEpoch, TableSample};
    matches!(event, TableSample { .. } | SupernetEpoch { .. } | RelaxedEpoch { .. } | Epoch { .. } | Stopped { .. })
}

/// Where the run stands, behind the lines about what was done; a terminal has its bar for that.
fn standing(event: &Event, state: &State, is_better: bool, at: f64) -> String {
    match event {
        Event::TableSample { .. } | Event::SupernetEpoch { .. } | Event::RelaxedEpoch { .. } => state.left(at),
        Event::Trial(_) | Event::Finalist(_) if is_better => state.left(at),
        Event::Trial(_) | Event::Finalist(_) => state.summary(at),
        _ => String::new(),
    }
}
