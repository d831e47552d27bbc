//! Devices by the names that users give them.

use super::{Device, LocalOptions};
use crate::error::{Error, ErrorKind, Result};

/// The device of this name.
///
/// # Errors
/// When there is none, or it does not answer.
pub fn connect(name: &str) -> Result<Device> {
    match name {
        "local" => Ok(Device::local(&LocalOptions::default())?),
        other => Err(Error::new(
            ErrorKind::Usage,
            format!("there is no device `{other}`; this version measures on `local`, the machine that it runs on"),
        )),
    }
}
