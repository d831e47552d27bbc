//! `[tune]`: settings of the recipe that are searched together with the network, each with the values to choose from.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use edgefit_search::Genotype;
use edgefit_search::space::Choice;
use edgefit_train::Recipe;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use toml::de::DeValue;

use super::data::MOST_SHIFT;
use super::section::Section;
use super::training::{MOST_BATCH, MOST_POSITIONS, POSITIVE_RATE};
use super::value::number_of;

/// Most values of one setting.
const MOST_VALUES: usize = 64;

/// A setting that can be tuned.
struct Kind {
    /// Its key in the file.
    key: &'static str,
    /// What stands before its value in the text of a genotype.
    label: &'static str,
    range: (Bound<f64>, Bound<f64>),
    is_whole: bool,
    set: fn(&mut Recipe, f64),
}

const fn number(
    key: &'static str,
    label: &'static str,
    range: (Bound<f64>, Bound<f64>),
    set: fn(&mut Recipe, f64),
) -> Kind {
    Kind { key, label, range, is_whole: false, set }
}

const fn count(key: &'static str, label: &'static str, least: f64, most: usize, set: fn(&mut Recipe, f64)) -> Kind {
    Kind { key, label, range: (Bound::Included(least), Bound::Included(most as f64)), is_whole: true, set }
}

const fn up_to(most: f64) -> (Bound<f64>, Bound<f64>) {
    (Bound::Included(0.0), Bound::Included(most))
}

const SHARE: (Bound<f64>, Bound<f64>) = (Bound::Included(0.0), Bound::Excluded(1.0));

/// Every setting that can be tuned; the order is that of a genotype.
const KINDS: [Kind; 13] = [
    number("learning_rate", "lr", POSITIVE_RATE, |recipe, value| recipe.learning_rate = value),
    number("weight_decay", "wd", up_to(1.0), |recipe, value| recipe.weight_decay = value),
    number("warmup", "wu", SHARE, |recipe, value| recipe.warmup = value),
    number("label_smoothing", "ls", SHARE, |recipe, value| recipe.label_smoothing = value),
    count("batch", "b", 1.0, MOST_BATCH, |recipe, value| recipe.batch = value as usize),
    count("shift", "sh", 0.0, MOST_SHIFT, |recipe, value| recipe.shift = value as usize),
    number("rotate", "ro", up_to(45.0), |recipe, value| recipe.rotate = value),
    number("zoom", "zo", up_to(1.0), |recipe, value| recipe.zoom = value),
    count("time_shift", "ts", 0.0, MOST_POSITIONS, |recipe, value| recipe.time_shift = value as usize),
    number("noise", "no", up_to(10.0), |recipe, value| recipe.noise = value),
    count("cutout", "cu", 0.0, MOST_POSITIONS, |recipe, value| recipe.cutout = value as usize),
    number("color", "co", SHARE, |recipe, value| recipe.color = value),
    number("mixup", "mi", up_to(10.0), |recipe, value| recipe.mixup = value),
];

/// One setting and its values, rising.
#[derive(Debug, Clone, PartialEq)]
struct Tuned {
    key: &'static str,
    values: Vec<f64>,
}

/// What is tuned; nothing where the file says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TuneConfig(Vec<Tuned>);

impl TuneConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let read = |kind: &Kind| values(section, kind).map(|values| Tuned { key: kind.key, values });
        Self(KINDS.iter().filter_map(read).collect())
    }

    /// Whether nothing is tuned.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The choices that stand behind those of the network.
    pub fn choices(&self) -> Vec<Choice> {
        let choice = |tuned: &Tuned| {
            let label = kind(tuned.key).label;
            Choice::labels(format!("recipe.{}", tuned.key), tuned.values.iter().map(|value| format!("{label}{value}")))
        };
        self.0.iter().map(choice).collect()
    }

    /// Sets in a recipe what a genotype says of it.
    pub fn apply(&self, genotype: &Genotype, recipe: &mut Recipe) {
        let genes = genotype.genes();
        for (tuned, gene) in self.0.iter().rev().zip(genes.iter().rev()) {
            (kind(tuned.key).set)(recipe, tuned.values[usize::from(*gene)]);
        }
    }
}

fn kind(key: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.key == key).expect("only settings of this list are read")
}

/// The values of a setting, each once and rising; `None` where it is absent or wrong, which was reported.
fn values(section: &mut Section<'_, '_>, kind: &Kind) -> Option<Vec<f64>> {
    let value = section.get(kind.key)?;
    let listed = value.get_ref().as_array().filter(|list| (1..=MOST_VALUES).contains(&list.len()));
    let numbers: Option<Vec<f64>> =
        listed.and_then(|list| list.iter().map(|item| wanted(item.get_ref(), kind)).collect());
    let Some(mut numbers) = numbers else {
        let message = format!("is not a list of 1 to {MOST_VALUES} values to choose from, each {}", Allowed(kind));
        section.wrong_value(kind.key, &message, Some(format!("write `{} = [A, B, C]`", kind.key)));
        return None;
    };
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    Some(numbers)
}

fn wanted(value: &DeValue<'_>, kind: &Kind) -> Option<f64> {
    let is_number = matches!(value, DeValue::Integer(_)) || (!kind.is_whole && matches!(value, DeValue::Float(_)));
    number_of(value).filter(|number| is_number && kind.range.contains(number))
}

/// The values that a setting may have, in words.
struct Allowed<'k>(&'k Kind);

impl fmt::Display for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = &self.0.range;
        f.write_str(if self.0.is_whole { "a whole number" } else { "a number" })?;
        match low {
            Bound::Excluded(low) => write!(f, " above {low}")?,
            Bound::Included(low) => write!(f, " from {low}")?,
            Bound::Unbounded => {}
        }
        match high {
            Bound::Excluded(high) => write!(f, " to below {high}"),
            Bound::Included(high) => write!(f, " to {high}"),
            Bound::Unbounded => Ok(()),
        }
    }
}

impl Serialize for TuneConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for tuned in &self.0 {
            let whole = || tuned.values.iter().map(|value| *value as u64).collect::<Vec<_>>();
            if kind(tuned.key).is_whole {
                map.serialize_entry(tuned.key, &whole())?;
            } else {
                map.serialize_entry(tuned.key, &tuned.values)?;
            }
        }
        map.end()
    }
}
