//! Taking the library out of a wheel, with both hashes checked.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::error::InstallError;
use super::pinned::Pinned;

/// Largest library, in bytes: what is unpacked is never larger than this, whatever the archive says.
const MAX_LIBRARY_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes that are hashed at a time.
const BLOCK_BYTES: usize = 1 << 16;

/// The library in a wheel.
pub(super) fn library_of(wheel: &Path, library: &Pinned) -> Result<Vec<u8>, InstallError> {
    let found = hash_of(wheel).map_err(|cause| InstallError::io(wheel, cause))?;
    check(wheel.to_owned(), found, library.wheel_sha256, library)?;
    let bytes = unpack(wheel, &library.entry())?;
    let path = wheel.join(library.entry());
    check(path, hex(&Sha256::digest(&bytes)), library.library_sha256, library)?;
    Ok(bytes)
}

/// Whether the library at a path is the pinned one.
pub(super) fn is_whole(path: &Path, library: &Pinned) -> bool {
    hash_of(path).is_ok_and(|found| found == library.library_sha256)
}

fn check(path: PathBuf, found: String, expected: &'static str, library: &Pinned) -> Result<(), InstallError> {
    match found == expected {
        true => Ok(()),
        false => Err(InstallError::WrongHash { path, found, expected, wheel: library.wheel() }),
    }
}

fn unpack(wheel: &Path, entry: &str) -> Result<Vec<u8>, InstallError> {
    let file = File::open(wheel).map_err(|cause| InstallError::io(wheel, cause))?;
    let broken = |reason: String| InstallError::Wheel { path: wheel.to_owned(), reason };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(error.to_string()))?;
    let file = archive.by_name(entry).map_err(|error| broken(format!("{entry}: {error}")))?;
    let mut bytes = Vec::new();
    file.take(MAX_LIBRARY_BYTES).read_to_end(&mut bytes).map_err(|cause| InstallError::io(wheel, cause))?;
    Ok(bytes)
}

fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&block[..count]),
        }
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing into a string does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::{ZipWriter, write::SimpleFileOptions};

    /// Hashes of a wheel that holds `entry` with these bytes are pinned by the caller.
    fn wheel(folder: &Path, entry: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join("test.whl");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        writer.start_file(entry, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap();
        path
    }

    fn pinned(wheel_sha256: String, library: &[u8]) -> Pinned {
        Pinned {
            version: "9.9.9",
            target: "test-linux",
            platform: "any",
            wheel_sha256: wheel_sha256.leak(),
            library_sha256: hex(&Sha256::digest(library)).leak(),
        }
    }

    #[test]
    fn the_library_comes_out_only_when_both_hashes_are_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = wheel(folder.path(), "onnxruntime/capi/libonnxruntime.so.9.9.9", b"library");
        let right = hash_of(&path).unwrap();
        assert_eq!(library_of(&path, &pinned(right.clone(), b"library")).unwrap(), b"library");
        let other_wheel = library_of(&path, &pinned("0".repeat(64), b"library"));
        assert!(matches!(other_wheel, Err(InstallError::WrongHash { .. })), "{other_wheel:?}");
        let other_library = library_of(&path, &pinned(right, b"another"));
        assert!(matches!(other_library, Err(InstallError::WrongHash { .. })), "{other_library:?}");
    }

    #[test]
    fn a_wheel_without_the_library_and_no_wheel_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = wheel(folder.path(), "something/else", b"");
        let without = library_of(&path, &pinned(hash_of(&path).unwrap(), b""));
        assert!(without.unwrap_err().to_string().contains("libonnxruntime.so.9.9.9"));
        fs::write(&path, "no archive").unwrap();
        let no_archive = library_of(&path, &pinned(hash_of(&path).unwrap(), b""));
        assert!(matches!(no_archive, Err(InstallError::Wheel { .. })), "{no_archive:?}");
        assert!(matches!(
            library_of(Path::new("/no/such.whl"), &pinned(String::new(), b"")),
            Err(InstallError::Io { .. })
        ));
    }

    #[test]
    fn only_the_pinned_library_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.so");
        fs::write(&path, b"library").unwrap();
        assert!(is_whole(&path, &pinned(String::new(), b"library")));
        assert!(!is_whole(&path, &pinned(String::new(), b"librarz")));
        assert!(!is_whole(Path::new("/no/such.so"), &pinned(String::new(), b"")));
    }
}
