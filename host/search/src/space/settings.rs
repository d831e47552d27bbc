//! What a user may say about a space in the table `[space]`; whatever is left out follows from the task.

use serde::{Deserialize, Serialize};

use super::custom::Definition;
use super::error::SpaceError;

/// Largest number of stages of a network.
pub(crate) const MAX_STAGES: usize = 8;

/// Largest number of options of one choice.
pub(crate) const MAX_OPTIONS: usize = 64;

/// Largest width, kernel, expansion or depth that may be asked for.
const MAX_VALUE: usize = 4096;

/// The table `[space]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceSettings {
    /// Which space.
    pub preset: String,
    /// Number of stages; each but the first halves the resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<usize>,
    /// Numbers of channels to choose from, for all stages or for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<PerStage>,
    /// Kernel extents to choose from, each odd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Vec<usize>>,
    /// By how much a block widens inside, to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expansions: Option<Vec<usize>>,
    /// Numbers of layers or blocks of a stage to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depths: Option<Vec<usize>>,
    /// By which factors a network shrinks its input before anything else, to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolutions: Option<Vec<usize>>,
    /// What the space `custom` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
}

/// One list of options for all stages, or one for each stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerStage {
    /// The same for all.
    All(Vec<usize>),
    /// One list a stage.
    Each(Vec<Vec<usize>>),
}

impl SpaceSettings {
    /// The space of this name, everything else left to it.
    pub fn preset(name: impl Into<String>) -> Self {
        Self {
            preset: name.into(),
            stages: None,
            widths: None,
            kernels: None,
            expansions: None,
            depths: None,
            resolutions: None,
            definition: None,
        }
    }

    /// The space that is defined so.
    pub fn custom(definition: Definition) -> Self {
        Self { definition: Some(definition), ..Self::preset(super::custom::NAME) }
    }

    /// The number of stages, `default` unless stated.
    pub(crate) fn stages_or(&self, default: usize) -> Result<usize, SpaceError> {
        match self.stages.unwrap_or(default) {
            stages @ 1..=MAX_STAGES => Ok(stages),
            other => Err(wrong("stages", format!("{other} is not between 1 and {MAX_STAGES}"))),
        }
    }

    /// The widths of one stage, `default` unless stated.
    pub(crate) fn widths_or(&self, stage: usize, stages: usize, default: Vec<usize>) -> Result<Vec<usize>, SpaceError> {
        match &self.widths {
            None => Ok(default),
            Some(PerStage::All(widths)) => options("widths", widths),
            Some(PerStage::Each(lists)) if lists.len() == stages => options("widths", &lists[stage]),
            Some(PerStage::Each(lists)) => {
                Err(wrong("widths", format!("there are {} lists for {stages} stages", lists.len())))
            }
        }
    }

    /// The widths of every stage, those of `default` unless stated.
    pub(crate) fn all_widths_or(
        &self,
        stages: usize,
        default: impl Fn(usize) -> Vec<usize>,
    ) -> Result<PerStage, SpaceError> {
        let lists = (0..stages).map(|stage| self.widths_or(stage, stages, default(stage)));
        Ok(PerStage::Each(lists.collect::<Result<_, _>>()?))
    }

    /// The widths of a stage; none where nothing is stated.
    pub(crate) fn widths(&self, stage: usize) -> &[usize] {
        match &self.widths {
            Some(PerStage::All(widths)) => widths,
            Some(PerStage::Each(lists)) => &lists[stage],
            None => &[],
        }
    }

    /// The kernels that are stated.
    pub(crate) fn kernels(&self) -> &[usize] {
        self.kernels.as_deref().unwrap_or_default()
    }

    /// The expansions that are stated.
    pub(crate) fn expansions(&self) -> &[usize] {
        self.expansions.as_deref().unwrap_or_default()
    }

    /// The depths that are stated.
    pub(crate) fn depths(&self) -> &[usize] {
        self.depths.as_deref().unwrap_or_default()
    }

    /// The widths of the first stage where they decide those of the others, `default` unless stated.
    pub(crate) fn first_widths_or(&self, default: Vec<usize>) -> Result<Vec<usize>, SpaceError> {
        match &self.widths {
            Some(PerStage::Each(_)) => Err(wrong(
                "widths",
                format!("space `{}` takes those of its first stage only; give one list", self.preset),
            )),
            _ => self.widths_or(0, 1, default),
        }
    }

    /// The kernels, `default` unless stated.
    pub(crate) fn kernels_or(&self, default: &[usize]) -> Result<Vec<usize>, SpaceError> {
        let kernels = options("kernels", self.kernels.as_deref().unwrap_or(default))?;
        match kernels.iter().find(|kernel| kernel.is_multiple_of(2)) {
            Some(even) => Err(wrong("kernels", format!("{even} is even; a kernel needs a middle"))),
            None => Ok(kernels),
        }
    }

    /// The expansions, `default` unless stated.
    pub(crate) fn expansions_or(&self, default: &[usize]) -> Result<Vec<usize>, SpaceError> {
        options("expansions", self.expansions.as_deref().unwrap_or(default))
    }

    /// By which factors the input is shrunk, not at all unless stated; the smallest result first.
    pub(crate) fn resolutions_or_full(&self) -> Result<Vec<usize>, SpaceError> {
        let mut factors = options("resolutions", self.resolutions.as_deref().unwrap_or(&[1]))?;
        factors.reverse();
        Ok(factors)
    }

    /// The depths, `default` unless stated.
    pub(crate) fn depths_or(&self, default: &[usize]) -> Result<Vec<usize>, SpaceError> {
        options("depths", self.depths.as_deref().unwrap_or(default))
    }

    /// An error if the user states what this space does not have: anything but these keys.
    pub(crate) fn takes(&self, keys: &[&str]) -> Result<(), SpaceError> {
        let stated = [
            ("stages", self.stages.is_some()),
            ("widths", self.widths.is_some()),
            ("kernels", self.kernels.is_some()),
            ("expansions", self.expansions.is_some()),
            ("depths", self.depths.is_some()),
            ("resolutions", self.resolutions.is_some()),
            ("definition", self.definition.is_some()),
        ];
        match stated.into_iter().find(|(key, is_stated)| *is_stated && !keys.contains(key)) {
            Some((key, _)) => Err(wrong(key, format!("space `{}` has no such choice; remove it", self.preset))),
            None => Ok(()),
        }
    }
}

/// The values as the options of a choice: each once, from small to large.
fn options(key: &'static str, values: &[usize]) -> Result<Vec<usize>, SpaceError> {
    if values.is_empty() || values.len() > MAX_OPTIONS {
        return Err(wrong(key, format!("{} options are given; 1 to {MAX_OPTIONS} are possible", values.len())));
    }
    if let Some(value) = values.iter().find(|value| !(1..=MAX_VALUE).contains(*value)) {
        return Err(wrong(key, format!("{value} is not between 1 and {MAX_VALUE}")));
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    Ok(sorted)
}

fn wrong(key: &'static str, reason: String) -> SpaceError {
    SpaceError::Setting { key, reason }
}
