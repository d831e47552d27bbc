//! `edgefit devices list`: names, URLs, and what is said of how each runs models. No device is asked.

use clap::Args;
use serde::Serialize;

use super::output;
use crate::device::{Entry, LOCAL, Registry};
use crate::error::Result;

/// Arguments of `edgefit devices list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The list as JSON.
#[derive(Serialize)]
struct Listing {
    schema: &'static str,
    devices: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    #[serde(flatten)]
    entry: Entry,
}

/// Runs the command.
pub(super) fn run(args: &ListArgs, registry: &Registry) -> Result<()> {
    let this = (LOCAL.to_owned(), Entry::of(LOCAL));
    let devices = [this].into_iter().chain(registry.entries()?);
    let devices: Vec<Listed> = devices.map(|(name, entry)| Listed { name, entry: shown(entry) }).collect();
    match args.json {
        true => output::print_json(&Listing { schema: "edgefit-devices/1", devices }),
        false => output::print(&text(&devices)),
    }
}

/// Without the token.
fn shown(entry: Entry) -> Entry {
    let url = entry.device_url().map(|url| url.to_string());
    Entry { url: url.unwrap_or_else(|_| entry.url.clone()), ..entry }
}

fn text(devices: &[Listed]) -> String {
    let widest = |of: fn(&Listed) -> usize| devices.iter().map(of).max().unwrap_or(0);
    let (names, urls) = (widest(|listed| listed.name.len()), widest(|listed| listed.entry.url.len()));
    let line = |listed: &Listed| {
        let Listed { name, entry } = listed;
        format!("{name:names$}  {:urls$}  {}", entry.url, options(entry)).trim_end().to_owned() + "\n"
    };
    devices.iter().map(line).collect()
}

/// What an entry says beside its URL.
fn options(entry: &Entry) -> String {
    let celsius = entry.cool_down_celsius.map(|celsius| format!("cool down to {celsius} °C"));
    let said = [
        entry.runtime.map(|runtime| runtime.name().to_owned()),
        entry.threads.map(|threads| format!("{threads} thread(s)")),
        entry.affinity.as_ref().map(|affinity| format!("cores {affinity}")),
        entry.library.as_ref().map(|library| format!("library {library}")),
        celsius,
        entry.folder.as_ref().map(|folder| format!("folder {folder}")),
        entry.target.clone(),
        entry.emulator.as_ref().map(|emulator| format!("emulated by {emulator}")),
        entry.fixed_performance.then(|| "fixed performance".to_owned()),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
