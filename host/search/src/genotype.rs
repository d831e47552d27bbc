//! The genotype: one network of a space as a short list of choices.
//!
//! Only its space knows what the choices mean; everything else compares, stores and hands on. The text form belongs to
//! the space as well, because it names the choices.

use serde::{Deserialize, Serialize};

/// For each choice of a space, the position of the option that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Genotype(Vec<u8>);

impl Genotype {
    /// A genotype of these options. Whether they belong to a space, [`crate::Space::check`] says.
    pub fn new(genes: impl Into<Vec<u8>>) -> Self {
        Self(genes.into())
    }

    /// The position of the option taken at each choice.
    pub fn genes(&self) -> &[u8] {
        &self.0
    }

    /// Number of choices in which two genotypes differ; choices that only one of them has count as different.
    pub fn distance(&self, other: &Self) -> usize {
        let common = self.0.iter().zip(&other.0).filter(|(a, b)| a != b).count();
        common + self.0.len().abs_diff(other.0.len())
    }
}
