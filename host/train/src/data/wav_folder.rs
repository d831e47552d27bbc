//! One folder for each class with WAV files: `train/CLASS/*.wav` and `test/CLASS/*.wav`, or `CLASS/*.wav`. The network sees
//! log-mel features (see `log_mel`) as a map of one channel, bands by frames.

use std::path::Path;

use rayon::prelude::*;

use super::cache::{self, Key};
use super::class_folders::ClassFolders;
use super::log_mel::Extractor;
use super::wav::{self, Sound};
use super::{Collection, DataError, Format, Groups, LogMel, Numbers, Part, SampleShape, Source, Values, bytes};

/// The format `wav-folder`.
pub(super) struct WavFolder;

const EXTENSIONS: [&str; 1] = ["wav"];

struct Sounds {
    files: ClassFolders,
    settings: LogMel,
    rate_hz: u32,
    extractor: Extractor,
}

impl Format for WavFolder {
    fn name(&self) -> &'static str {
        "wav-folder"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        if source.resize.is_some() {
            return Err(DataError::Split("a sound cannot be resized; take `resize` out".into()));
        }
        let files = ClassFolders::find(path, &EXTENSIONS, source)?;
        let rate_hz = sound(&files.pool.paths[0])?.rate_hz;
        let settings = source.log_mel;
        Ok(Box::new(Sounds { files, settings, rate_hz, extractor: Extractor::new(&settings, rate_hz) }))
    }
}

impl Collection for Sounds {
    fn classes(&self) -> &[String] {
        &self.files.classes
    }

    fn labels(&self, part: Part) -> &[u32] {
        &self.files.part(part).labels
    }

    fn groups(&self, part: Part) -> Option<&Groups> {
        self.files.part(part).groups.as_ref()
    }

    fn divisor(&self) -> f32 {
        1.0
    }

    fn preparation(&self) -> Option<String> {
        Some(self.settings.describe(self.rate_hz))
    }

    fn content(&self, part: Part, indices: &[usize]) -> Result<Option<Key>, DataError> {
        let settings = format!("wav-folder 1, {}", self.settings.describe(self.rate_hz));
        cache::key(&settings, indices.iter().map(|&i| &*self.files.part(part).paths[i])).map(Some)
    }

    fn read(&self, part: Part, indices: &[usize]) -> Result<Values, DataError> {
        let paths = &self.files.part(part).paths;
        let features = indices.par_iter().map(|&i| self.features(&paths[i])).collect::<Result<Vec<_>, _>>()?;
        let [height, width] = self.extractor.shape();
        let shape = SampleShape::Image { height, width, channels: 1 };
        Ok(Values { shape, numbers: Numbers::Floats(features.concat()) })
    }
}

impl Sounds {
    fn features(&self, path: &Path) -> Result<Vec<f32>, DataError> {
        let Sound { rate_hz, samples } = sound(path)?;
        if rate_hz != self.rate_hz {
            let reason = format!("has {rate_hz} samples a second where those before have {}; convert it", self.rate_hz);
            return Err(DataError::malformed(path, reason));
        }
        Ok(self.extractor.features(&samples))
    }
}

fn sound(path: &Path) -> Result<Sound, DataError> {
    wav::parse(&bytes::read(path)?).map_err(|reason| DataError::malformed(path, reason))
}
