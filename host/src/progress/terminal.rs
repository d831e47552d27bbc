//! Two lines at the bottom of a terminal: a bar with the best and the time left, and what is happening right now.
//!
//! What should stay is printed above them.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::Event;
use super::state::State;
use super::told::told;
use super::{Display, Verbosity};

/// Between two turns of the spinner, so that a long training is seen to live.
const TICK: Duration = Duration::from_millis(120);

const BAR: &str = "{prefix:>7.bold.cyan} {bar:24.cyan/dim} {pos}/{len} {wide_msg}";
const NOW: &str = "{spinner:>7.cyan} {wide_msg:.dim}";

/// The bars of a terminal.
pub(super) struct Terminal {
    all: MultiProgress,
    bar: ProgressBar,
    now: ProgressBar,
    verbosity: Verbosity,
}

impl Terminal {
    /// Draws on a target; ticks by itself only if that is a real terminal.
    pub(super) fn new(target: ProgressDrawTarget, verbosity: Verbosity, is_ticking: bool) -> Self {
        let all = MultiProgress::with_draw_target(target);
        let bar = all.add(ProgressBar::new(0).with_style(style(BAR).progress_chars("━━─")));
        let now = all.add(ProgressBar::new_spinner().with_style(style(NOW)));
        if is_ticking {
            now.enable_steady_tick(TICK);
        }
        Self { all, bar, now, verbosity }
    }

    fn print(&self, line: &str) {
        // A terminal that went away must not end the run.
        let _ = self.all.println(line);
    }

    fn draw(&self, state: &State, at: f64) {
        self.bar.set_prefix(state.phase.map_or("", super::Phase::name));
        self.bar.set_length(state.total());
        self.bar.set_position(state.done);
        self.bar.set_message(state.summary(at));
        self.now.set_message(state.now.clone());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants that indicatif accepts")
}

/// Whether an event stays above the bars: everything with -v, otherwise what changes the picture.
fn stays(event: &Event, is_better: bool, verbosity: Verbosity) -> bool {
    match event {
        Event::Trial(_) => is_better || verbosity == Verbosity::Verbose,
        Event::TableSample { .. }
        | Event::SupernetEpoch { .. }
        | Event::RelaxedEpoch { .. }
        | Event::Epoch { .. }
        | Event::Stopped { .. } => false,
        _ => true,
    }
}

impl Drop for Terminal {
    /// A run that ends by an error leaves no bars behind.
    fn drop(&mut self) {
        self.now.finish_and_clear();
        self.bar.finish_and_clear();
    }
}

impl Display for Terminal {
    fn show(&mut self, event: &Event, state: &State, is_better: bool, at: f64) {
        if stays(event, is_better, self.verbosity) {
            told(event, state, is_better, self.verbosity).iter().for_each(|line| self.print(line));
        }
        if *event == Event::End {
            self.now.finish_and_clear();
            self.bar.finish_and_clear();
        } else if state.phase.is_some() {
            self.draw(state, at);
        }
    }
}
