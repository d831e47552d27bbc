//! Blobs on the device: models and inputs, each in a file named by its SHA-256.
//!
//! A blob grows in a file of its own name with `.part` and gets its name when its hash was
//! checked, so that a blob that is there is whole. When the store or the disk is full, the blobs
//! that were used longest ago go.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use edgefit_protocol::{
    error::{ErrorKind, JobError},
    limits,
    message::{Reply, Sha256},
};
use sha2::{Digest, Sha256 as Hasher};
use tempfile::TempDir;

/// Bytes of a KiB.
const KIB: u64 = 1024;

/// The blobs of one agent.
pub(super) struct Store {
    folder: PathBuf,
    /// Removes the folder with the store, where nobody named one.
    _temporary: Option<TempDir>,
}

impl Store {
    /// Opens a folder, or makes one that goes with the store.
    pub(super) fn open(folder: Option<&Path>) -> io::Result<Self> {
        match folder {
            Some(folder) => {
                fs::create_dir_all(folder)?;
                Ok(Self { folder: folder.to_owned(), _temporary: None })
            }
            None => {
                let temporary = tempfile::Builder::new().prefix("edgefit-").tempdir()?;
                Ok(Self { folder: temporary.path().to_owned(), _temporary: Some(temporary) })
            }
        }
    }

    /// Room in the file system, in bytes.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.folder).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }

    /// How much of a blob is there; one that is whole counts as used now.
    pub(super) fn status(&self, sha256: &Sha256) -> Reply {
        let size = |path: PathBuf| fs::metadata(path).ok().map(|found| found.len());
        match size(self.whole(sha256)) {
            Some(stored_bytes) => {
                // What is asked for is going to be used; that it is gone by then is told when it is used.
                let path = self.path(sha256).ok().map(|path| path.to_string_lossy().into_owned());
                Reply::Blob { stored_bytes, complete: true, path }
            }
            None => {
                let stored_bytes = size(self.part(sha256)).unwrap_or(0);
                Reply::Blob { stored_bytes, complete: false, path: None }
            }
        }
    }

    /// The file of a whole blob, which counts as used now.
    pub(super) fn path(&self, sha256: &Sha256) -> Result<PathBuf, JobError> {
        let path = self.whole(sha256);
        let file = File::open(&path).map_err(|_| {
            let message = format!("{} is not on the device", hex(sha256));
            JobError::new(ErrorKind::MissingBlob, message)
        })?;
        // A folder without modification times just evicts in another order.
        let _ = file.set_modified(SystemTime::now());
        Ok(path)
    }

    /// Takes a piece of a blob; the last one completes it.
    pub(super) fn put(
        &mut self,
        sha256: &Sha256,
        total_bytes: u64,
        offset: u64,
        chunk: &[u8],
    ) -> Result<Reply, JobError> {
        check_piece(total_bytes, offset, chunk)?;
        if offset == 0 {
            self.make_room(total_bytes, self.free_bytes()).map_err(|error| full(&error))?;
        }
        let stored_bytes = self.append_whole(sha256, offset, chunk).map_err(|error| full(&error))?;
        if stored_bytes == total_bytes {
            self.complete(sha256)?;
        }
        Ok(self.status(sha256))
    }

    /// Appends a piece; where the disk has no room for it, blobs go, the longest unused first. A blob that cannot be whole leaves nothing.
    fn append_whole(&self, sha256: &Sha256, offset: u64, chunk: &[u8]) -> io::Result<u64> {
        let full = match self.append(sha256, offset, chunk) {
            Err(error) if is_without_room(&error) => error,
            result => return result,
        };
        let part = self.part(sha256);
        let mut others = self.blobs()?;
        others.retain(|blob| blob.path != part);
        others.sort_by_key(|blob| blob.used);
        for other in others {
            fs::remove_file(other.path)?;
            match self.append(sha256, offset, chunk) {
                Err(error) if is_without_room(&error) => {}
                result => return result,
            }
        }
        let _ = fs::remove_file(part);
        Err(full)
    }

