//! The file of a table of NAS-Bench-201 cells, which `edgefit simulate` and `edgefit table evaluate --csv` read: where it is, and
//! its text unpacked. What is in it is theirs to read.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::config::DATA_FOLDER;
use crate::error::{Error, ErrorKind, Result};

/// The column of the cells.
pub(crate) const CELLS: &str = "arch";

/// Largest table that is read, in bytes.
const MAX_BYTES: u64 = 1 << 28;

/// Opens a table, unpacked if its name ends in `.gz`. A relative path that is not there is looked for below the folder that
/// [`DATA_FOLDER`] names.
///
/// # Errors
/// When it cannot be opened; it then says what a table is.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let file = File::open(found(path)).map_err(|error| not_opened(path, &error))?;
    let is_packed = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    let reader: Box<dyn Read> = if is_packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(Limited { reader, left: MAX_BYTES }))
}

/// A reader that fails where there is more than this.
struct Limited {
    reader: Box<dyn Read>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| io::Error::other(format!("it is larger than {MAX_BYTES} bytes")))?;
        Ok(count)
    }
}

fn found(path: &Path) -> PathBuf {
    let below = env::var_os(DATA_FOLDER).map(|folder| Path::new(&folder).join(path));
    below.filter(|below| !path.exists() && below.exists()).unwrap_or_else(|| path.to_owned())
}

fn not_opened(path: &Path, error: &io::Error) -> Error {
    let help = "; a table is a CSV file, gzipped if its name ends in .gz, whose first line names its columns: \
        `arch` with NAS-Bench-201 cells, such as |nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|, and any columns of numbers";
    let help = if error.kind() == io::ErrorKind::NotFound { help } else { "" };
    Error::new(ErrorKind::Data, format!("{}: {error}{help}", path.display()))
}
