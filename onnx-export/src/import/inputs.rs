//! The inputs of a file: tensors of floats whose first dimension is the batch.

use edgefit_graph::Shape;
use edgefit_graph::op::{Input, Op};
use rten_onnx::onnx::{DataType, Dimension, GraphProto, ValueInfoProto};

use super::draft::{Draft, Kind};
use super::site::Reading;
use super::value::Value;
use super::{ImportError, ImportOptions, define};

/// Reads every input that is not the default of an initializer.
pub(super) fn read(proto: &GraphProto, options: &ImportOptions, reading: &mut Reading) -> Result<(), ImportError> {
    if let Some(unknown) = options.input_shapes.keys().find(|name| !has_input(proto, name)) {
        return Err(ImportError::Input { input: unknown.clone(), reason: "the model has no such input".to_owned() });
    }
    for info in &proto.input {
        let name = info.name.clone().unwrap_or_default();
        if !reading.values.contains_key(&name) {
            read_one(info, &name, options, reading)
                .map_err(|reason| ImportError::Input { input: name.clone(), reason })?;
            define(reading, &name, Value::Feature(reading.drafts.len() - 1))?;
        }
    }
    Ok(())
}

fn has_input(proto: &GraphProto, name: &str) -> bool {
    proto.input.iter().any(|info| info.name.as_deref() == Some(name))
}

fn read_one(info: &ValueInfoProto, name: &str, options: &ImportOptions, reading: &mut Reading) -> Result<(), String> {
    let dims = dims(info)?;
    let given = options.input_shapes.get(name);
    let (batch, sample) = match given {
        Some(shape) => fitted(shape, &dims)?,
        None => fixed(&dims)?,
    };
    let shape = Shape::new(sample);
    if let Some(defect) = shape.defect() {
        return Err(format!("one sample {defect}"));
    }
    match (reading.batch, batch) {
        (Some(known), Some(batch)) if known != batch => {
            return Err(format!("batch {batch} where another input has {known}"));
        }
        (known, batch) => reading.batch = known.or(batch),
    }
    let kind = Kind::Op(Op::Input(Input { shape: shape.clone() }));
    let op_type = "Input".to_owned();
    reading.drafts.push(Draft { name: name.to_owned(), op_type, kind, inputs: Vec::new(), shape, params: Vec::new() });
    Ok(())
}

fn dims(info: &ValueInfoProto) -> Result<Vec<Dimension>, String> {
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).ok_or("is not a tensor")?;
    let kind = tensor.elem_type.unwrap_or(DataType(0));
    if kind != DataType::FLOAT {
        return Err(format!("has type {kind}; only 32-bit floats are read"));
    }
    let shape = tensor.shape.as_ref().ok_or("has no shape; give one")?;
    if shape.dim.len() < 2 {
        return Err(format!("has {} dimensions; a batch and at least one more are needed", shape.dim.len()));
    }
    Ok(shape.dim.clone())
}

/// The batch if it is fixed, and the shape of one sample, which must be.
fn fixed(dims: &[Dimension]) -> Result<(Option<i64>, Vec<usize>), String> {
    let size = |(axis, dim): (usize, &Dimension)| {
        let known = dim.dim_value.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        known.ok_or_else(|| format!("dimension {axis}{} is not fixed; give the shape of this input", named(dim)))
    };
    let sample = dims.iter().enumerate().skip(1).map(size).collect::<Result<Vec<usize>, String>>()?;
    Ok((dims[0].dim_value.filter(|&n| n > 0), sample))
}

fn named(dim: &Dimension) -> String {
    dim.dim_param.as_ref().map(|name| format!(" (`{name}`)")).unwrap_or_default()
}

/// A given shape, which must agree with what the file fixes.
fn fitted(shape: &[usize], dims: &[Dimension]) -> Result<(Option<i64>, Vec<usize>), String> {
    let agrees = |(&size, dim): (&usize, &Dimension)| dim.dim_value.is_none_or(|n| n <= 0 || n == size as i64);
    if shape.len() != dims.len() || !shape.iter().zip(dims).all(agrees) {
        return Err(format!("the shape {shape:?} that was given does not fit the file"));
    }
    Ok((Some(shape[0] as i64), shape[1..].to_vec()))
}