    fn append(&self, sha256: &Sha256, offset: u64, chunk: &[u8]) -> io::Result<u64> {
        let path = self.part(sha256);
        let mut options = OpenOptions::new();
        let mut file = match offset {
            0 => options.write(true).create(true).truncate(true),
            _ => options.append(true),
        }
        .open(path)?;
        if file.metadata()?.len() != offset {
            return Err(io::Error::other("the pieces are not in order"));
        }
        let written = file.write_all(chunk);
        if written.is_err() {
            // What has come of the piece goes, so that it can come again.
            file.set_len(offset)?;
        }
        written.map(|()| offset + chunk.len() as u64)
    }

    fn complete(&self, sha256: &Sha256) -> Result<(), JobError> {
        let part = self.part(sha256);
        if hash_of(&part).map_err(|error| full(&error))? != *sha256 {
            // What is left of a wrong blob is overwritten by the next try.
            let _ = fs::remove_file(&part);
            let message = format!("the blob does not have the hash {}", hex(sha256));
            return Err(JobError::new(ErrorKind::CorruptBlob, message));
        }
        fs::rename(part, self.whole(sha256)).map_err(|error| full(&error))
    }

    /// Removes blobs, the longest unused first, until one of this size fits beside them and into what the disk has free, where that is known.
    fn make_room(&self, needed_bytes: u64, free_bytes: Option<u64>) -> io::Result<()> {
        let mut blobs = self.blobs()?;
        blobs.sort_by_key(|blob| blob.used);
        let mut total_bytes: u64 = blobs.iter().map(|blob| blob.bytes).sum();
        let mut free_bytes = free_bytes.unwrap_or(u64::MAX);
        if free_bytes.saturating_add(total_bytes) < needed_bytes {
            let (needed_kib, free_kib) = (needed_bytes / KIB + 1, free_bytes / KIB);
            let message = format!("no space left: it takes {needed_kib} KiB, and {free_kib} KiB are free");
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        let mut count = blobs.len();
        for blob in blobs {
            let fits = total_bytes + needed_bytes <= limits::MAX_STORE_BYTES && needed_bytes <= free_bytes;
            if fits && count < limits::MAX_STORE_BLOBS {
                break;
            }
            fs::remove_file(&blob.path)?;
            total_bytes -= blob.bytes;
            free_bytes = free_bytes.saturating_add(blob.bytes);
            count -= 1;
        }
        Ok(())
    }

    fn blobs(&self) -> io::Result<Vec<Blob>> {
        fs::read_dir(&self.folder)?
            .map(|entry| {
                let entry = entry?;
                let found = entry.metadata()?;
                Ok(Blob { path: entry.path(), bytes: found.len(), used: found.modified()? })
            })
            .collect()
    }

    fn whole(&self, sha256: &Sha256) -> PathBuf {
        self.folder.join(hex(sha256))
    }

    fn part(&self, sha256: &Sha256) -> PathBuf {
        self.folder.join(format!("{}.part", hex(sha256)))
    }
}

fn is_without_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

struct Blob {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn check_piece(total_bytes: u64, offset: u64, chunk: &[u8]) -> Result<(), JobError> {
    let end = offset.checked_add(chunk.len() as u64);
    let message = if total_bytes > limits::MAX_BLOB_BYTES {
        format!("{total_bytes} bytes are over the limit of {} bytes", limits::MAX_BLOB_BYTES)
    } else if chunk.len() > limits::MAX_CHUNK_BYTES {
        format!("a piece is over the limit of {} bytes", limits::MAX_CHUNK_BYTES)
    } else if end.is_none_or(|end| end > total_bytes) {
        "a piece goes beyond the end of its blob".to_owned()
    } else {
        return Ok(());
    };
    Err(JobError::new(ErrorKind::Request, message))
}

fn full(error: &io::Error) -> JobError {
    let message = format!("the device cannot store the blob: {error}");
    JobError::new(ErrorKind::Storage, message)
}

fn hash_of(path: &Path) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn hex(sha256: &Sha256) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::open(None).unwrap()
    }

