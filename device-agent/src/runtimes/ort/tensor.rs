//! Tensors between the wire and ONNX Runtime.

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    tensor::{ElementType, TensorData},
};
use ort::{
    memory::Allocator,
    value::{DynTensor, DynTensorValueType, DynValue, TensorElementType},
};

use super::failed;

const TYPES: [(TensorElementType, ElementType); 12] = [
    (TensorElementType::Float32, ElementType::F32),
    (TensorElementType::Float64, ElementType::F64),
    (TensorElementType::Float16, ElementType::F16),
    (TensorElementType::Int8, ElementType::I8),
    (TensorElementType::Int16, ElementType::I16),
    (TensorElementType::Int32, ElementType::I32),
    (TensorElementType::Int64, ElementType::I64),
    (TensorElementType::Uint8, ElementType::U8),
    (TensorElementType::Uint16, ElementType::U16),
    (TensorElementType::Uint32, ElementType::U32),
    (TensorElementType::Uint64, ElementType::U64),
    (TensorElementType::Bool, ElementType::Bool),
];

/// The element type on the wire.
pub(super) fn element_type(own: TensorElementType) -> Result<ElementType, JobError> {
    TYPES.iter().find(|(known, _)| *known == own).map(|(_, element)| *element).ok_or_else(|| {
        let message = format!("tensors of {own} cannot be inputs or outputs here");
        JobError::new(ErrorKind::Unsupported, message)
    })
}

/// A tensor that ONNX Runtime owns, with these contents.
pub(super) fn to_ort(data: &TensorData) -> Result<DynTensor, JobError> {
    let (own, _) = TYPES.iter().find(|(_, element)| *element == data.element).expect("every element type has its row");
    let shape: Vec<i64> = data.shape.iter().map(|size| *size as i64).collect();
    let mut tensor = DynTensor::new(&Allocator::default(), *own, shape).map_err(failed)?;
    if !data.bytes.is_empty() {
        // SAFETY: the tensor was just made on the CPU for this type and shape, and the bytes were
        // checked to be as many as these need.
        unsafe {
            tensor.data_ptr_mut().cast::<u8>().copy_from_nonoverlapping(data.bytes.as_ptr(), data.bytes.len());
        }
    }
    Ok(tensor)
}

/// The contents of an output.
pub(super) fn to_data(value: &DynValue) -> Result<TensorData, JobError> {
    let tensor = value.view().downcast::<DynTensorValueType>().map_err(failed)?;
    let element = element_type(*tensor.data_type())?;
    let shape: Vec<u64> = tensor.shape().iter().map(|size| *size as u64).collect();
    let count: u64 = shape.iter().product();
    let size_bytes = count as usize * element.size_bytes();
    let bytes = match size_bytes {
        0 => Vec::new(),
        // SAFETY: the runtime made this tensor on the CPU with this type and shape.
        _ => unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u8>(), size_bytes) }.to_vec(),
    };
    Ok(TensorData { element, shape, bytes })
}
