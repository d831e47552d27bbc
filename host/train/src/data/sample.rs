//! Samples in memory: their shape, their numbers, and the statistics of each channel.

use std::fmt;

use super::Normalization;

/// Shape of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleShape {
    /// An image, or the map of a sound: bands are its rows, frames its columns.
    Image {
        /// Rows.
        height: usize,
        /// Positions of a row.
        width: usize,
        /// Numbers of a position.
        channels: usize,
    },
    /// A series in time.
    Series {
        /// Time steps.
        length: usize,
        /// Numbers of a time step.
        channels: usize,
    },
}

impl SampleShape {
    /// Numbers of a position or time step.
    pub fn channels(self) -> usize {
        match self {
            Self::Image { channels, .. } | Self::Series { channels, .. } => channels,
        }
    }

    /// Rows and columns; a series is one row.
    pub fn rows_columns(self) -> [usize; 2] {
        match self {
            Self::Image { height, width, .. } => [height, width],
            Self::Series { length, .. } => [1, length],
        }
    }

    /// Numbers of a sample.
    pub fn size(self) -> usize {
        self.rows_columns().iter().product::<usize>() * self.channels()
    }

    /// As a network takes it, channels first: `[C, H, W]` or `[C, L]`.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Image { height, width, channels } => vec![channels, height, width],
            Self::Series { length, channels } => vec![channels, length],
        }
    }
}

impl fmt::Display for SampleShape {
    /// Channels first, as in `3x32x32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        f.write_str(&dims.join("x"))
    }
}

/// Numbers of samples, one after the other, in the type that they are stored in.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Pixels.
    Bytes(Vec<u8>),
    /// Anything else.
    Floats(Vec<f32>),
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a position, as a float.
    pub fn at(&self, index: usize) -> f32 {
        match self {
            Self::Bytes(bytes) => f32::from(bytes[index]),
            Self::Floats(floats) => floats[index],
        }
    }

    /// Those at these positions, in this order.
    pub(super) fn pick(&self, positions: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(positions.map(|at| bytes[at]).collect()),
            Self::Floats(floats) => Self::Floats(positions.map(|at| floats[at]).collect()),
        }
    }

    /// Adds others of the same type behind; those of another type make all of them floats.
    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Bytes(all), Self::Bytes(more)) => all.extend(more),
            (Self::Floats(all), Self::Floats(more)) => all.extend(more),
            (all, more) => {
                let both = (0..all.len()).map(|i| all.at(i)).chain((0..more.len()).map(|i| more.at(i)));
                *all = Self::Floats(both.collect());
            }
        }
    }
}

/// Samples of one shape, one after the other, each with its channels last.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Shape of each.
    pub shape: SampleShape,
    /// `shape.size()` numbers a sample.
    pub numbers: Numbers,
}

/// Samples with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The samples.
    pub values: Values,
    /// A label for each.
    pub labels: Vec<u32>,
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The raw number of a sample at a position and in a channel.
    pub fn number(&self, index: usize, position: usize, channel: usize) -> f32 {
        let shape = self.values.shape;
        self.values.numbers.at(index * shape.size() + position * shape.channels() + channel)
    }

    /// A sample's raw numbers as a network's file takes them: floats, channels first.
    pub fn channels_first(&self, index: usize) -> impl Iterator<Item = f32> + '_ {
        let shape = self.values.shape;
        let positions = shape.size() / shape.channels();
        (0..shape.channels()).flat_map(move |c| (0..positions).map(move |at| self.number(index, at, c)))
    }

    /// Samples of the same shape, none of them.
    pub(super) fn none(&self) -> Self {
        let numbers = self.values.numbers.pick(std::iter::empty());
        Self { values: Values { shape: self.values.shape, numbers }, labels: Vec::new() }
    }

    /// Adds others of the same shape behind.
    pub(super) fn append(&mut self, other: Self) {
        self.values.numbers.append(other.values.numbers);
        self.labels.extend(other.labels);
    }
}

/// Mean and deviation of each channel.
pub(super) fn statistics(values: &Values, divisor: f32) -> Normalization {
    let channels = values.shape.channels();
    let count = (values.numbers.len() / channels).max(1) as f64;
    let (mut mean, mut deviation) = (Vec::new(), Vec::new());
    for channel in 0..channels {
        let (average, variance) = match &values.numbers {
            Numbers::Bytes(bytes) => moments_of_bytes(bytes.iter().skip(channel).step_by(channels), count),
            Numbers::Floats(floats) => moments(floats.iter().skip(channel).step_by(channels), count),
        };
        mean.push((average / f64::from(divisor)) as f32);
        let root = (variance.max(0.0).sqrt() / f64::from(divisor)) as f32;
        deviation.push(if root > 0.0 { root } else { 1.0 });
    }
    Normalization { divisor, mean, deviation }
}

/// Mean and variance, with exact sums.
fn moments_of_bytes<'a>(bytes: impl Iterator<Item = &'a u8>, count: f64) -> (f64, f64) {
    let (mut sum, mut squares) = (0u64, 0u64);
    for &byte in bytes {
        sum += u64::from(byte);
        squares += u64::from(byte) * u64::from(byte);
    }
    let average = sum as f64 / count;
    (average, squares as f64 / count - average * average)
}

/// Mean and variance, in two passes: a large mean would otherwise swallow the variance.
fn moments<'a>(floats: impl Iterator<Item = &'a f32> + Clone, count: f64) -> (f64, f64) {
    let average = floats.clone().map(|&x| f64::from(x)).sum::<f64>() / count;
    (average, floats.map(|&x| (f64::from(x) - average).powi(2)).sum::<f64>() / count)
}
