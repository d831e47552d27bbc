//! `[device]`, or several `[[devices]]`: everything that a search measures on, and what has to hold there.
//!
//! With several, each metric that a device decides is an objective of its own on each of them, and each of them has to keep its bounds.

use std::collections::BTreeSet;

use edgefit_search::{Constraint, Metric, Objective, Target};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::device::DeviceConfig;
use super::goals::{Constraints, Objectives};
use super::section::Section;

/// Most devices of one search.
const MAX_DEVICES: usize = 16;

/// The devices of a search; of one that was read at least one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Devices(Vec<DeviceConfig>);

impl Devices {
    pub(super) fn read(top: &mut Section<'_, '_>) -> Self {
        if !top.has("devices") {
            return Self(vec![top.section("device", DeviceConfig::read)]);
        }
        if top.has("device") {
            let help = Some("name each device in a `[[devices]]` of its own".to_owned());
            top.wrong_key("device", "cannot stand beside `[[devices]]`", help);
            top.settle("device");
        }
        let devices = Self(top.sections("devices", MAX_DEVICES, |section| DeviceConfig {
            objectives: section.section("objectives", Objectives::read_of_device),
            constraints: section.section("constraints", Constraints::read_of_device),
            ..DeviceConfig::read(section)
        }));
        if let Some(twice) = devices.twice() {
            let help = Some("two entries of one device differ in their runtime, threads or cores".to_owned());
            top.wrong_key("devices", &format!("`{twice}` is there twice"), help);
        }
        devices
    }

    /// The devices in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &DeviceConfig> {
        self.0.iter()
    }

    /// The device at a position, which there has to be.
    pub(super) fn at(&mut self, position: usize) -> &mut DeviceConfig {
        &mut self.0[position]
    }

    /// To complete them from what the registry says.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut DeviceConfig> {
        self.0.iter_mut()
    }

    /// The first device: where the accuracy of the winner is tested.
    pub fn first(&self) -> &DeviceConfig {
        &self.0[0]
    }

    /// Number of devices.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes the devices of these names instead, each used as the file says of it, or else as it says of its first; no names change
    /// nothing.
    pub(super) fn choose(&mut self, names: &[String]) {
        let of_name = |name: &String| {
            let listed: Vec<DeviceConfig> = self.0.iter().filter(|device| device.name == *name).cloned().collect();
            let renamed = DeviceConfig { name: name.clone(), ..self.first().clone() };
            if listed.is_empty() { vec![renamed] } else { listed }
        };
        if !names.is_empty() {
            self.0 = names.iter().flat_map(of_name).collect();
        }
    }

    /// What each is called: its name, and with another of that name also how it runs models.
    pub fn labels(&self) -> Vec<String> {
        let is_shared = |device: &DeviceConfig| self.0.iter().filter(|other| other.name == device.name).count() > 1;
        let label = |device: &DeviceConfig| match is_shared(device) {
            true => device.in_words(),
            false => device.name.clone(),
        };
        self.0.iter().map(label).collect()
    }

    /// A device that is there twice, used in the same way.
    pub fn twice(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        self.labels().into_iter().find(|label| !seen.insert(label.clone()))
    }

    /// Objectives of each device in place of one for all.
    pub(super) fn objectives(&self, common: &Objectives) -> Vec<Objective> {
        self.spread(&common.metrics, |device| &device.objectives.metrics)
    }

    /// Targets of each device in place of one for all.
    pub(super) fn targets(&self, common: &Objectives) -> Vec<Target> {
        self.spread(&common.targets, |device| &device.objectives.targets)
    }

    /// Bounds of each device in place of one for all.
    pub(super) fn constraints(&self, common: &Constraints) -> Vec<Constraint> {
        self.spread(&common.0, |device| &device.constraints.0)
    }

    /// What is said of all on each device that does not say it itself, then what each says itself. What no device decides is with the
    /// first.
    fn spread<T: OnDevice>(&self, common: &[T], own: impl Fn(&DeviceConfig) -> &[T]) -> Vec<T> {
        let numbered = || (0_u8..).zip(&self.0);
        let on_each = |one: &T| {
            let one = *one;
            let counts = move |number: u8, device: &DeviceConfig| match one.metric().is_of_device() {
                true => !one.is_replaced(device),
                false => number == 0,
            };
            let here = numbered().filter(move |(number, device)| counts(*number, device));
            here.map(move |(number, _)| one.on(number))
        };
        let its_own = numbered().flat_map(|(number, device)| own(device).iter().map(move |one| one.on(number)));
        common.iter().flat_map(on_each).chain(its_own).collect()
    }
}

/// What is said of a metric on a device.
trait OnDevice: Copy {
    fn metric(&self) -> Metric;
    /// The same on the device of this number.
    fn on(&self, device: u8) -> Self;
    /// Whether a device says it itself.
    fn is_replaced(&self, device: &DeviceConfig) -> bool;
}

impl OnDevice for Objective {
    fn metric(&self) -> Metric {
        self.metric
    }

    fn on(&self, device: u8) -> Self {
        Self { device, ..*self }
    }

    fn is_replaced(&self, device: &DeviceConfig) -> bool {
        device.objectives.has(self.metric)
    }
}

impl OnDevice for Target {
    fn metric(&self) -> Metric {
        self.metric
    }

    fn on(&self, device: u8) -> Self {
        Self { device, ..*self }
    }

    fn is_replaced(&self, device: &DeviceConfig) -> bool {
        device.objectives.has(self.metric)
    }
}

impl OnDevice for Constraint {
    fn metric(&self) -> Metric {
        self.metric
    }

    fn on(&self, device: u8) -> Self {
        Self { device, ..*self }
    }

    fn is_replaced(&self, device: &DeviceConfig) -> bool {
        device.constraints.of(self.metric).is_some()
    }
}

impl Serialize for Devices {
    /// One as `[device]`, several as `[[devices]]`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0.as_slice() {
            [device] => map.serialize_entry("device", device)?,
            devices => map.serialize_entry("devices", devices)?,
        }
        map.end()
    }
}
