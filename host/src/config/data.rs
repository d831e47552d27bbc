//! `[data]`: which data set, how it is split, and what is done to its images.

use std::ops::Bound;
use std::path::PathBuf;

use edgefit_train::data::FORMATS;
use serde::Serialize;

use super::section::Section;

/// Most images that `limit` can ask for.
const MOST_IMAGES: usize = 100_000_000;

/// Side lengths, in pixels, that images can be resized to.
const SIDES: std::ops::RangeInclusive<usize> = 4..=1024;

/// Data set formats of the documentation that this version cannot read.
const PLANNED: [&str; 3] = ["npz", "csv-series", "wav-folder"];

/// Formats whose images are part of this program.
const BUNDLED: [&str; 1] = ["digits"];

/// Name of one of [`edgefit_train::data::FORMATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DataFormat(&'static str);

impl DataFormat {
    /// The name, as in a search file.
    pub fn name(self) -> &'static str {
        self.0
    }

    fn is_bundled(self) -> bool {
        BUNDLED.contains(&self.0)
    }
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
    /// At most this many images besides a set's own test images, drawn by the seed; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// At most this many of a set's own test images, drawn by the seed; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_limit: Option<usize>,
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
        let format = read_format(section);
        let share = (Bound::Excluded(0.0), Bound::Excluded(1.0));
        Self {
            format,
            path: read_path(section, format),
            validation: section.number("validation", 0.2, share),
            test: section.number("test", 0.2, share),
            limit: section.optional_count("limit", 10..=MOST_IMAGES),
            test_limit: section.optional_count("test_limit", 10..=MOST_IMAGES),
            resize: section.optional_count("resize", SIDES),
            flip: section.flag("flip", false),
            shift: section.count("shift", 1, 0..=16),
        }
    }
}

fn read_format(section: &mut Section<'_, '_>) -> DataFormat {
    let formats = FORMATS.map(|format| (format.name(), DataFormat(format.name())));
    section.required_choice("format", &formats, &PLANNED).unwrap_or(formats[0].1)
}

fn read_path(section: &mut Section<'_, '_>, format: DataFormat) -> Option<PathBuf> {
    if !format.is_bundled() {
        return Some(section.file_path("path", "name the folder of the data set"));
    }
    if section.has("path") {
        let help = Some("leave it out, or choose another `format`".to_owned());
        section.wrong_key("path", "these images are part of edgefit and have no path", help);
    }
    None
}
