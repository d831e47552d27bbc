//! Reading a user's ONNX model, with the weights that it keeps in files beside it.
//!
//! A device is sent one file; PyTorch writes two where the weights are large. They become one here.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path};

use edgefit_onnx::{ExternalData, inline_external};
use edgefit_protocol::limits::MAX_BLOB_BYTES;

use crate::error::{Error, ErrorKind, Result};

/// The bytes of a model, everything inside.
///
/// # Errors
/// When a file cannot be read, or all of it is larger than what an agent takes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let told = |error: io::Error| unreadable(path, &error);
    let size = fs::metadata(path).map_err(told)?.len();
    if size > MAX_BLOB_BYTES {
        return Err(too_large(path));
    }
    // A file may grow, or be a pipe without a size: what is read is bounded, too.
    let bytes = read_at_most(File::open(path).map_err(told)?, MAX_BLOB_BYTES, path)?;
    let mut left = MAX_BLOB_BYTES - bytes.len() as u64;
    let whole = inline_external::<Error>(&bytes, &mut |data| {
        let data = read_external(path, data, left)?;
        left -= data.len() as u64;
        Ok(data)
    })?;
    Ok(whole.unwrap_or(bytes))
}

fn read_external(model: &Path, data: &ExternalData, limit: u64) -> Result<Vec<u8>> {
    let location = Path::new(&data.location);
    let is_beside = location.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if data.location.is_empty() || !is_beside {
        let (model, tensor, location) = (model.display(), &data.tensor, &data.location);
        let message =
            format!("{model}: the weights {tensor} are said to be in {location:?}, which is no file beside it");
        return Err(Error::new(ErrorKind::Runtime, message));
    }
    let path = model.parent().unwrap_or(Path::new("")).join(location);
    let told = |error: io::Error| {
        let (model, tensor, path) = (model.display(), &data.tensor, path.display());
        let message = format!("{model}: the weights {tensor} are in another file, {path}: {error}");
        Error::new(ErrorKind::Storage, message)
    };
    let mut file = File::open(&path).map_err(told)?;
    file.seek(SeekFrom::Start(data.offset)).map_err(told)?;
    let Some(length) = data.length else { return read_at_most(file, limit, model) };
    let read = read_at_most(file.take(length), limit, model)?;
    match read.len() as u64 == length {
        true => Ok(read),
        false => Err(told(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before they do"))),
    }
}

fn read_at_most(file: impl Read, limit: u64, model: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(model, &error))?;
    if bytes.len() as u64 > limit { Err(too_large(model)) } else { Ok(bytes) }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{}: {error}", path.display()))
}

fn too_large(path: &Path) -> Error {
    let (path, limit_mib) = (path.display(), MAX_BLOB_BYTES / 1024 / 1024);
    let message = format!("{path} is larger than {limit_mib} MiB, the largest model that a device's agent takes");
    Error::new(ErrorKind::Usage, message)
}
