//! `[strategy]`: how candidates are proposed and how many; the settings belong to the search crate, here they get their lines.

use edgefit_search::StrategySettings;
use edgefit_search::strategy::{self, StrategyError};

use super::section::Section;

/// Most candidates that a run trains.
const MOST_TRIALS: usize = 100_000;

/// What people look for among strategies and find in `[estimate]`.
const ONE_SHOT: &str = "one-shot";

/// Reads `[strategy]`.
pub(super) fn read(section: &mut Section<'_, '_>) -> StrategySettings {
    let standard = StrategySettings::default();
    if section.get("name").and_then(|name| name.get_ref().as_str()) == Some(ONE_SHOT) {
        let help = "name the strategy that is to search, and write `method = \"one-shot\"` in [estimate]".to_owned();
        section.wrong_value("name", "shared weights estimate accuracy, under any strategy", Some(help));
        section.settle_all();
        return standard;
    }
    let names = strategy::names().chain(strategy::names_by_gradient());
    let names: Vec<(&str, &str)> = names.map(|name| (name, name)).collect();
    if section.has("name") && section.required_choice("name", &names).is_none() {
        section.settle_all();
        return standard;
    }
    section.count("trials", 1, 1..=MOST_TRIALS);
    let mut settings: StrategySettings = section.decode().unwrap_or(standard);
    check(section, &settings);
    // A run folder's copy of the file means the same run from wherever it is read.
    settings.warm_start = settings
        .warm_start
        .map(|folder| std::path::absolute(&folder).map_or(folder, |path| path.to_string_lossy().into_owned()));
    settings
}

/// What the strategy itself says of its settings.
fn check(section: &Section<'_, '_>, settings: &StrategySettings) {
    if let Err(StrategyError::Setting { key, reason }) = strategy::build(settings) {
        section.wrong_value(key, &reason, None);
    }
}
