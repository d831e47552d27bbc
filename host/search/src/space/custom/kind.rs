//! What may stand at a place of a definition: names, or numbers of a range.

use edgefit_graph::Op;
use edgefit_graph::op::Activation;

use super::definition::Scalar;
use super::fault::{DefinitionFault, Place};
use super::operation::Operation;

/// Largest width.
const MOST_WIDTH: usize = 4096;

/// Largest kernel.
const MOST_KERNEL: usize = 255;

/// A rule for values.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// One of these.
    Names(Vec<String>),
    /// An operation, perhaps with its kernel; if `in_cell`, one that keeps the number of channels.
    Operation { in_cell: bool },
    /// From the least to the most.
    Numbers { least: usize, most: usize, odd: bool },
}

/// The nonlinearity of a name; `None` for `none`, which leaves it out.
pub(super) fn activation(name: &str) -> Option<Activation> {
    Activation::ALL.into_iter().find(|activation| Op::Activation(*activation).name() == name)
}

/// Whether a name can stand in the text form of a network.
pub(super) fn is_identifier(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain)
}

impl Kind {
    /// One of these names.
    pub(super) fn names(names: impl Iterator<Item = String>) -> Self {
        Self::Names(names.collect())
    }

    /// A nonlinearity or none.
    pub(super) fn activation() -> Self {
        let names = Activation::ALL.map(|activation| Op::Activation(activation).name().to_owned());
        Self::names(names.into_iter().chain(["none".to_owned()]))
    }

    /// An operation.
    pub(super) fn operation() -> Self {
        Self::Operation { in_cell: false }
    }

    /// An operation on the edge of a cell.
    pub(super) fn cell_operation() -> Self {
        Self::Operation { in_cell: true }
    }

    /// A number of this range.
    pub(super) fn numbers(least: usize, most: usize) -> Self {
        Self::Numbers { least, most, odd: false }
    }

    /// A number of channels.
    pub(super) fn width() -> Self {
        Self::numbers(1, MOST_WIDTH)
    }

    /// A kernel with a middle.
    pub(super) fn odd() -> Self {
        Self::Numbers { least: 1, most: MOST_KERNEL, odd: true }
    }

    /// Whether a name is one of these.
    pub(super) fn knows(&self, name: &str) -> bool {
        match self {
            Self::Names(names) => names.iter().any(|known| known == name),
            Self::Operation { in_cell } => {
                Operation::parse(name).is_some_and(|(operation, _)| !in_cell || operation.fits_cells())
            }
            Self::Numbers { .. } => false,
        }
    }

    /// A fault if the value does not fit.
    pub(super) fn check(&self, scalar: &Scalar, place: &Place) -> Result<(), DefinitionFault> {
        match (self, scalar) {
            (Self::Numbers { least, most, .. }, Scalar::Number(number)) if !(least..=most).contains(&number) => {
                Err(place.fault(format!("{number} is not between {least} and {most}")))
            }
            (Self::Numbers { odd: true, .. }, Scalar::Number(number)) if number.is_multiple_of(2) => {
                Err(place.fault(format!("{number} is even; a kernel needs a middle")))
            }
            (Self::Numbers { .. }, Scalar::Number(_)) => Ok(()),
            (Self::Numbers { .. }, Scalar::Name(name)) => {
                Err(place.unknown(name, "is neither a number nor a choice that can be seen from here", Vec::new()))
            }
            (_, Scalar::Number(number)) => Err(place.fault(format!("takes a name, not {number}"))),
            (_, Scalar::Name(name)) if self.knows(name) => Ok(()),
            (_, Scalar::Name(name)) => Err(place.unknown(name, "is not known", self.known())),
        }
    }

    fn known(&self) -> Vec<String> {
        match self {
            Self::Names(names) => names.clone(),
            Self::Operation { .. } => Operation::names().map(str::to_owned).collect(),
            Self::Numbers { .. } => Vec::new(),
        }
    }
}
