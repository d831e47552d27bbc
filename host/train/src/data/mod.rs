//! Labelled samples (images, series, sounds): reading them, splitting them by a seed, and their statistics.
//!
//! A format is a file of its own that implements [`Format`] and is listed in [`FORMATS`]. Pixels stay bytes in memory, channels
//! last; they become normalized floats batch by batch.

mod bytes;
mod cache;
mod cifar10;
mod class_folders;
#[cfg(test)]
mod conformance;
mod csv_series;
mod digits;
mod error;
mod groups;
mod idx;
mod image_folder;
mod in_memory;
mod log_mel;
mod npy;
mod npz;
mod sample;
mod split;
mod wav;
mod wav_folder;

use std::path::PathBuf;

pub use cache::Key;
pub use error::DataError;
pub use groups::Groups;
pub use log_mel::LogMel;
pub use npz::Layout;
pub use sample::{Numbers, SampleShape, Samples, Values};
pub use split::Splits;

/// Every format, by name.
pub const FORMATS: [&dyn Format; 7] = [
    &digits::Digits,
    &idx::Idx,
    &image_folder::ImageFolder,
    &cifar10::Cifar10,
    &npz::Npz,
    &csv_series::CsvSeries,
    &wav_folder::WavFolder,
];

/// The format of this name.
pub fn format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|f| f.name() == name)
}

/// Where a data set is and how its samples are to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// Folder or file; `None` for a bundled set.
    pub path: Option<PathBuf>,
    /// Height and width that images are resized to; `None` for the size that they have, which must then be one. A series or a sound
    /// cannot be resized.
    pub resize: Option<[usize; 2]>,
    /// Order of an array's dimensions (`npz`); `None` for the usual one of its rank.
    pub layout: Option<Layout>,
    /// How recordings are cut (`csv-series`).
    pub window: Option<Window>,
    /// Channels of a row that is a whole series (`csv-series`); `None` for 1.
    pub channels: Option<usize>,
    /// What is computed of a sound (`wav-folder`).
    pub log_mel: LogMel,
    /// File that names the group of each sample's file (`image-folder`, `wav-folder`, recordings of `csv-series`).
    pub groups: Option<PathBuf>,
    /// Column that names the group of each row, from 1 (rows of `csv-series`).
    pub group_column: Option<usize>,
    /// Folder that decoded files are kept in; `None` to decode them each time.
    pub cache: Option<PathBuf>,
}

/// How a long recording becomes series of one length. What is left at its end is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Time steps of a series, at least 1.
    pub length: usize,
    /// Time steps from the beginning of one to that of the next, at least 1.
    pub stride: usize,
}

/// How files of samples and labels are laid out.
pub trait Format: Sync {
    /// As in a search file.
    fn name(&self) -> &'static str;

    /// Finds the samples and reads their labels.
    ///
    /// # Errors
    /// If the files are missing or not of this format; the error names the file.
    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError>;
}

/// Which part of a collection a sample is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To be split by the seed.
    Pool,
    /// Set aside for the test by who made the data set.
    Test,
}

/// Labelled samples of which only the wanted ones are read.
pub trait Collection {
    /// Names of the classes, by label.
    fn classes(&self) -> &[String];

    /// Labels of a part, in a fixed order; empty if there is no such part.
    fn labels(&self, part: Part) -> &[u32];

    /// The recording that each sample of the pool was cut from; `None` where each is its own. Samples of one recording are alike, so
    /// that they stay in one split.
    fn recordings(&self) -> Option<&[u32]> {
        None
    }

    /// The group of each sample of a part, such as who recorded it; `None` where none is stated.
    fn groups(&self, _part: Part) -> Option<&Groups> {
        None
    }

    /// What raw values are divided by before their statistics are taken: the largest value of a pixel.
    fn divisor(&self) -> f32 {
        255.0
    }

    /// What was computed of each file before the network sees it, as JSON that suffices to do it again; `None` for nothing.
    fn preparation(&self) -> Option<String> {
        None
    }

    /// What identifies the contents of these samples' files, where decoding them takes long enough to be kept.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn content(&self, _part: Part, _indices: &[usize]) -> Result<Option<cache::Key>, DataError> {
        Ok(None)
    }

    /// Values of these samples of a part.
    ///
    /// # Errors
    /// If a sample is broken or of another size than the rest; the error names the file.
    fn read(&self, part: Part, indices: &[usize]) -> Result<Values, DataError>;
}

/// `(x / divisor - mean[c]) / deviation[c]` for channel `c`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Largest value of a raw pixel; 1 for what are no pixels.
    pub divisor: f32,
    /// Mean of each channel over the training samples, after the division.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel over the training samples, after the division; 1 where it would be 0.
    pub deviation: Vec<f32>,
}

/// A data set ready for training: three disjoint splits.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// What weights are fitted to.
    pub train: Samples,
    /// What epochs and candidates are compared by.
    pub validation: Samples,
    /// What only the final figure is taken from.
    pub test: Samples,
    /// From the training samples.
    pub normalization: Normalization,
    /// What was computed of each file, as JSON; `None` where the files' own values are the samples.
    pub preparation: Option<String>,
    /// Groups of the validation samples, where the data state some.
    pub validation_groups: Option<Groups>,
    /// Groups of the test samples, where the data state some.
    pub test_groups: Option<Groups>,
}

impl Dataset {
    /// Reads and splits a data set. The same seed gives the same splits.
    ///
    /// # Errors
    /// If the files are not right or there are too few samples for three splits.
    pub fn load(format: &dyn Format, source: &Source, splits: &Splits, seed: u64) -> Result<Self, DataError> {
        let collection = format.open(source)?;
        let indices = split::split(&*collection, splits, seed)?;
        let samples = |part, indices: &[usize]| {
            let labels = indices.iter().map(|&i| collection.labels(part)[i]).collect();
            Ok(Samples { values: cache::read(&*collection, source, part, indices)?, labels })
        };
        let train = samples(Part::Pool, &indices.train)?;
        let validation = samples(Part::Pool, &indices.validation)?;
        let test = samples(indices.test_part, &indices.test)?;
        for other in [&validation, &test] {
            error::same_shape(train.values.shape, other.values.shape)?;
        }
        let normalization = sample::statistics(&train.values, collection.divisor());
        let (classes, preparation) = (collection.classes().to_vec(), collection.preparation());
        let groups = |part, indices: &[usize]| collection.groups(part).map(|groups| groups.at(indices));
        let validation_groups = groups(Part::Pool, &indices.validation);
        let test_groups = groups(indices.test_part, &indices.test);
        Ok(Self { classes, train, validation, test, normalization, preparation, validation_groups, test_groups })
    }

    /// Shape of a sample.
    pub fn shape(&self) -> SampleShape {
        self.train.values.shape
    }

    /// Samples of each class over all splits, by label.
    pub fn balance(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        let labels = [&self.train, &self.validation, &self.test].into_iter().flat_map(|samples| &samples.labels);
        labels.for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// The same with the validation samples among those to train on, and none to validate with. The normalization stays.
    pub fn refit(&self) -> Self {
        let mut all = self.clone();
        let validation = std::mem::replace(&mut all.validation, self.validation.none());
        all.train.append(validation);
        all
    }
}
