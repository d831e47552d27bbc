//! The search file: what a user typed becomes what is meant, once, here.
//!
//! Every section has a file of its own that names its keys, their ranges and what stands for them when they are absent. Nothing
//! here opens a data set, a device or a space; those check for themselves what only they can know.

mod data;
mod device;
mod devices;
mod document;
mod fault;
mod goal_key;
mod goals;
mod metric;
mod problem;
mod section;
mod setting;
mod space;
mod strategy;
mod suggestion;
mod table;
mod training;
mod tune;
mod value;

#[cfg(test)]
mod tests;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use edgefit_search::space::{self as spaces, Space, SpaceError, Task};
use edgefit_search::{GoalError, Goals, SpaceSettings, StrategySettings};
use serde::Serialize;

pub use data::{DataConfig, DataFormat};
pub(crate) use device::parse_affinity;
pub use device::{DeviceConfig, OnLoss};
pub use devices::Devices;
pub use goals::{Constraints, Objectives};
pub use problem::{ConfigError, Problem, Problems};
pub use setting::Setting;
pub(crate) use space::load as load_space;
pub(crate) use suggestion::nearest;
pub use table::TableConfig;
pub(crate) use training::COMPUTES;
pub use training::{EstimateConfig, FinalConfig, Method, Proxy};
pub use tune::TuneConfig;

use document::Document;
use section::Section;

/// The environment variable that names the folder of data sets.
pub const DATA_FOLDER: &str = "EDGEFIT_DATA";

/// A run as it is meant: complete, in range, every path absolute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchConfig {
    /// Decides everything that is drawn by chance; 0 to 2^63 - 1.
    pub seed: u64,
    /// The data set.
    pub data: DataConfig,
    /// The search space.
    pub space: SpaceSettings,
    /// How candidates are proposed.
    pub strategy: StrategySettings,
    /// How a candidate is trained to be judged.
    pub estimate: EstimateConfig,
    /// How the front is trained to the end.
    #[serde(rename = "final")]
    pub finals: FinalConfig,
    /// What of the training is searched together with the network.
    #[serde(skip_serializing_if = "TuneConfig::is_empty")]
    pub tune: TuneConfig,
    /// Where candidates are measured.
    #[serde(flatten)]
    pub devices: Devices,
    /// How the latency table is filled.
    pub table: TableConfig,
    /// What is to be good.
    pub objectives: Objectives,
    /// What has to hold.
    pub constraints: Constraints,
}

impl SearchConfig {
    /// Reads a search file. A relative path in it is taken from the folder that [`DATA_FOLDER`] names, or else from the
    /// folder of the file.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or that it cannot be read.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_with(file, &[])
    }

    /// As [`SearchConfig::load`], with settings in place of what the file says.
    ///
    /// # Errors
    /// As [`SearchConfig::load`], and what is wrong with a setting.
    pub fn load_with(file: &Path, settings: &[Setting]) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ConfigError::Read { path: file.to_owned(), source })?;
        let beside = file.parent().map(Path::to_owned).unwrap_or_default();
        let folder = env::var_os(DATA_FOLDER).map_or(beside, PathBuf::from);
        Self::parse_with(&text, file, &folder, settings)
    }

    /// Reads the text of a search file. `file` is named in errors; relative paths are taken from `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub fn parse(text: &str, file: &Path, folder: &Path) -> Result<Self, ConfigError> {
        Self::parse_with(text, file, folder, &[])
    }

    fn parse_with(text: &str, file: &Path, folder: &Path, settings: &[Setting]) -> Result<Self, ConfigError> {
        // A place at the end of the text is still one of the text.
        let settings = Setting::placed(settings, text.len() + 1);
        let document = Document::new(file, text, folder).with(&settings);
        let table = document.table()?;
        let mut top = Section::top(&document, &table);
        let config = Self::read(&mut top);
        top.finish();
        document.check()?;
        Ok(config)
    }

    fn read(top: &mut Section<'_, '_>) -> Self {
        let seed = top.required_integer("seed", 0..=i64::MAX, "nothing is left to chance: write `seed = 42`");
        let mut devices = Devices::read(top);
        Self {
            seed: seed.unsigned_abs(),
            data: top.section("data", DataConfig::read),
            space: top.section("space", space::read),
            strategy: top.section("strategy", strategy::read),
            estimate: top.section("estimate", EstimateConfig::read),
            finals: top.section("final", FinalConfig::read),
            tune: top.section("tune", TuneConfig::read),
            table: top.section("table", TableConfig::read),
            objectives: top.section("objectives", |section| Objectives::read(section, &mut devices)),
            constraints: top.section("constraints", |section| Constraints::read(section, &mut devices)),
            devices,
        }
    }

    /// The space that is searched, for a task: networks, and what of the training is tuned with them.
    ///
    /// # Errors
    /// As [`spaces::build`].
    pub fn space_for(&self, task: &Task) -> Result<Box<dyn Space>, SpaceError> {
        Ok(spaces::tuned(spaces::build(&self.space, task)?, self.tune.choices()))
    }

    /// What is to be good and what has to hold, on each device, as the search takes it.
    pub fn goals(&self) -> Goals {
        self.possible_goals().expect("what was read was checked, and so was another choice of devices")
    }

    /// Takes the devices of these names instead of the file's, each used as the file says of it, or else as it says of its first.
    ///
    /// # Errors
    /// When they leave nothing that is to be good.
    pub fn choose_devices(&mut self, names: &[String]) -> Result<(), GoalError> {
        self.devices.choose(names);
        self.possible_goals().map(|_| ())
    }

    fn possible_goals(&self) -> Result<Goals, GoalError> {
        let Self { devices, objectives, constraints, .. } = self;
        let goals = Goals::new(devices.objectives(objectives), devices.constraints(constraints))?;
        goals.aiming_at(devices.targets(objectives))
    }

    /// The complete search file; reading it gives the same configuration.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field is text, a number, a flag or a table of those")
    }
}
