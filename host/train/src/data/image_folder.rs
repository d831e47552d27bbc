//! One folder for each class with JPEG or PNG files: `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*`.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader, imageops::FilterType};

use super::error::describe;
use super::{Collection, DataError, Format, ImageShape, Part, Pixels, Source};

/// The format `image-folder`.
pub(super) struct ImageFolder;

/// Most files of a data set.
const MAX_FILES: usize = 10_000_000;

const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

struct Files {
    classes: Vec<String>,
    pool: (Vec<PathBuf>, Vec<u32>),
    test: (Vec<PathBuf>, Vec<u32>),
    resize: Option<[usize; 2]>,
    gray: bool,
}

impl Format for ImageFolder {
    fn name(&self) -> &'static str {
        "image-folder"
    }

    fn open(&self, source: &Source) -> Result<Box<dyn Collection>, DataError> {
        let path = source.path.as_deref().ok_or(DataError::NoPath(self.name()))?;
        let train = path.join("train");
        let root = if train.is_dir() { &train } else { path };
        let classes = folders(root)?;
        let pool = files(root, &classes)?;
        if pool.0.is_empty() {
            let expected = "CLASS/*.jpg or train/CLASS/*.jpg (or .jpeg, .png)".to_owned();
            return Err(DataError::Missing { path: path.to_owned(), expected });
        }
        let test = path.join("test");
        let test = if train.is_dir() && test.is_dir() { files(&test, &classes)? } else { Default::default() };
        let gray = is_gray(&pool.0[0])?;
        Ok(Box::new(Files { classes, pool, test, resize: source.resize, gray }))
    }
}

impl Collection for Files {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn labels(&self, part: Part) -> &[u32] {
        &self.part(part).1
    }

    fn read(&self, part: Part, indices: &[usize]) -> Result<Pixels, DataError> {
        let mut out: Option<Pixels> = None;
        for &index in indices {
            let path = &self.part(part).0[index];
            let one = self.decode(path)?;
            match &mut out {
                None => out = Some(one),
                Some(all) if all.shape == one.shape => all.bytes.extend(one.bytes),
                Some(all) => {
                    let (found, expected) = (describe(one.shape), describe(all.shape));
                    return Err(DataError::Size { path: path.clone(), found, expected });
                }
            }
        }
        out.ok_or_else(|| DataError::Split("a part has no images".into()))
    }
}

impl Files {
    fn part(&self, part: Part) -> &(Vec<PathBuf>, Vec<u32>) {
        match part {
            Part::Pool => &self.pool,
            Part::Test => &self.test,
        }
    }

    fn decode(&self, path: &Path) -> Result<Pixels, DataError> {
        let mut image = open(path)?;
        if let Some([height, width]) = self.resize {
            image = image.resize_exact(width as u32, height as u32, FilterType::Triangle);
        }
        let (height, width) = (image.height() as usize, image.width() as usize);
        let (channels, bytes) =
            if self.gray { (1, image.into_luma8().into_raw()) } else { (3, image.into_rgb8().into_raw()) };
        Ok(Pixels { shape: ImageShape { height, width, channels }, bytes })
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

/// Names in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)?.take(MAX_FILES) {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn folders(root: &Path) -> Result<Vec<String>, DataError> {
    let is_class = |p: &PathBuf| p.is_dir() && !name(p).starts_with('.');
    Ok(entries(root)?.iter().filter(|p| is_class(p)).map(|p| name(p)).collect())
}

fn files(root: &Path, classes: &[String]) -> Result<(Vec<PathBuf>, Vec<u32>), DataError> {
    let (mut paths, mut labels) = (Vec::new(), Vec::new());
    let is_image = |p: &PathBuf| {
        let extension = p.extension().map(|e| e.to_string_lossy().to_lowercase());
        extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
    };
    for (label, class) in classes.iter().enumerate() {
        let folder = root.join(class);
        let found = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
        paths.extend(found.into_iter().filter(is_image));
        labels.resize(paths.len(), label as u32);
    }
    Ok((paths, labels))
}
