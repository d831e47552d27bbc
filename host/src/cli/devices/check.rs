//! `edgefit devices check`: each step of the way to a device as a line, with what to do where something is missing.

use clap::Args;
use serde::Serialize;

use super::output;
use crate::device::check::{Step, Verdict, check};
use crate::device::{Entry, Registry};
use crate::error::{Error, ErrorKind, Result};

/// Arguments of `edgefit devices check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Its name, or its URL
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found, as JSON.
#[derive(Serialize)]
struct Checked<'a> {
    schema: &'static str,
    name: &'a str,
    ok: bool,
    steps: Vec<Step>,
}

/// Runs the command; the members of a pool one after the other.
pub(super) fn run(args: &CheckArgs, registry: &Registry) -> Result<()> {
    let entry = registry.entry(&args.name)?;
    let members = match entry.members() {
        names if names.is_empty() => vec![(args.name.clone(), entry)],
        names => names
            .into_iter()
            .map(|name| registry.entry(&name).map(|entry| (name, entry)))
            .collect::<std::result::Result<_, _>>()?,
    };
    let mut lacking = Vec::new();
    for (name, entry) in &members {
        if !check_one(args, name, entry, registry)? {
            lacking.push(name.as_str());
        }
    }
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Device, format!("{} cannot be measured on yet", lacking.join(", ")))),
    }
}

fn check_one(args: &CheckArgs, name: &str, entry: &Entry, registry: &Registry) -> Result<bool> {
    let mut steps = Vec::new();
    let mut failed = None;
    let mut tell = |step: Step| {
        if !args.json && failed.is_none() {
            failed = output::print(&line(&step)).err();
        }
        steps.push(step);
    };
    let ok = check(name, entry, registry, &mut tell)?;
    if let Some(error) = failed {
        return Err(error);
    }
    if args.json {
        output::print_json(&Checked { schema: "edgefit-device-check/1", name, ok, steps })?;
    }
    Ok(ok)
}

fn line(step: &Step) -> String {
    let verdict = match step.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Missing => "missing",
    };
    let fix = step.fix.as_ref().map(|fix| format!("\n{:25}to fix it: {fix}", "")).unwrap_or_default();
    format!("{verdict:8} {:16}{}{fix}\n", step.name, step.found)
}
