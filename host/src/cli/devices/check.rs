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

/// The schema of [`Checked`] on its own.
const SCHEMA: &str = "edgefit-device-check/1";

/// What was found, as JSON.
#[derive(Serialize)]
struct Checked<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    name: &'a str,
    ok: bool,
    steps: Vec<Step>,
}

/// What was found of a pool, as JSON.
#[derive(Serialize)]
struct CheckedPool<'a> {
    schema: &'static str,
    name: &'a str,
    ok: bool,
    devices: Vec<Checked<'a>>,
}

/// Runs the command; the members of a pool one after the other.
pub(super) fn run(args: &CheckArgs, registry: &Registry) -> Result<()> {
    let entry = registry.entry(&args.name)?;
    let members = registry.members(&args.name, &entry)?;
    let name = args.name.as_str();
    if members.is_empty() {
        let checked = Checked { schema: Some(SCHEMA), ..check_one(args, name, &entry, registry)? };
        if args.json {
            output::print_json(&checked)?;
        }
        return verdict(&[checked]);
    }
    let mut devices = Vec::with_capacity(members.len());
    for (name, entry) in &members {
        if !args.json {
            output::print(&format!("{name}:\n"))?;
        }
        devices.push(check_one(args, name, entry, registry)?);
    }
    let verdict = verdict(&devices);
    if args.json {
        output::print_json(&CheckedPool { schema: "edgefit-pool-check/1", name, ok: verdict.is_ok(), devices })?;
    }
    verdict
}

fn verdict(checked: &[Checked<'_>]) -> Result<()> {
    let lacking: Vec<&str> = checked.iter().filter(|one| !one.ok).map(|one| one.name).collect();
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Device, format!("{} cannot be measured on yet", lacking.join(", ")))),
    }
}

/// Prints the steps as they are taken, unless it is to be JSON.
fn check_one<'a>(args: &CheckArgs, name: &'a str, entry: &Entry, registry: &Registry) -> Result<Checked<'a>> {
    let mut steps = Vec::new();
    let mut failed = None;
    let mut tell = |step: Step| {
        if !args.json && failed.is_none() {
            failed = output::print(&line(&step)).err();
        }
        steps.push(step);
    };
    let ok = check(name, entry, registry, &mut tell)?;
    failed.map_or(Ok(Checked { schema: None, name, ok, steps }), Err)
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
