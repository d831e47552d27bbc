//! `[data]`: which data set, how it is split, and what is done to its samples.

use std::env;
use std::ops::{Bound, RangeInclusive};
use std::path::PathBuf;

use edgefit_train::Dataset;
use edgefit_train::data::{self, FORMATS, Layout, LogMel, Source, Splits, Window};
use serde::Serialize;

use super::section::Section;
use super::suggestion::listed;
use crate::error::{Error, ErrorKind, Result};

/// The environment variable that names another cache folder.
const CACHE_FOLDER: &str = "EDGEFIT_CACHE";

/// Most images that `limit` can ask for.
const MOST_IMAGES: usize = 100_000_000;

/// Side lengths, in pixels, that images can be resized to.
const SIDES: RangeInclusive<usize> = 4..=1024;

/// Most time steps of a series, and most channels.
const MOST_STEPS: usize = 1_000_000;

/// Formats whose images are part of this program.
const BUNDLED: [&str; 1] = ["digits"];

/// The formats that have settings of their own.
const ARRAYS: &str = "npz";
const SERIES: &str = "csv-series";
const SOUNDS: &str = "wav-folder";

/// Share of the samples that validation and test each take where the file does not say.
const SHARE: f64 = 0.2;

/// How training moves samples where the file does not say.
struct Moved {
    /// Pixels, in each direction.
    shift: usize,
    /// Degrees, of the turn and of the slant.
    rotate: f64,
    /// Share by which sides are stretched and shrunk.
    zoom: f64,
}

/// Most pixels by which training moves images.
pub(super) const MOST_SHIFT: usize = 16;

/// What suits images.
const MOVED_IMAGES: Moved = Moved { shift: 1, rotate: 8.0, zoom: 0.1 };

/// What has bands or time steps instead of pixels is not moved.
const UNMOVED: Moved = Moved { shift: 0, rotate: 0.0, zoom: 0.0 };

/// Name of one of [`edgefit_train::data::FORMATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DataFormat(&'static str);

impl DataFormat {
    /// The name, as in a search file.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// What its samples are.
    pub fn noun(self) -> &'static str {
        match self.0 {
            SERIES => "series",
            SOUNDS => "sounds",
            ARRAYS => "samples",
            _ => "images",
        }
    }

    fn is_bundled(self) -> bool {
        BUNDLED.contains(&self.0)
    }
}

/// How sounds become features.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoundConfig {
    /// Length that every sound is filled or cut to.
    pub seconds: f64,
    /// Length of a frame.
    pub frame_ms: f64,
    /// From one frame to the next.
    pub hop_ms: f64,
    /// Bands of the mel scale.
    pub mel_bands: usize,
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
    /// Order of an array's dimensions; `None` for the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<&'static str>,
    /// Time steps that recordings are cut to; `None` to take them whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Time steps from one window to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_stride: Option<usize>,
    /// Channels of a row that is a whole series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// File that names the group of each sample's file, absolute; `None` for no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<PathBuf>,
    /// Column, from 1, that names the group of a row that is a whole series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_column: Option<usize>,
    /// What is computed of sounds; `None` for other data.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundConfig>,
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
    pub fn named(text: &str) -> std::result::Result<Self, String> {
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

    /// Reads and splits the data set.
    ///
    /// # Errors
    /// What is wrong with its files.
    pub fn load(&self, seed: u64) -> Result<Dataset> {
        self.load_resized(self.resize.map(|side| [side, side]), seed)
    }

    /// As [`DataConfig::load`], in this size instead of the stated one.
    ///
    /// # Errors
    /// As [`DataConfig::load`].
    pub fn load_resized(&self, resize: Option<[usize; 2]>, seed: u64) -> Result<Dataset> {
        let name = self.format.name();
        let format = data::format(name).ok_or_else(|| Error::new(ErrorKind::Internal, format!("no format {name}")))?;
        let splits =
            Splits { validation: self.validation, test: self.test, limit: self.limit, test_limit: self.test_limit };
        // A model's input has the size of a series or of features by itself.
        let resize = resize.filter(|_| self.format.noun() == "images" || self.resize.is_some());
        Ok(Dataset::load(format, &self.source(resize), &splits, seed)?)
    }

    fn source(&self, resize: Option<[usize; 2]>) -> Source {
        let log_mel = self.sound.as_ref().map(|sound| LogMel {
            seconds: sound.seconds,
            window_ms: sound.frame_ms,
            hop_ms: sound.hop_ms,
            bands: sound.mel_bands,
        });
        Source {
            path: self.path.clone(),
            resize,
            layout: Layout::ALL.into_iter().find(|(name, _)| Some(*name) == self.layout).map(|(_, layout)| layout),
            window: self.window.map(|length| Window { length, stride: self.window_stride.unwrap_or(length) }),
            channels: self.channels,
            groups: self.groups.clone(),
            group_column: self.group_column,
            log_mel: log_mel.unwrap_or_default(),
            cache: cache_folder(),
        }
    }

    fn plain(format: DataFormat, path: Option<PathBuf>) -> Self {
        let moved = moved(format);
        Self {
            format,
            path,
            validation: SHARE,
            test: SHARE,
            limit: None,
            test_limit: None,
            resize: None,
            layout: None,
            window: None,
            window_stride: None,
            channels: None,
            groups: None,
            group_column: None,
            sound: (format.name() == SOUNDS).then(SoundConfig::default),
            flip: false,
            shift: moved.shift,
            rotate: moved.rotate,
            zoom: moved.zoom,
        }
    }

    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let format = read_format(section);
        let share = (Bound::Excluded(0.0), Bound::Excluded(1.0));
        let moved = moved(format);
        Self {
            format,
            path: read_path(section, format),
            validation: section.number("validation", SHARE, share),
            test: section.number("test", SHARE, share),
            limit: section.optional_count("limit", 10..=MOST_IMAGES),
            test_limit: section.optional_count("test_limit", 10..=MOST_IMAGES),
            resize: section.optional_count("resize", SIDES),
            layout: read_layout(section, format),
            window: only(section, "window", SERIES, format, 1..=MOST_STEPS),
            window_stride: only(section, "window_stride", SERIES, format, 1..=MOST_STEPS),
            channels: only(section, "channels", SERIES, format, 1..=MOST_STEPS),
            groups: read_groups(section, format),
            group_column: only(section, "group_column", SERIES, format, 2..=MOST_STEPS),
            sound: read_sound(section, format),
            flip: section.flag("flip", false),
            shift: section.count("shift", moved.shift, 0..=MOST_SHIFT),
            rotate: section.number("rotate", moved.rotate, 0.0..=45.0),
            zoom: section.number("zoom", moved.zoom, 0.0..=1.0),
        }
    }
}

