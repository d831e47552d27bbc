//! One folder for each class with JPEG or PNG files: `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*`.

use std::path::Path;

use image::{DynamicImage, ImageReader, imageops::FilterType};

use super::cache::{self, Key};
use super::class_folders::ClassFolders;
use super::error::describe;
use super::{Collection, DataError, Format, Groups, Numbers, Part, SampleShape, Source, Values};

/// The format `image-folder`.
pub(super) struct ImageFolder;

const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

struct Images {
    files: ClassFolders,
    resize: Option<[usize; 2]>,
    gray: bool,
}

impl Format for ImageFolder {
    fn name(&self) -> &'static str {
        "image-folder"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        let files = ClassFolders::find(path, &EXTENSIONS, source)?;
        let gray = is_gray(&files.pool.paths[0])?;
        Ok(Box::new(Images { files, resize: source.resize, gray }))
    }
}

impl Collection for Images {
    fn classes(&self) -> &[String] {
        &self.files.classes
    }

    fn labels(&self, part: Part) -> &[u32] {
        &self.files.part(part).labels
    }

    fn groups(&self, part: Part) -> Option<&Groups> {
        self.files.part(part).groups.as_ref()
    }

    fn content(&self, part: Part, indices: &[usize]) -> Result<Option<Key>, DataError> {
        let settings = format!("image-folder 1, resize {:?}, gray {}", self.resize, self.gray);
        cache::key(&settings, indices.iter().map(|&i| &*self.files.part(part).paths[i])).map(Some)
    }

    fn read(&self, part: Part, indices: &[usize]) -> Result<Values, DataError> {
        let mut out: Option<(SampleShape, Vec<u8>)> = None;
        for &index in indices {
            let path = &self.files.part(part).paths[index];
            let (shape, bytes) = self.decode(path)?;
            match &mut out {
                None => out = Some((shape, bytes)),
                Some((first, all)) if *first == shape => all.extend(bytes),
                Some((first, _)) => {
                    let (found, expected) = (describe(shape), describe(*first));
                    return Err(DataError::Size { path: path.clone(), found, expected });
                }
            }
        }
        let (shape, bytes) = out.ok_or_else(|| DataError::Split("a part has no images".into()))?;
        Ok(Values { shape, numbers: Numbers::Bytes(bytes) })
    }
}

impl Images {
    fn decode(&self, path: &Path) -> Result<(SampleShape, Vec<u8>), DataError> {
        let mut image = open(path)?;
        if let Some([height, width]) = self.resize {
            image = image.resize_exact(width as u32, height as u32, FilterType::Triangle);
        }
        let (height, width) = (image.height() as usize, image.width() as usize);
        let (channels, bytes) =
            if self.gray { (1, image.into_luma8().into_raw()) } else { (3, image.into_rgb8().into_raw()) };
        Ok((SampleShape::Image { height, width, channels }, bytes))
    }
}

fn open(path: &Path) -> Result<DynamicImage, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let reader = ImageReader::open(path).map_err(failed)?.with_guessed_format().map_err(failed)?;
    reader.decode().map_err(|e| DataError::Image { path: path.to_owned(), reason: e.to_string() })
}

/// The first image says whether the set is gray.
fn is_gray(path: &Path) -> Result<bool, DataError> {
    Ok(!open(path)?.color().has_color())
}
