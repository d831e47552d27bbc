//! Constants that are nodes.

use std::rc::Rc;

use crate::import::ImportError;
use crate::import::constant::{Constant, Data};
use crate::import::site::Site;
use crate::import::value::Value;

pub(super) fn constant(site: &mut Site<'_>) -> Result<Value, ImportError> {
    let constant = if let Some(tensor) = site.tensor_attribute("value")? {
        Constant::read(tensor)?
    } else if let Some(value) = site.float("value_float")? {
        Constant::float(value)
    } else if let Some(value) = site.int("value_int")? {
        Constant { dims: Vec::new(), data: Data::Ints(vec![value]) }
    } else if let Some(values) = site.ints("value_ints")? {
        Constant::ints(values)
    } else if let Some(values) = site.float_list("value_floats")? {
        Constant { dims: vec![values.len()], data: Data::Floats(values) }
    } else {
        return Err(site.unsupported("its value is neither floats nor integers"));
    };
    Ok(Value::Constant(Rc::new(constant)))
}
