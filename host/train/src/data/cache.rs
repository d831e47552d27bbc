//! Decoded samples, kept in files so that the next run does not decode again.
//!
//! An entry is named by the contents of the files that it was decoded from and by how, so that it can never be out of date. It
//! carries a hash of itself: a damaged one is decoded anew. The folder holds at most [`MAX_CACHE_BYTES`]; the oldest entries go
//! first. A cache that cannot be written is not an error, since nothing depends on it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::bytes;
use super::{Collection, DataError, Numbers, Part, SampleShape, Source, Values};

/// Most bytes that the folder holds.
const MAX_CACHE_BYTES: u64 = 4 << 30;

/// First bytes of an entry, with its version.
const MAGIC: &[u8; 16] = b"edgefit-data 1\n\0";

const HASH_BYTES: usize = 32;

/// Behind the magic: kind of shape, kind of numbers, three sizes.
const HEADER_BYTES: usize = MAGIC.len() + 2 + 3 * 8;

/// What identifies the contents of files and how they are decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// The key of these files, decoded with these settings.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn key<'a>(settings: &str, files: impl Iterator<Item = &'a Path>) -> Result<Key, DataError> {
    let mut all = Sha256::new();
    all.update(settings);
    for path in files {
        all.update(Sha256::digest(bytes::read(path)?));
    }
    Ok(Key(all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The samples, from the cache where they are in it.
///
/// # Errors
/// As [`Collection::read`].
pub(super) fn read(
    collection: &dyn Collection,
    source: &Source,
    part: Part,
    indices: &[usize],
) -> Result<Values, DataError> {
    let Some(folder) = &source.cache else { return collection.read(part, indices) };
    let Some(Key(name)) = collection.content(part, indices)? else { return collection.read(part, indices) };
    let file = folder.join(name);
    if let Some(values) = load(&file) {
        return Ok(values);
    }
    let values = collection.read(part, indices)?;
    // Nothing depends on what is kept.
    let _ = keep(folder, &file, &encode(&values));
    Ok(values)
}

fn load(file: &Path) -> Option<Values> {
    let entry = fs::read(file).ok()?;
    let (contents, hash) = entry.split_at_checked(entry.len().checked_sub(HASH_BYTES)?)?;
    (Sha256::digest(contents)[..] == *hash).then_some(())?;
    let values = decode(contents)?;
    // The age of an entry counts from its last use.
    let _ = fs::File::open(file).and_then(|f| f.set_modified(SystemTime::now()));
    Some(values)
}

fn encode(values: &Values) -> Vec<u8> {
    let mut entry = MAGIC.to_vec();
    let is_series = matches!(values.shape, SampleShape::Series { .. });
    let is_floats = matches!(values.numbers, Numbers::Floats(_));
    entry.extend([u8::from(is_series), u8::from(is_floats)]);
    let [rows, columns] = values.shape.rows_columns();
    [rows, columns, values.shape.channels()].iter().for_each(|&size| entry.extend((size as u64).to_le_bytes()));
    match &values.numbers {
        Numbers::Bytes(bytes) => entry.extend(bytes),
        Numbers::Floats(floats) => entry.extend(floats.iter().flat_map(|x| x.to_le_bytes())),
    }
    let hash = Sha256::digest(&entry);
    entry.extend(&hash[..]);
    entry
}

fn decode(contents: &[u8]) -> Option<Values> {
    let (header, numbers) = contents.split_at_checked(HEADER_BYTES)?;
    let header = header.strip_prefix(MAGIC)?;
    let size = |at: usize| {
        let bytes = header.get(2 + 8 * at..10 + 8 * at)?;
        usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let (height, width, channels) = (size(0)?, size(1)?, size(2)?);
    let shape = match header[0] {
        0 => SampleShape::Image { height, width, channels },
        _ => SampleShape::Series { length: width, channels },
    };
    let numbers = match header[1] {
        0 => Numbers::Bytes(numbers.to_vec()),
        _ => Numbers::Floats(numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
    };
    (shape.size() > 0 && numbers.len().is_multiple_of(shape.size())).then_some(Values { shape, numbers })
}

/// Writes an entry whole, after making room for it.
fn keep(folder: &Path, file: &Path, entry: &[u8]) -> std::io::Result<()> {
    if entry.len() as u64 > MAX_CACHE_BYTES {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    make_room(folder, MAX_CACHE_BYTES - entry.len() as u64)?;
    let unfinished = file.with_extension(format!("{}.part", std::process::id()));
    let written = fs::File::create(&unfinished).and_then(|mut f| f.write_all(entry));
    let renamed = written.and_then(|()| fs::rename(&unfinished, file));
    if renamed.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    renamed
}

/// Removes the oldest entries until the folder holds at most `most` bytes.
fn make_room(folder: &Path, most: u64) -> std::io::Result<()> {
    let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        entries.push((about.modified()?, about.len(), entry.path()));
    }
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in entries {
        if total <= most {
            break;
        }
        fs::remove_file(path)?;
        total -= bytes;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_what_was_put_in_and_a_damaged_one_nothing() {
        let folder = std::env::temp_dir().join(format!("edgefit-cache-{}", std::process::id()));
        let shapes =
            [SampleShape::Image { height: 2, width: 1, channels: 1 }, SampleShape::Series { length: 2, channels: 1 }];
        for (at, shape) in shapes.into_iter().enumerate() {
            for numbers in [Numbers::Bytes(vec![1, 2, 3, 4]), Numbers::Floats(vec![0.5, -1.0])] {
                let (values, file) = (Values { shape, numbers }, folder.join(at.to_string()));
                keep(&folder, &file, &encode(&values)).unwrap();
                assert_eq!(load(&file), Some(values));
                let mut entry = fs::read(&file).unwrap();
                entry[HEADER_BYTES] ^= 1;
                fs::write(&file, entry).unwrap();
                assert_eq!(load(&file), None);
            }
        }
        let size = fs::metadata(folder.join("0")).unwrap().len();
        make_room(&folder, size).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
