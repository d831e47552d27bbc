//! `[data]`: which data set, how it is split, and what is done to its images.

use std::ops::Bound;
use std::path::PathBuf;

use edgefit_train::data::FORMATS;
use serde::Serialize;

use super::section::Section;
use super::suggestion::listed;

/// Most images that `limit` can ask for.
const MOST_IMAGES: usize = 100_000_000;

/// Side lengths, in pixels, that images can be resized to.
const SIDES: std::ops::RangeInclusive<usize> = 4..=1024;

/// Data set formats of the documentation that this version cannot read.
const PLANNED: [&str; 3] = ["npz", "csv-series", "wav-folder"];

/// Formats whose images are part of this program.
const BUNDLED: [&str; 1] = ["digits"];

/// Share of the images that validation and test each take where the file does not say.
const SHARE: f64 = 0.2;

/// Pixels by which training moves images where the file does not say.
const SHIFT: usize = 1;

/// Degrees by which training turns and slants images where the file does not say.
const ROTATE_DEGREES: f64 = 8.0;

/// Share by which training stretches and shrinks images where the file does not say.
const ZOOM: f64 = 0.1;

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
    /// Most degrees by which training turns, and slants, images at random.
    pub rotate: f64,
    /// Largest share by which training stretches or shrinks their height and their width at random.
    pub zoom: f64,
}

impl DataConfig {
    /// A data set as it is named on a command line: a bundled format alone, `FORMAT:PATH`, or a folder, which is an image folder.
    /// Everything else is as in a search file that does not state it.
    ///
    /// # Errors
    /// What names there are.
    pub fn named(text: &str) -> Result<Self, String> {
        let formats = || FORMATS.map(|format| DataFormat(format.name())).into_iter();
        if let Some(format) = formats().find(|format| format.is_bundled() && format.name() == text) {
            return Ok(Self::plain(format, None));
        }
        let split = text.split_once(':').map(|(name, path)| (name, PathBuf::from(path)));
        let folder = || Some(("image-folder", PathBuf::from(text))).filter(|(_, path)| path.is_dir());
        let found = split.or_else(folder);
        let found = found.and_then(|(name, path)| Some((formats().find(|f| f.name() == name)?, path)));
        match found {
            Some((format, path)) if !format.is_bundled() => Ok(Self::plain(format, Some(path))),
            _ => {
                let names: Vec<&str> = formats().map(|format| format.name()).collect();
                Err(format!(
                    "`{text}` is no data set: write {}, FORMAT:PATH, a folder of images, or a search file; formats are {}",
                    BUNDLED.join(", "),
                    listed(&names)
                ))
            }
        }
    }

    fn plain(format: DataFormat, path: Option<PathBuf>) -> Self {
        Self {
            format,
            path,
            validation: SHARE,
            test: SHARE,
            limit: None,
            test_limit: None,
            resize: None,
            flip: false,
            shift: SHIFT,
            rotate: ROTATE_DEGREES,
            zoom: ZOOM,
        }
    }

    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let format = read_format(section);
        let share = (Bound::Excluded(0.0), Bound::Excluded(1.0));
        Self {
            format,
            path: read_path(section, format),
            validation: section.number("validation", SHARE, share),
            test: section.number("test", SHARE, share),
            limit: section.optional_count("limit", 10..=MOST_IMAGES),
            test_limit: section.optional_count("test_limit", 10..=MOST_IMAGES),
            resize: section.optional_count("resize", SIDES),
            flip: section.flag("flip", false),
            shift: section.count("shift", SHIFT, 0..=16),
            rotate: section.number("rotate", ROTATE_DEGREES, 0.0..=45.0),
            zoom: section.number("zoom", ZOOM, 0.0..=1.0),
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

#[cfg(test)]
mod tests {
    use super::DataConfig;

    #[test]
    fn a_data_set_is_named_as_documented() {
        let named = |text: &str| DataConfig::named(text).map(|data| (data.format.name(), data.path));
        assert_eq!(named("digits"), Ok(("digits", None)));
        assert_eq!(named("idx:some/mnist"), Ok(("idx", Some("some/mnist".into()))));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(named(path), Ok(("image-folder", Some(path.into()))));
        for wrong in ["no-such-folder", "digits:x", "npz:x", ""] {
            let said = named(wrong).unwrap_err();
            assert!(said.contains("image-folder") && said.contains(wrong), "{said}");
        }
    }
}