    fn hash(bytes: &[u8]) -> Sha256 {
        Hasher::digest(bytes).into()
    }

    /// What is said of a blob, but for its place.
    fn said(reply: Reply) -> (u64, bool) {
        match reply {
            Reply::Blob { stored_bytes, complete, path } => {
                assert_eq!(path.is_some(), complete);
                (stored_bytes, complete)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_blob_comes_in_pieces_and_is_there_when_it_is_whole() {
        let mut store = store();
        let name = hash(b"abcdef");
        assert_eq!(said(store.status(&name)), (0, false));
        assert_eq!(store.put(&name, 6, 0, b"abc").map(said), Ok((3, false)));
        assert_eq!(store.path(&name).unwrap_err().kind, ErrorKind::MissingBlob);
        assert_eq!(store.put(&name, 6, 3, b"def").map(said), Ok((6, true)));
        assert_eq!(fs::read(store.path(&name).unwrap()).unwrap(), b"abcdef");
    }

    #[test]
    fn an_empty_blob_is_a_blob() {
        let mut store = store();
        assert_eq!(store.put(&hash(b""), 0, 0, b"").map(said), Ok((0, true)));
    }

    #[test]
    fn a_piece_at_zero_starts_anew() {
        let mut store = store();
        let name = hash(b"abcdef");
        store.put(&name, 6, 0, b"abc").unwrap();
        assert_eq!(store.put(&name, 6, 0, b"abcdef").map(said), Ok((6, true)));
    }

    #[test]
    fn wrong_pieces_are_refused() {
        let mut store = store();
        let name = hash(b"abcdef");
        let mut kind = |total, offset, chunk: &[u8]| store.put(&name, total, offset, chunk).unwrap_err().kind;
        assert_eq!(kind(6, 0, b"abcdeF"), ErrorKind::CorruptBlob);
        assert_eq!(kind(6, 3, b"def"), ErrorKind::Storage);
        assert_eq!(kind(2, 0, b"abc"), ErrorKind::Request);
        assert_eq!(kind(u64::MAX, 0, b"a"), ErrorKind::Request);
        assert_eq!(kind(6, u64::MAX, b"a"), ErrorKind::Request);
        let piece = vec![0; limits::MAX_CHUNK_BYTES + 1];
        assert_eq!(kind(limits::MAX_BLOB_BYTES, 0, &piece), ErrorKind::Request);
    }

    #[test]
    fn a_full_store_lets_the_longest_unused_go() {
        let mut store = store();
        let old = Hasher::digest(b"old").into();
        store.put(&old, 3, 0, b"old").unwrap();
        let file = File::options().write(true).open(store.whole(&old)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let new = hash(b"new");
        store.put(&new, 3, 0, b"new").unwrap();
        store.make_room(limits::MAX_STORE_BYTES - 5, None).unwrap();
        assert_eq!(said(store.status(&old)), (0, false));
        assert_eq!(said(store.status(&new)), (3, true));
    }

    #[test]
    fn a_full_disk_lets_the_longest_unused_go_and_nothing_where_that_is_not_enough() {
        let mut store = store();
        let (old, new) = (hash(b"old"), hash(b"new"));
        store.put(&old, 3, 0, b"old").unwrap();
        let file = File::options().write(true).open(store.whole(&old)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        store.put(&new, 3, 0, b"new").unwrap();
        store.make_room(4, Some(4)).unwrap();
        let error = store.make_room(9, Some(2)).unwrap_err();
        assert_eq!((error.kind(), store.whole(&old).exists()), (io::ErrorKind::StorageFull, true));
        store.make_room(4, Some(1)).unwrap();
        assert_eq!((said(store.status(&old)), said(store.status(&new))), ((0, false), (3, true)));
    }

    #[test]
    fn the_folder_of_a_connection_goes_with_it() {
        let store = store();
        let folder = store.folder.clone();
        assert!(folder.exists());
        drop(store);
        assert!(!folder.exists());
    }
}