impl Default for SoundConfig {
    fn default() -> Self {
        let LogMel { seconds, window_ms, hop_ms, bands } = LogMel::default();
        Self { seconds, frame_ms: window_ms, hop_ms, mel_bands: bands }
    }
}

/// Where decoded data are kept: `edgefit/data` in the user's cache folder, or below [`CACHE_FOLDER`]; nowhere if neither is known.
fn cache_folder() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let users = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache"))).map(|at| at.join("edgefit"));
    Some(named(CACHE_FOLDER).or_else(users)?.join("data"))
}

fn moved(format: DataFormat) -> Moved {
    if matches!(format.name(), SERIES | SOUNDS) { UNMOVED } else { MOVED_IMAGES }
}

/// A count that only one format has.
fn only(
    section: &mut Section<'_, '_>,
    key: &'static str,
    of: &str,
    format: DataFormat,
    range: RangeInclusive<usize>,
) -> Option<usize> {
    if format.name() != of {
        refuse(section, key, of);
        return None;
    }
    section.optional_count(key, range)
}

/// Formats whose samples are files in folders.
const OF_FILES: [&str; 3] = ["image-folder", SOUNDS, SERIES];

fn read_groups(section: &mut Section<'_, '_>, format: DataFormat) -> Option<PathBuf> {
    if !OF_FILES.contains(&format.name()) {
        refuse(section, "groups", &OF_FILES.join("`, `"));
        return None;
    }
    section.has("groups").then(|| section.file_path("groups", "name the file that says which group each sample is of"))
}

fn refuse(section: &mut Section<'_, '_>, key: &'static str, of: &str) {
    if section.has(key) {
        section.wrong_key(key, &format!("belongs to the format `{of}`"), Some("leave it out".to_owned()));
    }
}

fn read_layout(section: &mut Section<'_, '_>, format: DataFormat) -> Option<&'static str> {
    if format.name() != ARRAYS {
        refuse(section, "layout", ARRAYS);
        return None;
    }
    let names = Layout::ALL.map(|(name, _)| (name, Some(name)));
    section.choice("layout", None, &names)
}

fn read_sound(section: &mut Section<'_, '_>, format: DataFormat) -> Option<SoundConfig> {
    if format.name() != SOUNDS {
        ["seconds", "frame_ms", "hop_ms", "mel_bands"].into_iter().for_each(|key| refuse(section, key, SOUNDS));
        return None;
    }
    let usual = SoundConfig::default();
    Some(SoundConfig {
        seconds: section.number("seconds", usual.seconds, 0.01..=600.0),
        frame_ms: section.number("frame_ms", usual.frame_ms, 1.0..=1000.0),
        hop_ms: section.number("hop_ms", usual.hop_ms, 1.0..=1000.0),
        mel_bands: section.count("mel_bands", usual.mel_bands, 4..=512),
    })
}

fn read_format(section: &mut Section<'_, '_>) -> DataFormat {
    let formats = FORMATS.map(|format| (format.name(), DataFormat(format.name())));
    section.required_choice("format", &formats).unwrap_or(formats[0].1)
}

fn read_path(section: &mut Section<'_, '_>, format: DataFormat) -> Option<PathBuf> {
    if !format.is_bundled() {
        return Some(section.file_path("path", "name the folder or file of the data set"));
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
        for wrong in ["no-such-folder", "digits:x", "hdf5:x", ""] {
            let said = named(wrong).unwrap_err();
            assert!(said.contains("image-folder") && said.contains(wrong), "{said}");
        }
    }
}
