//! The shape of one sample's tensor, without the batch dimension.
//!
//! By convention the leading dimension is the channel: `[C, H, W]` for images, `[C, L]` for series, `[T, D]` for tokens, `[F]`
//! for a feature vector. Elements are 32-bit floats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of one element; every tensor of a graph holds 32-bit floats.
pub const ELEMENT_BYTES: u64 = 4;

/// Largest number of dimensions a per-sample tensor may have.
pub const MAX_RANK: usize = 5;

/// Largest number of elements a per-sample tensor may have (1 GiB of floats).
pub const MAX_ELEMENTS: u64 = 1 << 28;

/// Dimensions of a per-sample tensor, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// A shape of these dimensions. Validity (rank, no zero, size) is checked when a node takes it.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self(dims.into())
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements; the largest number for a shape that is too large to be held.
    pub fn elements(&self) -> u64 {
        self.0.iter().fold(1, |n, &d| n.saturating_mul(d as u64))
    }

    /// Bytes of the tensor at 32 bits an element; the largest number for a shape that is too large to be held.
    pub fn bytes(&self) -> u64 {
        self.elements().saturating_mul(ELEMENT_BYTES)
    }

    /// The leading dimension: the channels of an image or a series.
    pub fn channels(&self) -> usize {
        self.0.first().copied().unwrap_or(1)
    }

    /// The dimensions behind the channels: `[H, W]` or `[L]`.
    pub fn spatial(&self) -> &[usize] {
        self.0.get(1..).unwrap_or(&[])
    }

    /// The innermost dimension: the features of a token or a vector.
    pub fn last(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }

    /// Why this shape cannot be held, or `None` when it can.
    pub fn defect(&self) -> Option<String> {
        if self.0.is_empty() || self.0.len() > MAX_RANK {
            return Some(format!("has {} dimensions; 1 to {MAX_RANK} are supported", self.0.len()));
        }
        if self.0.contains(&0) {
            return Some(format!("{self} has an empty dimension"));
        }
        let elements = self.0.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64));
        match elements {
            Some(n) if n <= MAX_ELEMENTS => None,
            _ => Some(format!("{self} is larger than {MAX_ELEMENTS} elements")),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, dim) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "x" };
            write!(f, "{separator}{dim}")?;
        }
        Ok(())
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_ELEMENTS, Shape};

    #[test]
    fn says_what_its_parts_are() {
        let image = Shape::new([3, 4, 5]);
        assert_eq!((image.rank(), image.elements(), image.bytes()), (3, 60, 240));
        assert_eq!((image.channels(), image.spatial(), image.last()), (3, [4, 5].as_slice(), 5));
        assert_eq!(image.to_string(), "3x4x5");
        let vector = Shape::new([7]);
        assert_eq!((vector.channels(), vector.spatial(), vector.last()), (7, [].as_slice(), 7));
    }

    #[test]
    fn knows_what_cannot_be_held() {
        let defect = |dims: &[usize]| Shape::from(dims).defect().unwrap_or_default();
        assert_eq!(defect(&[1, 1, 1, 1, MAX_ELEMENTS as usize]), "");
        assert!(defect(&[]).contains("0 dimensions"));
        assert!(defect(&[1; 6]).contains("6 dimensions"));
        assert!(defect(&[3, 0, 4]).contains("3x0x4 has an empty dimension"));
        assert!(defect(&[2, MAX_ELEMENTS as usize]).contains("is larger than"));
        assert!(defect(&[usize::MAX, usize::MAX]).contains("is larger than"));
    }
}
