//! MNIST's format: a file of images and a file of labels, each with a big-endian header, gzip or not.
//!
//! The path is a folder or the common beginning of the names. Images of a set are found as `NAME-images-idx3-ubyte[.gz]` with
//! `NAME-labels-idx1-ubyte[.gz]` (a dot in place of the last dash is accepted). `train` is split by the seed and `t10k` or
//! `test` is the test; a set that is alone is split, whatever its name.

use std::path::{Path, PathBuf};

use super::bytes::read;
use super::in_memory::InMemory;
use super::{Collection, DataError, Format, Numbers, SampleShape, Samples, Source, Values};

/// The format `idx`.
pub(super) struct Idx;

/// Third byte of the header: unsigned bytes follow.
const BYTES: u8 = 8;

/// Most classes: labels are bytes.
const MAX_CLASSES: usize = 256;

impl Format for Idx {
    fn name(&self) -> &'static str {
        "idx"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        let files = find(path)?;
        let mut sets = files.iter().map(|(images, labels)| load(images, labels)).collect::<Result<Vec<_>, _>>()?;
        let test = if sets.len() > 1 { sets.pop() } else { None };
        let pool = sets.pop().ok_or_else(|| missing(path))?;
        let largest = pool.labels.iter().chain(test.iter().flat_map(|t| &t.labels)).max().copied().unwrap_or(0);
        let classes = (0..=largest).map(|class| class.to_string()).take(MAX_CLASSES).collect();
        Ok(InMemory { classes, divisor: 255.0, pool, test, recordings: None, resize: None, groups: [None, None] }
            .boxed(source))
    }
}

fn missing(path: &Path) -> DataError {
    DataError::Missing { path: path.to_owned(), expected: "NAME-images-idx3-ubyte or NAME-images-idx3-ubyte.gz".into() }
}

/// Pairs of files: the training set, then the test set if there is one.
fn find(path: &Path) -> Result<Vec<(PathBuf, PathBuf)>, DataError> {
    let (folder, prefix) = if path.is_dir() { (path, "") } else { split_prefix(path) };
    let entries = std::fs::read_dir(folder).map_err(|source| DataError::Read { path: folder.to_owned(), source })?;
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut images: Vec<String> =
        names.filter(|n| n.starts_with(prefix) && n.contains("images") && n.contains("idx3")).collect();
    images.sort_by_key(|name| (name.contains("t10k") || name.contains("test"), name.clone()));
    images.dedup_by_key(|name| name.trim_end_matches(".gz").to_owned());
    let pairs: Vec<_> = images.iter().take(2).map(|n| (folder.join(n), labels_of(folder, n))).collect();
    if pairs.is_empty() { Err(missing(path)) } else { Ok(pairs) }
}

fn split_prefix(path: &Path) -> (&Path, &str) {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (folder, path.file_name().and_then(|n| n.to_str()).unwrap_or(""))
}

/// The file of labels that belongs to a file of images; it may be compressed when the other is not.
fn labels_of(folder: &Path, images: &str) -> PathBuf {
    let name = images.replace("images", "labels").replace("idx3", "idx1");
    let plain = name.trim_end_matches(".gz").to_owned();
    let candidates = [name.clone(), plain.clone(), format!("{plain}.gz")];
    candidates.iter().map(|n| folder.join(n)).find(|p| p.exists()).unwrap_or_else(|| folder.join(name))
}

fn load(images: &Path, labels: &Path) -> Result<Samples, DataError> {
    let (dims, bytes) = parse(images, read(images)?)?;
    let (label_dims, label_bytes) = parse(labels, read(labels)?)?;
    let shape = match *dims {
        [_, height, width] => SampleShape::Image { height, width, channels: 1 },
        [_, height, width, channels] => SampleShape::Image { height, width, channels },
        _ => {
            return Err(DataError::malformed(
                images,
                format!("has {} dimensions where images have 3 or 4", dims.len()),
            ));
        }
    };
    if label_dims != dims[..1] {
        let reason = format!("has {} labels for the {} images of {}", label_bytes.len(), dims[0], images.display());
        return Err(DataError::malformed(labels, reason));
    }
    Ok(Samples {
        values: Values { shape, numbers: Numbers::Bytes(bytes) },
        labels: label_bytes.into_iter().map(u32::from).collect(),
    })
}

/// Dimensions and contents of a file.
fn parse(path: &Path, mut file: Vec<u8>) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let rank = match file[..] {
        [0, 0, BYTES, rank, ..] => usize::from(rank),
        _ => return Err(DataError::malformed(path, "is not an IDX file of bytes")),
    };
    let start = 4 + 4 * rank;
    if file.len() < start {
        return Err(DataError::malformed(path, "ends within its header"));
    }
    let dims: Vec<usize> =
        file[4..start].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let elements = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if dims.contains(&0) || elements != Some(file.len() - start) {
        let reason = format!("holds {} bytes where its header says {dims:?}", file.len() - start);
        return Err(DataError::malformed(path, reason));
    }
    Ok((dims, file.split_off(start)))
}
