//! What can be wrong with a space, its settings, or a genotype; each error says what would be right.

use edgefit_graph::{GraphError, Shape};

use super::custom::DefinitionFault;

/// Why a space could not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// No space has this name.
    #[error("there is no space `{name}`; the spaces are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A setting that the space does not have or whose value it cannot take.
    #[error("space setting `{key}`: {reason}")]
    Setting {
        /// Its key in the table `[space]`.
        key: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A space of the user's own is not defined right.
    #[error("the space's definition, {0}")]
    Definition(DefinitionFault),
    /// The space cannot take samples of this shape.
    #[error("space `{space}` takes samples of {wanted}, not {shape}")]
    Input {
        /// Which space.
        space: &'static str,
        /// The shapes that it takes.
        wanted: &'static str,
        /// The shape that it was given.
        shape: Shape,
    },
    /// A classifier needs something to tell apart.
    #[error("a space needs at least 2 classes, not {0}")]
    Classes(usize),
    /// A text that is no genotype of the space.
    #[error("`{text}` is no genotype of this space: {reason}")]
    Text {
        /// The text.
        text: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A genotype of another space.
    #[error("the genotype is not of this space: {0}")]
    Genotype(String),
    /// A genotype that is no network.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl From<DefinitionFault> for SpaceError {
    fn from(fault: DefinitionFault) -> Self {
        Self::Definition(fault)
    }
}
