//! What is said on a pipe and on a terminal when a run goes its way.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressDrawTarget, TermLike};

use super::lines::Lines;
use super::state::{State, said};
use super::terminal::Terminal;
use super::{Display, Event, Judged, Latency, Phase, Plan, Verbosity};

/// A plan with round numbers.
pub(super) fn plan() -> Plan {
    Plan {
        data: "digits, 1,797 images of 8x8, 10 classes".to_owned(),
        space: "mbconv, 1.2e9 networks".to_owned(),
        devices: vec!["local, tract 0.23.9, 1 thread".to_owned()],
        bounds: vec!["latency_ms <= 1".to_owned()],
        latency_bound_ms: Some(1.0),
        table_models: 4,
        supernet_epochs: 0,
        relaxed_epochs: 0,
        trials: 40,
        trial_epochs: 3,
        finalists: 3,
        final_epochs: 30,
    }
}

fn judged(number: u64, accuracy: f64, latency_ms: f64) -> Judged {
    Judged {
        number,
        accuracy,
        latencies: vec![Latency { device: None, ms: latency_ms, is_measured: true }],
        meets_bounds: latency_ms <= 1.0,
        continues: None,
    }
}

/// A short run, with the second at which each event happens.
fn run() -> Vec<(f64, Event)> {
    vec![
        (0.0, Event::Begin(plan())),
        (0.0, Event::Phase { phase: Phase::Table, done: 0 }),
        (1.0, Event::TableSample { latency_ms: 0.5 }),
        (7.0, Event::TableSample { latency_ms: 0.25 }),
        (
            8.0,
            Event::TableFitted {
                device: None,
                predictor: "kernels".into(),
                error: 0.031,
                baseline: ("MACs".into(), 0.18),
            },
        ),
        (8.0, Event::Phase { phase: Phase::Search, done: 0 }),
        (8.5, Event::Stopped { by: "latency_ms".into(), count: 12 }),
        (10.0, Event::Epoch { number: 0, epoch: 1, epochs: 3, accuracy: Some(0.5) }),
        (14.0, Event::Trial(judged(0, 0.95, 0.8))),
        (14.5, Event::Epoch { number: 1, epoch: 1, epochs: 3, accuracy: Some(0.5) }),
        (15.0, Event::Detail("refitted the table".into())),
        (20.0, Event::Trial(judged(1, 0.97, 1.2))),
        (21.0, Event::TrialFailed { number: 2, reason: "the device went away".into() }),
        (50.0, Event::Phase { phase: Phase::Final, done: 0 }),
        (60.0, Event::Finalist(judged(1, 0.99, 0.8))),
        (60.0, Event::Leads { number: 1, refit: true }),
        (70.0, Event::Proven(judged(1, 0.99, 0.8))),
        (60.0, Event::End),
    ]
}

fn play(display: &mut dyn Display) {
    let mut state = State::default();
    for (at, event) in run() {
        let is_better = state.take(&event, at);
        display.show(&event, &state, is_better, at);
    }
}

/// Bytes that can be looked at while another owns the writer.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pipe_gets_a_line_a_phase_and_a_trial() {
    let kept = Kept::default();
    play(&mut Lines::new(kept.clone(), Verbosity::Normal));
    let expected = "\
data     digits, 1,797 images of 8x8, 10 classes
space    mbconv, 1.2e9 networks
device   local, tract 0.23.9, 1 thread
bounds   latency_ms <= 1
table: measuring models of the space for the latency table
table 2/4: measured a model: 0.250 ms · about 7 s left of this phase
table: kernels guides the search, mean error 3.10 % on unseen models (MACs: 18.00 %)
search: searching: propose, predict, train, measure
search 1/40: trial 0: 95.00 % at 0.800 ms, the best so far · about 6 min 54 s left
search 2/40: trial 1: 97.00 % at 1.20 ms, misses the bounds · best 95.00 % at 0.800 ms (bound 1.00 ms) · about 6 min 48 s left · 12 stopped untrained
search: trial 2 failed: the device went away
final: training the best to the end and measuring them again
final 1/4: trial 1 trained to the end: 99.00 % at 0.800 ms, the best so far · about 30 s left
final: trial 1 leads: training it with all images, then measuring it thoroughly
final: trial 1 keeps the bounds as measured thoroughly: 0.800 ms
";
    assert_eq!(kept.text(), expected);
}

#[test]
fn several_devices_are_named() {
    let on = |device: &str, ms, is_measured| Latency { device: Some(device.to_owned()), ms, is_measured };
    let judged = Judged { latencies: vec![on("pi", 0.5, true), on("phone", 3.0, false)], ..judged(0, 0.95, 0.5) };
    assert_eq!(said(&judged), "95.00 % at 0.500 ms on pi and 3.00 ms on phone (predicted)");
}

#[test]
fn a_verbose_pipe_gets_everything() {
    let kept = Kept::default();
    play(&mut Lines::new(kept.clone(), Verbosity::Verbose));
    for expected in ["table 1/4", "refitted the table", "training trial 0: epoch 1/3, 50.00 %", "latency_ms stopped 12"]
    {
        assert!(kept.text().contains(expected), "{expected} is not in\n{}", kept.text());
    }
}

/// A terminal of 100 columns that keeps what is written to it.
impl TermLike for Kept {
    fn width(&self) -> u16 {
        100
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.clone().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\n")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_terminal_shows_the_bar_and_keeps_what_changed() {
    let kept = Kept::default();
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(kept.clone()), u8::MAX);
    play(&mut Terminal::new(target, Verbosity::Normal, false));
    let text = kept.text();
    for expected in ["trial 0: 95.00 % at 0.800 ms", "final", "trial 1 trained to the end: 99.00 %", "trial 2 failed"] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert!(!text.contains("trial 1: 97.00 %"), "a trial that changes nothing stayed:\n{text}");
}
