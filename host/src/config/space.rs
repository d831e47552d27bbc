//! `[space]`: the search space and its settings, which belong to the search crate; here they only get their lines.
//!
//! A space of the user's own is a file that `file` names. What is wrong in it is told with the line of that file.

use std::fs;
use std::path::Path;

use edgefit_graph::Shape;
use edgefit_search::space::{Definition, DefinitionFault};
use edgefit_search::{SpaceError, SpaceSettings, Task, space};

use super::document::Document;
use super::problem::ConfigError;
use super::section::Section;
use super::suggestion::{listed, nearest};

/// The preset of a complete search file whose space is defined in it.
const CUSTOM: &str = "custom";

/// Reads `[space]`.
pub(super) fn read(section: &mut Section<'_, '_>) -> SpaceSettings {
    if section.has("file") {
        return read_file(section);
    }
    let mut presets: Vec<(&str, &str)> = space::names().map(|name| (name, name)).collect();
    if section.has("definition") {
        presets.push((CUSTOM, CUSTOM));
    }
    let Some(preset) = section.required_choice("preset", &presets) else {
        return SpaceSettings::preset("");
    };
    let settings = section.decode().unwrap_or_else(|| SpaceSettings::preset(preset));
    check(section, &settings, &["definition".to_owned()]);
    settings
}

/// Reads the file of the user's own space.
fn read_file(section: &mut Section<'_, '_>) -> SpaceSettings {
    let nothing = SpaceSettings::preset("");
    if section.has("preset") {
        section.wrong_key("preset", "stands beside `file`", Some("give one of them".to_owned()));
        section.settle_all();
        return nothing;
    }
    let path = section.document().beside(&section.text("file", ""));
    match load(&path) {
        Ok(settings) => settings,
        Err(ConfigError::Invalid(problems)) => {
            section.document().adopt(&problems);
            nothing
        }
        Err(ConfigError::Read { path, source }) => {
            let help = Some("name a file like host/examples/spaces/my-space.toml, below this one's folder".to_owned());
            section.wrong_value("file", &format!("{} cannot be read: {source}", path.display()), help);
            nothing
        }
    }
}

/// The space that a file defines.
///
/// # Errors
/// Everything that is wrong with the file, or that it cannot be read.
pub(crate) fn load(path: &Path) -> Result<SpaceSettings, ConfigError> {
    let read = fs::read_to_string(path);
    let text = read.map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let document = Document::new(path, &text, Path::new(""));
    let table = document.table()?;
    let mut top = Section::top(&document, &table);
    let definition: Option<Definition> = top.decode();
    let settings = definition.map(SpaceSettings::custom);
    if let Some(settings) = &settings {
        check(&top, settings, &[]);
    }
    document.check()?;
    // A document without a problem was decoded.
    Ok(settings.unwrap_or_else(|| SpaceSettings::preset(CUSTOM)))
}

/// What the space itself says of its settings, whatever the data are. `prefix` leads to its definition.
fn check(section: &Section<'_, '_>, settings: &SpaceSettings, prefix: &[String]) {
    let any = Task { input: Shape::new([3, 256, 256]), classes: 2 };
    match space::build(settings, &any) {
        Ok(_) => {}
        Err(SpaceError::Setting { key, reason }) => section.wrong_value(key, &reason, None),
        Err(SpaceError::Definition(fault)) => {
            section.wrong_place(&[prefix, &fault.path].concat(), &fault.reason, help(&fault));
        }
        Err(error) => section.wrong_section(&format!("a network of it cannot be built: {error}"), None),
    }
}

fn help(fault: &DefinitionFault) -> Option<String> {
    let known: Vec<&str> = fault.known.iter().map(String::as_str).collect();
    let near = fault.typed.as_deref().and_then(|typed| nearest(typed, known.iter().copied()));
    match (near, known.is_empty()) {
        (Some(near), _) => Some(format!("did you mean `{near}`? There are {}", listed(&known))),
        (None, false) => Some(format!("there are {}", listed(&known))),
        (None, true) => None,
    }
}
