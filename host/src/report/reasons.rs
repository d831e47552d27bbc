//! What mattered: how much each choice had to do with each objective, and what the best networks have in common; for the page, and as
//! text for the end of a search.

use edgefit_search::Metric;
use edgefit_search::explain::{Effect, Explanation};
use maud::{Markup, html};

use super::data::ReportData;
use super::learned;
use super::tables::bar;
use super::wording;

/// Choices that are shown of each objective.
const SHOWN: usize = 6;

/// Choices that the text names of each objective, and options in common.
const NAMED: usize = 3;

/// Shares below this are not worth a line.
const LEAST_SHARE: f64 = 0.01;

/// Below this share of explained variance, nothing is said to matter.
const CLEAR: f64 = 0.1;

/// The section of the page.
pub(super) fn draw(data: &ReportData) -> Markup {
    html! {
        @for (device, metric, explanation) in explanations(data) {
            h3 { (wording::name(metric)) (data.on(device, metric)) }
            @if is_clear(explanation) { (effects(metric, explanation)) } @else {
                p { "What the choices have to do with it cannot be told from " (explanation.networks) " networks." }
            }
        }
        @if explanations(data).next().is_none() { p { "Too few networks were trained to tell which choices mattered." } }
        @if !data.in_common.is_empty() {
            h3 { "What the front has in common" }
            ul { @for common in &data.in_common {
                li { (common.choice) " " strong { (common.option) } ": " (percent(common.share)) " of the front, " (percent(common.of_all)) " of all trained networks" }
            } }
        }
        p.note { "A choice's share is how much the value varies with it alone, averaged over all others, by a random forest over the trained networks (functional analysis of variance). It says what went along with the value, not what caused it." }
    }
}

/// What is explained, with the device and the metric.
fn explanations(data: &ReportData) -> impl Iterator<Item = (u8, Metric, &Explanation)> {
    data.numbered().flat_map(|(number, device)| {
        device.explanations.iter().map(move |(metric, explanation)| (number, *metric, explanation))
    })
}

fn effects(metric: Metric, explanation: &Explanation) -> Markup {
    let shown: Vec<&Effect> =
        explanation.effects.iter().take(SHOWN).filter(|effect| effect.share >= LEAST_SHARE).collect();
    let most = shown.first().map_or(0.0, |effect| effect.share);
    html! {
        div.wide { table.bars {
            thead { tr { th scope="col" { "Choice" } th.number scope="col" { "Share" } td {} th scope="col" { "Mean under each option, best first" } } }
            tbody { @for effect in &shown {
                tr {
                    th scope="row" { (effect.choice) }
                    td.number { (percent(effect.share)) }
                    td.bar { (bar(effect.share, most)) }
                    td { (options(metric, effect)) }
                }
            } }
        } }
        p.note { "Learned from " (explanation.networks) " networks; it explains " (percent(explanation.explained)) " of the differences between networks that it did not see." }
    }
}

/// `k5 98.10 %, k3 97.20 %`.
fn options(metric: Metric, effect: &Effect) -> String {
    let told = |(label, value): &(String, f64)| format!("{label} {}", wording::quantity(metric, *value));
    best_first(metric, effect).iter().map(told).collect::<Vec<_>>().join(", ")
}

fn best_first(metric: Metric, effect: &Effect) -> Vec<(String, f64)> {
    let mut options = effect.options.clone();
    let loss = |value: f64| edgefit_search::Objective::of(metric).loss(value);
    options.sort_by(|a, b| loss(a.1).total_cmp(&loss(b.1)));
    options
}

fn is_clear(explanation: &Explanation) -> bool {
    explanation.explained >= CLEAR
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A few lines for a terminal: a name and what is said; none where nothing is clear.
pub fn text(data: &ReportData) -> Vec<(String, String)> {
    let spared = data.early_ends.iter().map(|early| ("spared".to_owned(), early.said()));
    let mut lines: Vec<(String, String)> = data.learned.iter().map(learned::text).chain(spared).collect();
    for (device, metric, explanation) in explanations(data).filter(|(.., explanation)| is_clear(explanation)) {
        let named = explanation.effects.iter().take(NAMED).filter(|effect| effect.share >= LEAST_SHARE);
        let told = |effect: &Effect| {
            let best = best_first(metric, effect).first().map(|(label, _)| label.clone()).unwrap_or_default();
            format!("{} {} ({best} best)", effect.choice, percent(effect.share))
        };
        let told: Vec<String> = named.map(told).collect();
        if !told.is_empty() {
            lines
                .push(("mattered".to_owned(), format!("for {metric}{}: {}", data.on(device, metric), told.join(", "))));
        }
    }
    let common = data.in_common.iter().take(NAMED);
    let common: Vec<String> =
        common.map(|common| format!("{} {} ({} of it)", common.choice, common.option, percent(common.share))).collect();
    if !common.is_empty() {
        lines.push(("front".to_owned(), format!("has in common: {}", common.join(", "))));
    }
    lines
}
