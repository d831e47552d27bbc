//! Constants of a file: floats, or integers such as shapes and axes.

use edgefit_graph::{Shape, Tensor};
use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::ImportError;
use crate::limits::MAX_CONSTANT_RANK;

/// A constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) data: Data,
}

/// Elements in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Self::Floats(data) => data.len(),
            Self::Ints(data) => data.len(),
        }
    }
}

impl Constant {
    /// Reads a constant; large data is moved out of the message.
    pub(super) fn read(proto: &TensorProto) -> Result<Self, ImportError> {
        let tensor = proto.name.clone().unwrap_or_default();
        let is_external = proto.data_location == Some(DataLocation::EXTERNAL) || !proto.external_data.is_empty();
        if is_external {
            return Err(ImportError::ExternalData(tensor));
        }
        let fail = |reason: String| ImportError::BadConstant { tensor: tensor.clone(), reason };
        let dims = dims(&proto.dims).map_err(fail)?;
        let data = data(proto, &tensor)?;
        let needed = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if needed != Some(data.len()) {
            return Err(fail(format!("has {} elements for dimensions {dims:?}", data.len())));
        }
        Ok(Self { dims, data })
    }

    /// One float.
    pub(super) fn float(value: f32) -> Self {
        Self { dims: Vec::new(), data: Data::Floats(vec![value]) }
    }

    /// A list of integers.
    pub(super) fn ints(values: Vec<i64>) -> Self {
        Self { dims: vec![values.len()], data: Data::Ints(values) }
    }

    /// The floats, or `None` for integers.
    pub(super) fn floats(&self) -> Option<&[f32]> {
        match &self.data {
            Data::Floats(data) => Some(data),
            Data::Ints(_) => None,
        }
    }

    /// As a parameter of a graph.
    pub(super) fn tensor(&self) -> Option<Tensor> {
        Some(Tensor { shape: Shape::from(self.dims.as_slice()), data: self.floats()?.to_vec() })
    }

    /// The same elements under other dimensions of the same product.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Option<Self> {
        let fits = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) == Some(self.data.len());
        fits.then(|| Self { dims, data: self.data.clone() })
    }

    /// Dimension `i` of the result is dimension `permutation[i]` of this.
    pub(super) fn transposed(&self, permutation: &[usize]) -> Option<Self> {
        let mut sorted = permutation.to_vec();
        sorted.sort_unstable();
        if sorted != (0..self.dims.len()).collect::<Vec<usize>>() {
            return None;
        }
        let order = transposition(&self.dims, permutation);
        let dims = permutation.iter().map(|&axis| self.dims[axis]).collect();
        let data = match &self.data {
            Data::Floats(data) => Data::Floats(order.map(|at| data[at]).collect()),
            Data::Ints(data) => Data::Ints(order.map(|at| data[at]).collect()),
        };
        Some(Self { dims, data })
    }
}

/// For each element of the transposed tensor in order, its position in the original.
fn transposition(dims: &[usize], permutation: &[usize]) -> impl Iterator<Item = usize> {
    let mut strides = vec![1usize; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    let axes: Vec<(usize, usize)> = permutation.iter().map(|&axis| (dims[axis], strides[axis])).collect();
    (0..dims.iter().product()).map(move |mut at: usize| {
        let mut source = 0;
        for &(dim, stride) in axes.iter().rev() {
            source += at % dim * stride;
            at /= dim;
        }
        source
    })
}

fn dims(dims: &[i64]) -> Result<Vec<usize>, String> {
    if dims.len() > MAX_CONSTANT_RANK {
        return Err(format!("has {} dimensions; at most {MAX_CONSTANT_RANK} are read", dims.len()));
    }
    dims.iter().map(|&d| usize::try_from(d).map_err(|_| format!("has dimension {d}"))).collect()
}

fn data(proto: &TensorProto, tensor: &str) -> Result<Data, ImportError> {
    let kind = proto.data_type.unwrap_or(DataType(0));
    let raw = proto.raw_data.as_ref().map(|raw| raw.take());
    let uneven = || ImportError::BadConstant { tensor: tensor.to_owned(), reason: "ends within an element".to_owned() };
    let data = match (kind, &raw) {
        (DataType::FLOAT, Some(raw)) => Data::Floats(elements(raw, f32::from_le_bytes).ok_or_else(uneven)?),
        (DataType::FLOAT, None) => Data::Floats(proto.float_data.clone()),
        (DataType::DOUBLE, Some(raw)) => {
            Data::Floats(elements(raw, |b| f64::from_le_bytes(b) as f32).ok_or_else(uneven)?)
        }
        (DataType::DOUBLE, None) => Data::Floats(proto.double_data.iter().map(|&x| x as f32).collect()),
        (DataType::INT64, Some(raw)) => Data::Ints(elements(raw, i64::from_le_bytes).ok_or_else(uneven)?),
        (DataType::INT64, None) => Data::Ints(proto.int64_data.clone()),
        (DataType::INT32, Some(raw)) => {
            Data::Ints(elements(raw, |b| i64::from(i32::from_le_bytes(b))).ok_or_else(uneven)?)
        }
        (DataType::BOOL, Some(raw)) => Data::Ints(raw.iter().map(|&b| i64::from(b)).collect()),
        (DataType::INT32 | DataType::BOOL, None) => {
            Data::Ints(proto.int32_data.iter().map(|&x| i64::from(x)).collect())
        }
        (other, _) => {
            return Err(ImportError::UnsupportedType { tensor: tensor.to_owned(), data_type: other.to_string() });
        }
    };
    Ok(data)
}

/// The little-endian elements of raw data, or `None` when the last one is cut.
fn elements<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|&bytes| read(bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::{Constant, Data};

    #[test]
    fn transposes() {
        let matrix = Constant { dims: vec![2, 3], data: Data::Ints(vec![1, 2, 3, 4, 5, 6]) };
        let expected = Constant { dims: vec![3, 2], data: Data::Ints(vec![1, 4, 2, 5, 3, 6]) };
        assert_eq!(matrix.transposed(&[1, 0]), Some(expected));
        assert_eq!(matrix.transposed(&[1, 1]), None);
        let cube = Constant { dims: vec![2, 1, 2], data: Data::Ints(vec![1, 2, 3, 4]) };
        let expected = Constant { dims: vec![2, 2, 1], data: Data::Ints(vec![1, 3, 2, 4]) };
        assert_eq!(cube.transposed(&[2, 0, 1]), Some(expected));
    }
}
