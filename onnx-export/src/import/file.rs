//! The bytes of a file as protobuf messages, within the limits.

use rten_onnx::onnx::ModelProto;

use super::{ImportError, scan};
use crate::limits::MAX_FILE_BYTES;

/// Decodes a file that has been scanned for its limits.
pub(crate) fn decode(file: &[u8]) -> Result<ModelProto, ImportError> {
    let bytes = file.len() as u64;
    if bytes > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge { bytes, limit: MAX_FILE_BYTES });
    }
    if file.is_empty() {
        return Err(ImportError::Malformed("it is empty".to_owned()));
    }
    scan::scan(file)?;
    ModelProto::parse_buf(file).map_err(|error| ImportError::Malformed(error.to_string()))
}
