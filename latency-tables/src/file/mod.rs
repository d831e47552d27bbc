//! The table file: one JSON document, read and written here and nowhere else in the crate.
//!
//! Compatibility: `schema` is `edgefit-table/N`. A file of a newer `N` is refused, for reading and for being overwritten, because
//! rewriting would lose what this program does not understand. Version 1 had no source of a transferred table. Unknown fields
//! within a version are ignored. The samples
//! are the truth; a fit in the file says what guided when it was written and is made again from the samples on loading,
//! which gives the same numbers for the same program.

mod wire;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::table::{Table, TableError};

const FAMILY: &str = "edgefit-table/";
/// The version of the format that is written.
pub const VERSION: u32 = 2;

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// Why a table file cannot be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a table.
    #[error("{}: not a latency table: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is of a newer format.
    #[error("{}: written by a newer program (format {found}, this one knows {VERSION}); update edgefit or choose another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("{}: {bytes} bytes are over the limit of {MAX_FILE_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The samples of the file do not make a table.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TableError,
    },
}

/// Writes a table: first beside the file, then in its place, so that a crash leaves the old or the new one.
///
/// # Errors
/// When the file is of a newer format or cannot be written.
pub fn save(table: &Table, path: &Path) -> Result<(), FileError> {
    if path.exists() {
        check_version(path, &read(path)?)?;
    }
    let io_error = |source| FileError::Io { path: path.to_owned(), source };
    let text = wire::to_json(table).map_err(|error| io_error(error.into()))?;
    let partial = partial_path(path);
    let written = write_synced(&partial, &text).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        // The error that matters is the first; a leftover beside the file is only untidy.
        let _ = fs::remove_file(&partial);
        io_error(source)
    })
}

/// Reads a table; one that was fitted when it was written is fitted again.
///
/// # Errors
/// When the file cannot be read, is not a table, or is of a newer format.
pub fn load(path: &Path) -> Result<Table, FileError> {
    let text = read(path)?;
    check_version(path, &text)?;
    let malformed = |reason: String| FileError::Malformed { path: path.to_owned(), reason };
    let wire = wire::parse(&text).map_err(|error| malformed(error.to_string()))?;
    let was_fitted = wire.is_fitted();
    let samples = wire.samples().map_err(malformed)?;
    let table_error = |source| FileError::Table { path: path.to_owned(), source };
    let mut table = Table::new(wire.provenance()).map_err(table_error)?;
    table.set_population(wire.population());
    table.set_source(wire.source().map_err(malformed)?);
    for sample in samples {
        table.add_sample(sample).map_err(table_error)?;
    }
    if was_fitted {
        table.fit().map_err(table_error)?;
    }
    Ok(table)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let io_error = |source| FileError::Io { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(io_error)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned(), bytes });
    }
    fs::read(path).map_err(io_error)
}

fn check_version(path: &Path, text: &[u8]) -> Result<(), FileError> {
    let malformed = |reason: String| FileError::Malformed { path: path.to_owned(), reason };
    let schema = wire::schema(text).map_err(|error| malformed(error.to_string()))?;
    let version = schema.strip_prefix(FAMILY).and_then(|version| version.parse::<u32>().ok());
    match version {
        Some(found) if found > VERSION => Err(FileError::Newer { path: path.to_owned(), found }),
        Some(1..) => Ok(()),
        _ => Err(malformed(format!("its schema is `{schema}`, expected `{FAMILY}{VERSION}`"))),
    }
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}

fn write_synced(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FileError, load, save};
    use crate::source::Source;
    use crate::synthetic::{Device, fitted_table, provenance};
    use crate::table::Population;

    #[test]
    fn a_table_survives_the_file_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.table");
        let device = Device::default();
        let mut table = fitted_table(&device, 30);
        let population = Population { space: "chain".into(), input: vec![3, 16, 16], classes: 10 };
        table.set_population(Some(population));
        table.set_source(Source::new(provenance(), device.samples(100..110)));
        table.fit().unwrap();
        save(&table, &path).unwrap();
        let loaded = load(&path).unwrap();
        assert_eq!(loaded.samples(), table.samples());
        assert_eq!(loaded.provenance(), table.provenance());
        assert_eq!(loaded.population(), table.population());
        assert_eq!(loaded.source().map(Source::samples), table.source().map(Source::samples));
        assert!(loaded.source().is_some());
        let network = device.kernels(999);
        assert_eq!(loaded.predict_kernels(&network).unwrap(), table.predict_kernels(&network).unwrap());
        save(&loaded, &path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.table");
        let newer = r#"{"schema":"edgefit-table/3","surprise":[1,2,3]}"#;
        fs::write(&path, newer).unwrap();
        let table = fitted_table(&Device::default(), 10);
        assert!(matches!(load(&path), Err(FileError::Newer { found: 3, .. })));
        let message = save(&table, &path).unwrap_err().to_string();
        assert!(message.contains("newer program (format 3, this one knows 2)"), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    }

    fn check_malformed(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.table");
        fs::write(&path, text).unwrap();
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }

    #[test]
    fn what_is_not_a_table_is_refused_with_the_reason() {
        let provenance = r#"{"device":"d","runtime":"tract","runtime_version":"1","threads":1,"agent_version":"1"}"#;
        let with = |kernels: &str, networks: &str| {
            format!(
                r#"{{"schema":"edgefit-table/1","provenance":{provenance},"kernels":[{kernels}],"networks":[{networks}]}}"#
            )
        };
        let network = r#"{"id":"n","kernels":[{"kernel":3,"nodes":[]}],"latency_ns":[1.0],"peak_activation_bytes":1,"weight_bytes":1}"#;
        check_malformed("[]", "not a latency table");
        check_malformed("{", "not a latency table");
        check_malformed(r#"{"schema":"edgefit-bench/1"}"#, "its schema is `edgefit-bench/1`");
        check_malformed(r#"{"schema":"edgefit-table/1"}"#, "missing field `provenance`");
        check_malformed(&with("", network), "network `n` names kernel 3 of 0");
        check_malformed(&with(r#"{"key":"k","kind":"magic","features":[0,0,0,0,0,0,0,0,0,0,0]}"#, ""), "kind `magic`");
        check_malformed(&with("", "").replace("tract", "abacus"), "no fusion rule for the runtime `abacus`");
    }
}
