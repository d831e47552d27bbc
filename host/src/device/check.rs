//! What a device has and lacks, step by step, from the first packet to a runtime that works. Each step says what was found, or what
//! is missing and what to do; the first that nothing can go on without ends the chain.

mod machine;

use edgefit_protocol::runtime::RuntimeName;
use serde::Serialize;

use super::transport::{Facts, Transport, TransportError};
use super::{Device, DeviceError, Entry, Registry, agents};
use crate::error::Result;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something there makes measurements worse.
    Warning,
    /// It does not work.
    Missing,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is looked at.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: Option<String>,
}

impl Step {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    fn warning(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    fn missing(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Missing, found: found.into(), fix: Some(fix.into()) }
    }
}

/// Walks the chain of one device, telling each step; whether nothing is missing.
///
/// # Errors
/// When the entry cannot be used at all.
pub fn check(name: &str, entry: &Entry, registry: &Registry, tell: &mut dyn FnMut(Step)) -> Result<bool> {
    let mut transport = registry.transport(name, entry)?;
    let facts = match transport.look() {
        Ok(facts) => facts,
        Err(error) => {
            tell(unreached(&error));
            return Ok(false);
        }
    };
    if let Some(facts) = &facts {
        of_shell(facts, entry, transport.as_ref()).into_iter().for_each(&mut *tell);
    }
    match Device::connect(transport, entry.device_options()) {
        Ok(mut device) => of_agent(&mut device, facts.is_none(), tell),
        Err(error) => {
            tell(no_agent(&error));
            Ok(false)
        }
    }
}

/// ssh and adb say in one breath whether the device is there and whether it lets us in.
fn unreached(error: &TransportError) -> Step {
    let is_refused = ["Permission denied", "authentication", "unauthorized", "Host key"]
        .iter()
        .any(|mark| error.message.contains(mark));
    let name = if is_refused { "key accepted" } else { "reachable" };
    let fix = error.fix.clone().unwrap_or_else(|| "is it on, and in the same network?".to_owned());
    Step::missing(name, error.message.clone(), fix)
}

/// What the device's shell told.
fn of_shell(facts: &Facts, entry: &Entry, transport: &dyn Transport) -> Vec<Step> {
    let targets = entry.target.clone().map_or_else(|| facts.targets(), |target| vec![target]);
    let libc = facts.libc.clone().or_else(|| facts.android_api.map(|api| format!("Android, API level {api}")));
    let page = facts.page_bytes.map(|bytes| format!(", pages of {} KiB", bytes / 1024)).unwrap_or_default();
    vec![
        Step::ok("reachable", transport.url()),
        Step::ok("key accepted", "the account runs commands"),
        Step::ok("architecture", format!("{} {}", facts.system, facts.machine)),
        Step::ok("libc, page size", format!("{}{page}", libc.unwrap_or_else(|| "not told".to_owned()))),
        space(facts.free_kib),
        agent_here(&targets),
    ]
}

/// Least room that is comfortable: an agent, a runtime's library and some models.
const ROOM_KIB: u64 = 200 * 1024;

fn space(free_kib: Option<u64>) -> Step {
    match free_kib {
        None => Step::ok("space", "not told"),
        Some(kib) if kib < ROOM_KIB => Step::warning(
            "space",
            format!("{} MiB free", kib / 1024),
            "make room: agent, library and models take up to 200 MiB; or name another folder by --folder",
        ),
        Some(kib) => Step::ok("space", format!("{} MiB free", kib / 1024)),
    }
}

fn agent_here(targets: &[String]) -> Step {
    match (agents::find(targets), targets.first()) {
        (Some(file), _) => Step::ok("agent here", file.path.display().to_string()),
        (None, Some(best)) => Step::missing(
            "agent here",
            format!("none for {}", targets.join(" or ")),
            format!("edgefit agent build --target {best}"),
        ),
        (None, None) => {
            Step::missing("agent here", "there is none for such a device", "take a device with Linux or Android")
        }
    }
}

fn no_agent(error: &DeviceError) -> Step {
    let text = error.to_string();
    let (found, fix) = text.split_once("\nto fix it: ").unwrap_or((&text, "see the message"));
    Step::missing("agent", found, fix)
}

/// What the agent told.
fn of_agent(device: &mut Device, is_first: bool, tell: &mut dyn FnMut(Step)) -> Result<bool> {
    let info = device.info().clone();
    if is_first {
        tell(Step::ok("reachable", info.url.clone()));
        machine::description(&info.description).into_iter().for_each(&mut *tell);
    }
    tell(Step::ok("agent", format!("version {}, the same protocol", info.agent_version)));
    if let Some(emulator) = &info.description.emulator {
        tell(Step::warning(
            "processor",
            format!("emulated by {emulator}"),
            "times here mean nothing; measure on a real board",
        ));
    }
    let mut runs = false;
    for runtime in RuntimeName::ALL {
        let step = runtime_step(device, runtime)?;
        runs |= step.verdict == Verdict::Ok;
        tell(step);
    }
    let state = device.state()?;
    let steps = machine::state(&state, &info.description).into_iter();
    // The shell has told of space already.
    steps.filter(|step| is_first || step.name != "space").for_each(tell);
    Ok(runs)
}

fn runtime_step(device: &mut Device, runtime: RuntimeName) -> Result<Step> {
    match device.probe(runtime, None) {
        Ok(found) => {
            let library = found.library.map(|library| format!(", {library}")).unwrap_or_default();
            Ok(Step::ok(name_of(runtime), format!("{}{library}", found.version)))
        }
        Err(DeviceError::Job { device, cause }) => {
            let (found, fix) = (cause.to_string(), format!("{device} works without it, by another runtime"));
            Ok(Step::warning(name_of(runtime), found, fix))
        }
        Err(error) => Err(error.into()),
    }
}

fn name_of(runtime: RuntimeName) -> &'static str {
    match runtime {
        RuntimeName::Tract => "runtime tract",
        RuntimeName::Ort => "runtime ort",
    }
}

#[cfg(test)]
mod tests {
    use super::super::transport::Trouble;
    use super::*;

    #[test]
    fn a_refused_key_is_not_an_unreachable_device() {
        let refused = TransportError::lasting("ssh: Permission denied (publickey).", "ssh-copy-id pi");
        let step = unreached(&refused);
        assert_eq!((step.name, step.verdict), ("key accepted", Verdict::Missing));
        assert_eq!(unreached(&TransportError::passing(Trouble::Absent, "timed out")).name, "reachable");
    }

    #[test]
    fn an_agent_that_is_not_here_says_how_to_build_it() {
        let step = agent_here(&["riscv64gc-unknown-linux-gnu".to_owned()]);
        assert_eq!(step.verdict, Verdict::Missing);
        assert!(step.fix.is_some_and(|fix| fix.contains("--target riscv64gc-unknown-linux-gnu")));
        assert_eq!(space(Some(1024)).verdict, Verdict::Warning);
        assert_eq!(space(Some(ROOM_KIB)).verdict, Verdict::Ok);
    }
}
