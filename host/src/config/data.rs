//! `[data]`: which data set, how it is split, and what is done to its images.

use std::ops::Bound;
use std::path::PathBuf;

use serde::Serialize;

use super::section::Section;

/// Most images that `limit` can ask for.
const MOST_IMAGES: usize = 100_000_000;

/// Side lengths, in pixels, that images can be resized to.
const SIDES: std::ops::RangeInclusive<usize> = 4..=1024;

/// Data set formats of the documentation that this version cannot read.
const PLANNED: [&str; 4] = ["cifar10", "npz", "csv-series", "wav-folder"];

/// How the files of a data set are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataFormat {
    /// The bundled 8x8 digits of UCI; no files.
    Digits,
    /// The files of MNIST and its kin.
    Idx,
    /// One folder a class, JPEG or PNG.
    ImageFolder,
}

impl DataFormat {
    /// Every format with its name in a search file.
    pub const NAMES: [(&'static str, Self); 3] =
        [("digits", Self::Digits), ("idx", Self::Idx), ("image-folder", Self::ImageFolder)];
}

/// The data set of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataConfig {
    /// How its files are laid out.
    pub format: DataFormat,
    /// Its folder, absolute; `None` for the bundled set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Share of the images not set aside for the test that the search is guided by; between 0 and 1, both excluded.
    pub validation: f64,
    /// Share of all images that only the final test sees, where the set has no test images of its own; like `validation`.
    pub test: f64,
    /// At most this many images, drawn by the seed; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Side of the square that every image is resized to, in pixels; `None` for the size it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// Whether training mirrors images left to right at random. Wrong for digits and letters.
    pub flip: bool,
    /// Most pixels by which training moves images at random.
    pub shift: usize,
}

impl DataConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let format = section.required_choice("format", &DataFormat::NAMES, &PLANNED).unwrap_or(DataFormat::Digits);
        let share = (Bound::Excluded(0.0), Bound::Excluded(1.0));
        Self {
            format,
            path: read_path(section, format),
            validation: section.number("validation", 0.2, share),
            test: section.number("test", 0.2, share),
            limit: section.optional_count("limit", 10..=MOST_IMAGES),
            resize: section.optional_count("resize", SIDES),
            flip: section.flag("flip", false),
            shift: section.count("shift", 1, 0..=16),
        }
    }
}

fn read_path(section: &mut Section<'_, '_>, format: DataFormat) -> Option<PathBuf> {
    if format != DataFormat::Digits {
        return Some(section.file_path("path", "name the folder of the data set"));
    }
    if section.has("path") {
        let help = Some("leave it out, or choose another `format`".to_owned());
        section.wrong_key("path", "the digits are bundled and have no path", help);
    }
    None
}
