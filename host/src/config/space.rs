//! `[space]`: the search space and its settings, which belong to the search crate; here they only get their lines.

use edgefit_graph::Shape;
use edgefit_search::{SpaceError, SpaceSettings, Task, space};

use super::section::Section;

/// Reads `[space]`.
pub(super) fn read(section: &mut Section<'_, '_>) -> SpaceSettings {
    if section.has("file") {
        let help = Some("choose a `preset`".to_owned());
        section.wrong_key("file", "a space of one's own is not in this version", help);
        section.settle_all();
        return SpaceSettings::preset("");
    }
    let presets: Vec<(&str, &str)> = space::names().map(|name| (name, name)).collect();
    let Some(preset) = section.required_choice("preset", &presets, &[]) else {
        return SpaceSettings::preset("");
    };
    let settings = section.decode().unwrap_or_else(|| SpaceSettings::preset(preset));
    check(section, &settings);
    settings
}

/// What the space itself says of its settings, whatever the data are.
fn check(section: &Section<'_, '_>, settings: &SpaceSettings) {
    let any = Task { input: Shape::new([3, 256, 256]), classes: 2 };
    if let Err(SpaceError::Setting { key, reason }) = space::build(settings, &any) {
        section.wrong_value(key, &reason, None);
    }
}
