//! What a supernet learned by gradients: the probability of each operation, and how it came about.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::tables::bar;
use crate::quantity::milliseconds;

/// What a supernet learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Each mixed operation.
    pub mixes: Vec<LearnedMix>,
    /// Expected latency on each device where that was looked at.
    #[serde(default)]
    pub latencies: Vec<LearnedLatency>,
    /// How the training ended.
    pub end: String,
}

/// Expected latency on a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedLatency {
    /// The device, where there are several.
    pub device: Option<String>,
    /// Milliseconds after each epoch.
    pub course_ms: Vec<f64>,
}

/// What was learned of one mixed operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedMix {
    /// Its name.
    pub name: String,
    /// The names of its operations.
    pub options: Vec<String>,
    /// Their probabilities after each epoch.
    pub course: Vec<Vec<f64>>,
}

impl LearnedMix {
    /// The probabilities in the end.
    pub fn last(&self) -> Vec<f64> {
        let even = || vec![1.0 / self.options.len() as f64; self.options.len()];
        self.course.last().cloned().unwrap_or_else(even)
    }

    /// The most probable operation and its probability.
    fn best(&self) -> (&str, f64) {
        let last = self.last();
        let best = (0..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap_or(0);
        (&self.options[best], last[best])
    }
}

impl Learned {
    /// The most probable operation of each mixed operation.
    pub fn said(&self) -> String {
        let said = |mix: &LearnedMix| {
            let (option, probability) = mix.best();
            format!("{} {option} {}", mix.name, percent(probability))
        };
        self.mixes.iter().map(said).collect::<Vec<_>>().join(", ")
    }
}

/// Moments of the course that the page shows, as shares of it.
const MOMENTS: [f64; 3] = [0.25, 0.5, 0.75];

/// The section of the page.
pub(super) fn draw(learned: &Learned) -> Markup {
    html! {
        p { "The supernet was " (learned.end) "." @for latency in &learned.latencies { (expected(latency)) } }
        div.wide { table.bars {
            thead { tr { th scope="col" { "Choice" } th scope="col" { "Operation" } @for moment in MOMENTS { th.number scope="col" { "at " (percent(moment)) } } th.number scope="col" { "in the end" } td {} } }
            tbody { @for mix in &learned.mixes { (rows(mix)) } }
        } }
        p.note { "Probabilities after a share of the epochs. Networks were proposed in the order of the product of those of their operations." }
    }
}

fn rows(mix: &LearnedMix) -> Markup {
    let last = mix.last();
    html! {
        @for (at, option) in mix.options.iter().enumerate() {
            tr {
                th scope="row" { @if at == 0 { (mix.name) } }
                td { @if *option == mix.best().0 { strong { (option) } } @else { (option) } }
                @for moment in MOMENTS { td.number { (percent(mix.course.get((moment * mix.course.len() as f64) as usize).map_or(0.0, |epoch| epoch[at]))) } }
                td.number { (percent(last[at])) }
                td.bar { (bar(last[at], 1.0)) }
            }
        }
    }
}

/// What became of the expected latency.
fn expected(latency: &LearnedLatency) -> String {
    let (Some(first), Some(last)) = (latency.course_ms.first(), latency.course_ms.last()) else { return String::new() };
    let on = latency.device.as_ref().map(|device| format!(" on {device}")).unwrap_or_default();
    format!(
        " Expected latency{on}: {} after the first epoch, {} in the end.",
        milliseconds(*first),
        milliseconds(*last)
    )
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A line for a terminal: a name and what is said.
pub(super) fn text(learned: &Learned) -> (String, String) {
    ("learned".to_owned(), learned.said())
}
