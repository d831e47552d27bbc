//! What a run leaves for people and programs: `report.html`, `pareto.csv` and `winner.json`.
//!
//! All three are made from plain data that the search gathers; nothing here reads a study, measures or decides.

mod answer;
pub(crate) mod chart;
mod course;
mod data;
mod early_ends;
mod expected;
mod layers;
mod learned;
mod page;
mod pareto_csv;
mod pareto_plot;
mod prediction;
mod reasons;
mod table_page;
mod tables;
mod winner_json;
mod wording;

#[cfg(test)]
pub(crate) mod tests;

pub use data::{
    Candidate, Fact, Layer, OnDevice, Predictor, Profile, ReportData, Span, TrainedEpoch, Untrained, Winner,
};
pub use early_ends::EarlyEnds;
pub use learned::{Learned, LearnedLatency, LearnedMix};
pub use page::html_page;
pub use pareto_csv::pareto_csv;
pub use reasons::text as reasons;
pub use table_page::table_page;
pub use winner_json::{WINNER_SCHEMA, WinnerContext, winner_json};
