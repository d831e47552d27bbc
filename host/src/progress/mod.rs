//! What the user sees while a run goes on: bars on a terminal, plain lines on a pipe, nothing with `-q`.
//!
//! The search emits [`Event`]s and knows nothing of terminals; this module knows nothing of searches. Everything goes to standard
//! error, since standard output is for results.

mod clock;
mod event;
mod lines;
mod state;
mod terminal;
mod told;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use indicatif::ProgressDrawTarget;

pub use event::{Event, Judged, Latency, Phase, Plan};

use lines::Lines;
use state::State;
use terminal::Terminal;

/// How much the user wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What happens.
    Normal,
    /// Everything.
    Verbose,
}

/// One way of showing events.
trait Display: Send {
    /// Shows an event that happened `at` seconds after the beginning; `state` has taken it in already.
    fn show(&mut self, event: &Event, state: &State, is_better: bool, at: f64);
}

/// Takes the events of a run, from any thread, and shows them.
pub struct Progress {
    began: Instant,
    shown: Mutex<Shown>,
}

struct Shown {
    state: State,
    display: Option<Box<dyn Display>>,
}

impl Progress {
    /// Shows on standard error: bars if that is a terminal, lines otherwise.
    pub fn on_stderr(verbosity: Verbosity) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let display: Option<Box<dyn Display>> = match verbosity {
            Verbosity::Quiet => None,
            _ if is_terminal => Some(Box::new(Terminal::new(ProgressDrawTarget::stderr(), verbosity, true))),
            _ => Some(Box::new(Lines::new(io::stderr(), verbosity))),
        };
        Self::with(display)
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self::with(None)
    }

    fn with(display: Option<Box<dyn Display>>) -> Self {
        Self { began: Instant::now(), shown: Mutex::new(Shown { state: State::default(), display }) }
    }

    /// Tells that something happened.
    pub fn emit(&self, event: Event) {
        let at = self.began.elapsed().as_secs_f64();
        // A thread that panicked while it showed something leaves at worst a torn line.
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Shown { state, display } = &mut *shown;
        let is_better = state.take(&event, at);
        if let Some(display) = display {
            display.show(&event, state, is_better, at);
        }
    }
}
