//! The page as a whole: one HTML file that needs nothing else, reads well on paper, and runs no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::data::{Candidate, ReportData, Winner};
use super::{answer, course, expected, layers, learned, pareto_plot, prediction, reasons, tables, wording};

const STYLE: &str = include_str!("style.css");

/// The HTML of a report.
pub fn html_page(data: &ReportData) -> String {
    let body = html! {
        (header(data))
        main { (sections(data)) }
    };
    let sources = "Measured: observed on the device. Predicted: by the latency table, before measuring. Computed: follows from the network alone.";
    document(&format!("edgefit: {}", data.run), &body, &format!("Made by edgefit {}. {sources}", data.edgefit_version))
}

/// A page with the project's style; `foot` is its last line.
pub(super) fn document(title: &str, body: &Markup, foot: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                footer { p { (foot) } }
            }
        }
    };
    page.into_string()
}

fn header(data: &ReportData) -> Markup {
    html! {
        header {
            p.run { (data.run) " · " (wording::moment(&data.started)) }
            (answer::draw(data))
        }
    }
}

fn sections(data: &ReportData) -> Markup {
    html! {
        (section("What was found", pareto_plot::draw(data)))
        (section("The best networks", networks(data)))
        div.columns {
            (section("Predicted against measured", html! { (prediction::draw(data)) (expected::draw(&data.candidates)) }))
            (section("How the search went", html! {
                (course::hypervolume(data))
                h3 { "What became of the proposals" }
                (tables::proposals(data))
                h3 { "Where the time went" }
                (tables::phases(&data.phases))
                @if let Some(early) = &data.early_ends { p { "Of the candidates: " (early.said()) "." } }
            }))
        }
        @if let Some(learned) = &data.learned { (section("What the supernet learned", learned::draw(learned))) }
        (section("Which choices mattered", reasons::draw(data)))
        @if let Some(winner) = &data.winner { (inside(data, winner)) }
        (section("Device, settings, and how to do it again", again(data)))
    }
}

pub(super) fn section(title: &str, content: Markup) -> Markup {
    html! { section.panel { h2 { (title) } (content) } }
}

fn networks(data: &ReportData) -> Markup {
    let finalists: Vec<&Candidate> = data.finalists.iter().collect();
    let front: Vec<&Candidate> = data.candidates.iter().filter(|candidate| candidate.is_front).collect();
    html! {
        @if !finalists.is_empty() { h3 { "Trained to the end" } (tables::networks(data, &finalists)) }
        h3 { "Front of the trials, after a short training" }
        (tables::networks(data, &front))
        p.note { "Small print is the 95 % interval. ≈ marks what is predicted and was not measured. Accuracies are those of the validation images, except the winner's, which alone was tested on the test images." }
    }
}

fn inside(data: &ReportData, winner: &Winner) -> Markup {
    html! {
        (section("Where the winner spends its time", layers::draw(data, winner)))
        (section("The winner's last training", course::training(&winner.training)))
    }
}

fn again(data: &ReportData) -> Markup {
    html! {
        @for device in &data.devices { (tables::facts(&device.facts)) }
        dl { div { dt { "Data" } dd { (data.data) } } div { dt { "Space" } dd { (data.space) } } }
        h3 { "search.toml, complete" }
        pre { code { (data.settings) } }
        h3 { "The same again" }
        pre { code { @for command in &data.reproduce { (command) "\n" } } }
    }
}
