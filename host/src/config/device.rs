//! `[device]`: where candidates are measured, and how.

use edgefit_protocol::job::Affinity;
use edgefit_protocol::limits;
use edgefit_protocol::runtime::RuntimeName;
use serde::{Serialize, Serializer};

use super::goals::{Constraints, Objectives};
use super::section::Section;
use crate::bench::Preset;
use crate::device::Entry;
use crate::error::{Error, ErrorKind};

/// What a search does when its device is lost and does not come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// It stops, and can be resumed.
    #[default]
    Stop,
    /// It goes on with what the latency table predicts, and stops before the finalists, which have to be measured.
    Predict,
}

/// The device of a run and how it runs models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceConfig {
    /// Its name in the device registry; `local` is this machine.
    pub name: String,
    /// What runs the model.
    pub runtime: RuntimeName,
    /// Threads that run one operator together.
    pub threads: u32,
    /// Cores that the model may run on; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_affinity")]
    pub affinity: Option<Affinity>,
    /// How the winner is measured at the end.
    pub preset: Preset,
    /// What a search does without the device.
    pub on_loss: OnLoss,
    /// What counts on this device and on no other, or in place of what counts on all.
    #[serde(skip_serializing_if = "Objectives::is_empty")]
    pub objectives: Objectives,
    /// What has to hold on this device, in place of what has to hold on all.
    #[serde(skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// Keys that were left to the device's entry in the registry.
    #[serde(skip)]
    pub left_out: Vec<&'static str>,
}

impl DeviceConfig {
    /// A device, and what is said of how it runs models.
    pub fn named(name: String, runtime: Option<RuntimeName>, threads: Option<u32>) -> Self {
        let open = [("runtime", runtime.is_none()), ("threads", threads.is_none()), ("affinity", true)];
        Self {
            name,
            runtime: runtime.unwrap_or(RuntimeName::Tract),
            threads: threads.unwrap_or(1),
            affinity: None,
            preset: Preset::Quick,
            on_loss: OnLoss::Stop,
            objectives: Objectives::default(),
            constraints: Constraints::default(),
            left_out: open.into_iter().filter(|(_, is_open)| *is_open).map(|(key, _)| key).collect(),
        }
    }

    /// Its name and how it runs models, such as `pi (tract, 4 threads)`.
    pub fn in_words(&self) -> String {
        let threads = if self.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", self.threads) };
        let cores = self.affinity.as_ref().map(|cores| format!(", cores {cores}")).unwrap_or_default();
        format!("{} ({}, {threads}{cores})", self.name, self.runtime.name())
    }

    /// Whether a search goes on after this failure of the device.
    pub fn goes_on_without(&self, error: &Error) -> bool {
        self.on_loss == OnLoss::Predict && error.kind == ErrorKind::Device
    }

    /// Takes what was left out from the device's entry, where that says it.
    pub fn complete(&mut self, entry: &Entry) {
        for key in std::mem::take(&mut self.left_out) {
            match key {
                "runtime" => self.runtime = entry.runtime.unwrap_or(self.runtime),
                "threads" => self.threads = entry.threads.unwrap_or(self.threads),
                _ => self.affinity = entry.cores(),
            }
        }
    }

    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let runtimes = RuntimeName::ALL.map(|runtime| (runtime.name(), runtime));
        let presets = Preset::ALL.map(|preset| (preset.name(), preset));
        let keys = ["runtime", "threads", "affinity"];
        let left_out = keys.into_iter().filter(|key| !section.has(key)).collect();
        let runtime = section.choice("runtime", RuntimeName::Tract, &runtimes);
        Self {
            name: section.text("name", "local"),
            runtime,
            threads: u32::try_from(section.count("threads", 1, 1..=limits::MAX_THREADS as usize)).unwrap_or(1),
            affinity: read_affinity(section),
            preset: section.choice("preset", Preset::Quick, &presets),
            on_loss: section.choice("on_loss", OnLoss::Stop, &[("stop", OnLoss::Stop), ("predict", OnLoss::Predict)]),
            objectives: Objectives::default(),
            constraints: Constraints::default(),
            left_out,
        }
    }
}

fn read_affinity(section: &mut Section<'_, '_>) -> Option<Affinity> {
    if !section.has("affinity") {
        return None;
    }
    let text = section.text("affinity", "any");
    let affinity = parse_affinity(&text);
    if affinity.is_none() && !text.is_empty() {
        let help = Some("write \"big\", \"little\", or core numbers such as \"0-3\" or \"0,2\"".to_owned());
        section.wrong_value("affinity", "names no cores", help);
    }
    affinity
}

/// `any`, `big`, `little`, or cores by number: `0-3`, `0,2`, `1,4-5`.
pub(crate) fn parse_affinity(text: &str) -> Option<Affinity> {
    match text {
        "any" => Some(Affinity::Any),
        "big" => Some(Affinity::Big),
        "little" => Some(Affinity::Little),
        cores => {
            cores.split(',').map(parse_cores).collect::<Option<Vec<_>>>().map(|cores| Affinity::Cores(cores.concat()))
        }
    }
}

/// `3` or `0-3`.
fn parse_cores(text: &str) -> Option<Vec<u32>> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|core| (*core as usize) < limits::MAX_CORES);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| (first..=last).collect())
}

fn write_affinity<S: Serializer>(affinity: &Option<Affinity>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(affinity.as_ref().unwrap_or(&Affinity::Any))
}
