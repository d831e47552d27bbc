//! Labelled images: reading them, splitting them by a seed, and their statistics.
//!
//! A format is a file of its own that implements [`Format`] and is listed in [`FORMATS`]. Pixels stay bytes in memory, channels
//! last; they become floats batch by batch.

mod bytes;
mod cifar10;
#[cfg(test)]
mod conformance;
mod digits;
mod error;
mod idx;
mod image_folder;
mod in_memory;
mod split;

use std::path::PathBuf;

pub use error::DataError;
pub use split::Splits;

/// Every format, by name.
pub const FORMATS: [&dyn Format; 4] = [&digits::Digits, &idx::Idx, &image_folder::ImageFolder, &cifar10::Cifar10];

/// The format of this name.
pub fn format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|f| f.name() == name)
}

/// Where a data set is and how its images are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Folder or file; `None` for a bundled set.
    pub path: Option<PathBuf>,
    /// Height and width that images are resized to; `None` for the size that they have, which must then be one.
    pub resize: Option<[usize; 2]>,
}

/// How files of images and labels are laid out.
pub trait Format: Sync {
    /// As in a search file.
    fn name(&self) -> &'static str;

    /// Finds the images and reads their labels.
    ///
    /// # Errors
    /// If the files are missing or not of this format; the error names the file.
    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError>;
}

/// Which part of a collection an image is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// To be split by the seed.
    Pool,
    /// Set aside for the test by who made the data set.
    Test,
}

/// Labelled images of which only the wanted ones are read.
pub trait Collection {
    /// Names of the classes, by label.
    fn classes(&self) -> &[String];

    /// Labels of a part, in a fixed order; empty if there is no such part.
    fn labels(&self, part: Part) -> &[u32];

    /// What pixel values are divided by before their statistics are taken: their largest value.
    fn divisor(&self) -> f32 {
        255.0
    }

    /// Pixels of these images of a part.
    ///
    /// # Errors
    /// If an image is broken or of another size than the rest; the error names the file.
    fn read(&self, part: Part, indices: &[usize]) -> Result<Pixels, DataError>;
}

/// Size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
}

impl ImageShape {
    /// Numbers of an image.
    pub fn bytes(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Where the pixel of this row and column begins; `None` outside of the image.
    pub(crate) fn start(&self, (y, x): (isize, isize)) -> Option<usize> {
        let inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        inside.then(|| (y as usize * self.width + x as usize) * self.channels)
    }
}

/// Images of one size, one after the other, each `[height, width, channels]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Size of each image.
    pub shape: ImageShape,
    /// `shape.bytes()` bytes an image.
    pub bytes: Vec<u8>,
}

/// Images with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// The images.
    pub pixels: Pixels,
    /// A label for each.
    pub labels: Vec<u32>,
}

impl Samples {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pixels of one image.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.pixels.shape.bytes();
        &self.pixels.bytes[index * size..(index + 1) * size]
    }
}

/// `(x / divisor - mean[c]) / deviation[c]` for channel `c`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Largest value of a raw pixel.
    pub divisor: f32,
    /// Mean of each channel over the training images, after the division.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel over the training images, after the division; 1 where it would be 0.
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
    /// From the training images.
    pub normalization: Normalization,
}

impl Dataset {
    /// Reads and splits a data set. The same seed gives the same splits.
    ///
    /// # Errors
    /// If the files are not right or there are too few images for three splits.
    pub fn load(format: &dyn Format, source: &Source, splits: &Splits, seed: u64) -> Result<Self, DataError> {
        let collection = format.open(source)?;
        let indices = split::split(&*collection, splits, seed)?;
        let samples = |part, indices: &[usize]| {
            let labels = indices.iter().map(|&i| collection.labels(part)[i]).collect();
            Ok(Samples { pixels: collection.read(part, indices)?, labels })
        };
        let train = samples(Part::Pool, &indices.train)?;
        let validation = samples(Part::Pool, &indices.validation)?;
        let test = samples(indices.test_part, &indices.test)?;
        for other in [&validation, &test] {
            error::same_shape(train.pixels.shape, other.pixels.shape)?;
        }
        let normalization = statistics(&train.pixels, collection.divisor());
        Ok(Self { classes: collection.classes().to_vec(), train, validation, test, normalization })
    }

    /// Size of the images.
    pub fn shape(&self) -> ImageShape {
        self.train.pixels.shape
    }

    /// The same with the validation images among those to train on, and none to validate with. The normalization stays.
    pub fn refit(&self) -> Self {
        let Self { classes, train, validation, test, normalization } = self.clone();
        let shape = train.pixels.shape;
        let pixels = Pixels { shape, bytes: [train.pixels.bytes, validation.pixels.bytes].concat() };
        let train = Samples { pixels, labels: [train.labels, validation.labels].concat() };
        let validation = Samples { pixels: Pixels { shape, bytes: Vec::new() }, labels: Vec::new() };
        Self { classes, train, validation, test, normalization }
    }
}

fn statistics(pixels: &Pixels, divisor: f32) -> Normalization {
    let channels = pixels.shape.channels;
    let count = (pixels.bytes.len() / channels).max(1) as f64;
    let (mut mean, mut deviation) = (Vec::new(), Vec::new());
    for channel in 0..channels {
        let (mut sum, mut squares) = (0u64, 0u64);
        for &byte in pixels.bytes.iter().skip(channel).step_by(channels) {
            sum += u64::from(byte);
            squares += u64::from(byte) * u64::from(byte);
        }
        let average = sum as f64 / count;
        let variance = squares as f64 / count - average * average;
        mean.push((average / f64::from(divisor)) as f32);
        let root = (variance.max(0.0).sqrt() / f64::from(divisor)) as f32;
        deviation.push(if root > 0.0 { root } else { 1.0 });
    }
    Normalization { divisor, mean, deviation }
}
