//! The binary form of CIFAR-10: batches of records, each a label and 32x32 pixels, red, green and blue one after the other.

use std::path::Path;

use super::bytes::read;
use super::in_memory::InMemory;
use super::{Collection, DataError, Format, Numbers, SampleShape, Samples, Source, Values};

/// The format `cifar10`.
pub(super) struct Cifar10;

const SHAPE: SampleShape = SampleShape::Image { height: 32, width: 32, channels: CHANNELS };

const CHANNELS: usize = 3;

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];

impl Format for Cifar10 {
    fn name(&self) -> &'static str {
        "cifar10"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let folder = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        let inner = folder.join("cifar-10-batches-bin");
        let folder = if inner.is_dir() { &inner } else { folder };
        let pool = load(TRAIN.iter().map(|name| folder.join(name)).filter(|p| p.exists()))?;
        if pool.is_empty() {
            return Err(DataError::Missing { path: folder.to_owned(), expected: TRAIN[0].into() });
        }
        let test = Some(folder.join("test_batch.bin")).filter(|p| p.exists());
        let test = test.map(|path| load(std::iter::once(path))).transpose()?;
        let classes = CLASSES.map(str::to_owned).to_vec();
        Ok(InMemory { classes, divisor: 255.0, pool, test, recordings: None, resize: None, groups: [None, None] }
            .boxed(source))
    }
}

fn load(files: impl Iterator<Item = impl AsRef<Path>>) -> Result<Samples, DataError> {
    let (mut bytes, mut labels) = (Vec::new(), Vec::new());
    for file in files {
        parse(file.as_ref(), &read(file.as_ref())?, &mut bytes, &mut labels)?;
    }
    Ok(Samples { values: Values { shape: SHAPE, numbers: Numbers::Bytes(bytes) }, labels })
}

fn parse(path: &Path, file: &[u8], bytes: &mut Vec<u8>, labels: &mut Vec<u32>) -> Result<(), DataError> {
    let record = 1 + SHAPE.size();
    if !file.len().is_multiple_of(record) {
        return Err(DataError::malformed(path, format!("is not a whole number of records of {record} bytes")));
    }
    for (row, record) in file.chunks_exact(record).enumerate() {
        if usize::from(record[0]) >= CLASSES.len() {
            return Err(DataError::malformed(path, format!("record {}: label {} is above 9", row + 1, record[0])));
        }
        labels.push(u32::from(record[0]));
        let plane = SHAPE.size() / CHANNELS;
        bytes.extend((0..plane).flat_map(|p| (0..CHANNELS).map(move |c| record[1 + c * plane + p])));
    }
    Ok(())
}
