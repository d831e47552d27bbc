//! Arrays in one file of NumPy: `x_train` and `y_train`, `x_test` and `y_test` where there is a test, or just `x` and `y`.
//!
//! `train_images` and `train_labels` (also `val_` and `test_`) are known too; what is named for validation joins the pool that the
//! seed splits. Labels are whole numbers from 0. Unsigned bytes are pixels of 0 to 255, anything else is taken as it is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::in_memory::InMemory;
use super::npy::{self, Array};
use super::{Collection, DataError, Format, Numbers, SampleShape, Samples, Source, Values};

/// The format `npz`.
pub(super) struct Npz;

/// Largest array, in bytes.
const MAX_BYTES: u64 = 4 << 30;

/// Most classes.
const MAX_CLASSES: usize = 65_536;

/// Names of samples and labels, in the order in which they are looked for.
const TRAIN: [[&str; 2]; 4] = [["x_train", "y_train"], ["train_images", "train_labels"], ["X", "y"], ["x", "y"]];
const VALIDATION: [[&str; 2]; 2] = [["x_val", "y_val"], ["val_images", "val_labels"]];
const TEST: [[&str; 2]; 2] = [["x_test", "y_test"], ["test_images", "test_labels"]];

/// Order of an array's dimensions: samples (N), then channels (C), rows (H) and columns (W), or time steps (L).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Gray images.
    Nhw,
    /// Images, channels last.
    Nhwc,
    /// Images, channels first.
    Nchw,
    /// Series of one channel.
    Nl,
    /// Series, channels last.
    Nlc,
    /// Series, channels first.
    Ncl,
}

impl Layout {
    /// Every layout with its name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("nhw", Self::Nhw),
        ("nhwc", Self::Nhwc),
        ("nchw", Self::Nchw),
        ("nl", Self::Nl),
        ("nlc", Self::Nlc),
        ("ncl", Self::Ncl),
    ];

    /// The usual one of a rank: `nl`, `nhw`, `nhwc`.
    fn usual(rank: usize) -> Option<Self> {
        match rank {
            2 => Some(Self::Nl),
            3 => Some(Self::Nhw),
            4 => Some(Self::Nhwc),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, layout)| *layout == self).map_or("", |(name, _)| name)
    }

    /// The shape of a sample, and whether its channels come first.
    fn shape(self, dims: &[usize]) -> Option<(SampleShape, bool)> {
        Some(match (self, dims) {
            (Self::Nhw, &[height, width]) => (SampleShape::Image { height, width, channels: 1 }, false),
            (Self::Nhwc, &[height, width, channels]) => (SampleShape::Image { height, width, channels }, false),
            (Self::Nchw, &[channels, height, width]) => (SampleShape::Image { height, width, channels }, true),
            (Self::Nl, &[length]) => (SampleShape::Series { length, channels: 1 }, false),
            (Self::Nlc, &[length, channels]) => (SampleShape::Series { length, channels }, false),
            (Self::Ncl, &[channels, length]) => (SampleShape::Series { length, channels }, true),
            _ => return None,
        })
    }
}

impl Format for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        let mut file = Archive::open(path, source.layout)?;
        let expected = || "x_train and y_train (or x and y)".to_owned();
        let missing = || DataError::Missing { path: path.to_owned(), expected: expected() };
        let mut pool = file.samples(&TRAIN)?.ok_or_else(missing)?;
        if let Some(validation) = file.samples(&VALIDATION)? {
            super::error::same_shape(pool.values.shape, validation.values.shape)?;
            pool.append(validation);
        }
        let test = file.samples(&TEST)?;
        let largest = pool.labels.iter().chain(test.iter().flat_map(|t| &t.labels)).max().copied().unwrap_or(0);
        let classes = (0..=largest).map(|class| class.to_string()).collect();
        let divisor = if matches!(pool.values.numbers, Numbers::Bytes(_)) { 255.0 } else { 1.0 };
        Ok(InMemory { classes, divisor, pool, test, recordings: None, resize: None, groups: [None, None] }
            .boxed(source))
    }
}

struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<File>,
    layout: Option<Layout>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path, layout: Option<Layout>) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        let zip = ZipArchive::new(file).map_err(|e| DataError::malformed(path, format!("is no npz file: {e}")))?;
        Ok(Self { path, zip, layout })
    }

    /// Samples and labels under the first of these names that are there.
    fn samples(&mut self, names: &[[&str; 2]]) -> Result<Option<Samples>, DataError> {
        for [x, y] in names {
            if let Some(array) = self.array(x)? {
                let values = self.values(x, array)?;
                let expected = || DataError::Missing { path: self.path.to_owned(), expected: format!("array `{y}`") };
                let missing = expected();
                let labels = self.array(y)?.ok_or(missing)?;
                let labels = self.labels(y, labels, values.numbers.len() / values.shape.size())?;
                return Ok(Some(Samples { values, labels }));
            }
        }
        Ok(None)
    }

    fn array(&mut self, name: &str) -> Result<Option<Array>, DataError> {
        let file = format!("{name}.npy");
        if self.zip.index_for_name(&file).is_none() {
            return Ok(None);
        }
        let wrong = |reason: String| DataError::malformed(self.path, format!("array `{name}` {reason}"));
        let mut bytes = Vec::new();
        let entry = self.zip.by_name(&file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        entry.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(wrong(format!("is larger than {MAX_BYTES} bytes")));
        }
        npy::parse(&bytes).map(Some).map_err(wrong)
    }

    fn values(&self, name: &str, Array { dims, numbers }: Array) -> Result<Values, DataError> {
        let wrong = |reason: String| DataError::malformed(self.path, format!("array `{name}` {reason}"));
        let layout = self.layout.or(Layout::usual(dims.len()));
        let shape = layout.and_then(|layout| layout.shape(dims.get(1..)?));
        let Some((shape, channels_first)) = shape.filter(|_| !dims.contains(&0)) else {
            let asked = layout.map_or("nl, nhw or nhwc", Layout::name);
            return Err(wrong(format!("has the dimensions {dims:?}, which are not {asked}; state another `layout`")));
        };
        if let Numbers::Floats(floats) = &numbers
            && let Some(at) = floats.iter().position(|x| !x.is_finite())
        {
            return Err(wrong(format!("row {}: {} is no finite number", at / shape.size(), floats[at])));
        }
        let numbers = if channels_first { channels_last(&numbers, shape) } else { numbers };
        Ok(Values { shape, numbers })
    }

    fn labels(&self, name: &str, Array { dims, numbers }: Array, samples: usize) -> Result<Vec<u32>, DataError> {
        let wrong = |reason: String| DataError::malformed(self.path, format!("array `{name}` {reason}"));
        let is_list = matches!(dims[..], [_] | [_, 1]);
        if !is_list || numbers.len() != samples {
            return Err(wrong(format!(
                "has the dimensions {dims:?}; there must be one label for each of {samples} samples"
            )));
        }
        let label = |row: usize| {
            let value = numbers.at(row);
            let is_class = value >= 0.0 && value.fract() == 0.0 && value < MAX_CLASSES as f32;
            is_class
                .then_some(value as u32)
                .ok_or_else(|| wrong(format!("row {row}: {value} is no class; classes are 0, 1, 2 ...")))
        };
        (0..samples).map(label).collect()
    }
}

/// Moves the channels of each sample behind its positions.
fn channels_last(numbers: &Numbers, shape: SampleShape) -> Numbers {
    let (size, channels) = (shape.size(), shape.channels());
    let positions = size / channels;
    let order = move |sample: usize| {
        (0..positions).flat_map(move |at| (0..channels).map(move |c| sample * size + c * positions + at))
    };
    numbers.pick((0..numbers.len() / size).flat_map(order))
}
