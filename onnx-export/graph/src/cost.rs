//! What a node costs, computed from shapes alone.

use std::iter::Sum;
use std::ops::Add;

use crate::shape::ELEMENT_BYTES;

/// Arithmetic and traffic of a node or of a whole graph, for one sample. Computed, never measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of convolutions, dense layers and matrix products; elementwise work counts none.
    pub macs: u64,
    /// Learned numbers, running statistics of batch norm included.
    pub params: u64,
    /// Bytes read from other nodes.
    pub input_bytes: u64,
    /// Bytes written.
    pub output_bytes: u64,
}

impl Cost {
    /// Bytes of the parameters at 32 bits each.
    pub fn weight_bytes(&self) -> u64 {
        self.params * ELEMENT_BYTES
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            macs: self.macs.saturating_add(other.macs),
            params: self.params.saturating_add(other.params),
            input_bytes: self.input_bytes.saturating_add(other.input_bytes),
            output_bytes: self.output_bytes.saturating_add(other.output_bytes),
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}
