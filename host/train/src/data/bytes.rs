//! Reading whole files, gzip or not.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::DataError;

/// Largest size of one file after decompression: four times the training images of CIFAR-10.
const MAX_BYTES: u64 = 1 << 30;

/// What the first two bytes of a gzip file are.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The contents of a file, decompressed if it is gzip.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut raw = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut raw).map_err(failed)?;
    let contents = if raw.starts_with(&GZIP) { inflate(&raw).map_err(failed)? } else { raw };
    if contents.len() as u64 > MAX_BYTES {
        return Err(DataError::malformed(path, format!("is larger than {MAX_BYTES} bytes")));
    }
    Ok(contents)
}

/// Decompresses gzip.
pub(super) fn inflate(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    GzDecoder::new(raw).take(MAX_BYTES + 1).read_to_end(&mut contents)?;
    Ok(contents)
}
