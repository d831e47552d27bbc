//! Operators that change nothing in inference.

use rten_onnx::onnx::DataType;

use crate::import::ImportError;
use crate::import::constant::Data;
use crate::import::site::Site;
use crate::import::value::Value;

pub(super) fn identity(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.value(0).cloned()
}

/// Its ratio does not matter in inference; the second output, the mask, is not supported.
pub(super) fn dropout(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["ratio", "seed"]);
    if site.optional_ints(2)?.is_some_and(|training| training != [0]) {
        return Err(site.unsupported("training_mode is set"));
    }
    site.value(0).cloned()
}

/// Casts of floats to floats and of integers to integers change nothing here.
pub(super) fn cast(site: &mut Site<'_>) -> Result<Value, ImportError> {
    site.ignore(&["saturate"]);
    let to = site.int("to")?.unwrap_or(0);
    let to_float = to == i64::from(DataType::FLOAT.0);
    let to_int = [DataType::INT64, DataType::INT32].iter().any(|kind| to == i64::from(kind.0));
    let value = site.value(0)?;
    let keeps = match value {
        Value::Feature(_) => to_float,
        Value::Dims(_) => to_int,
        Value::Constant(constant) => match constant.data {
            Data::Floats(_) => to_float,
            Data::Ints(_) => to_int,
        },
        Value::Unreadable(_) => false,
    };
    if !keeps {
        return Err(site.unsupported(format!("a cast to type {}", DataType(to as i32))));
    }
    Ok(value.clone())
}
