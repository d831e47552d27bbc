//! Tensors at the edge of a model: their element type, shape and bytes.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

/// Element type of a tensor that crosses the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 16-bit float.
    F16,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// Boolean, one byte, 0 or 1.
    Bool,
}

impl ElementType {
    /// Size of one element, in bytes.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

/// An input or output of a loaded model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// Element type.
    pub element: ElementType,
    /// Shape under the job's shapes, outermost axis first.
    pub shape: Vec<u64>,
}

impl TensorInfo {
    /// Number of elements, `None` where it does not fit into 64 bits.
    pub fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))
    }

    /// Size of the contents in bytes, `None` where it does not fit into 64 bits.
    pub fn size_bytes(&self) -> Option<u64> {
        self.elements()?.checked_mul(self.element.size_bytes() as u64)
    }
}

/// A tensor with its contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorData {
    /// Element type.
    pub element: ElementType,
    /// Shape, outermost axis first.
    pub shape: Vec<u64>,
    /// Contents, row-major, little-endian.
    pub bytes: Vec<u8>,
}

impl TensorData {
    /// The contents as `f32`, or `None` when the elements are of another type.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.element == ElementType::F32)
            .then(|| self.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn sizes_do_not_overflow() {
        let info = |shape| TensorInfo { name: String::new(), element: ElementType::F64, shape };
        assert_eq!(info(vec![2, 3]).size_bytes(), Some(48));
        assert_eq!(info(vec![]).elements(), Some(1));
        assert_eq!(info(vec![1 << 40, 1 << 40]).elements(), None);
        assert_eq!(info(vec![1 << 62]).size_bytes(), None);
    }

    #[test]
    fn only_floats_are_read_as_floats() {
        let data = |element| TensorData { element, shape: vec![1], bytes: 1.5_f32.to_le_bytes().to_vec() };
        assert_eq!(data(ElementType::F32).to_f32(), Some(vec![1.5]));
        assert_eq!(data(ElementType::I32).to_f32(), None);
    }
}
