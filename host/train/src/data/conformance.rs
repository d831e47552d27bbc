//! What every format must do, run for each one listed here, and what each says about broken files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Dataset, FORMATS, Part, Source, Splits, format};

/// An empty folder that is removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("edgefit-train-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Images of each class in the sets written here.
const EACH: usize = 12;

/// A gray level that tells class and number apart.
fn level(class: usize, i: usize) -> u8 {
    (class * 100 + i) as u8
}

fn write_idx(folder: &Path) {
    let labels: Vec<u8> = (0..2 * EACH).map(|i| (i % 2) as u8).collect();
    let count = (2 * EACH) as u8;
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 4, 0, 0, 0, 5];
    labels.iter().enumerate().for_each(|(i, &l)| images.extend([level(usize::from(l), i); 20]));
    std::fs::write(folder.join("train-images-idx3-ubyte"), images).unwrap();
    let file = std::fs::File::create(folder.join("train-labels-idx1-ubyte.gz")).unwrap();
    let mut zip = GzEncoder::new(file, Compression::fast());
    zip.write_all(&[0, 0, 8, 1, 0, 0, 0, count]).unwrap();
    zip.write_all(&labels).unwrap();
    zip.finish().unwrap();
}

fn write_images(folder: &Path) {
    for (class, name) in ["cat", "dog"].iter().enumerate() {
        for (part, count) in [("train", EACH), ("test", 2)] {
            let folder = folder.join(part).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for i in 0..count {
                let pixel = image::Rgb([level(class, i), 0, 255]);
                image::RgbImage::from_pixel(6, 4, pixel).save(folder.join(format!("{i:03}.png"))).unwrap();
            }
        }
    }
}

fn write_cifar(folder: &Path) {
    for (name, count) in [("data_batch_1.bin", 2 * EACH), ("test_batch.bin", 4)] {
        let record = |i: usize| std::iter::once((i % 2) as u8).chain([level(i % 2, i); 3072]);
        std::fs::write(folder.join(name), (0..count).flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
}

/// A small data set of a format, or nothing for a bundled one.
fn write(name: &str, folder: &Path) -> Source {
    match name {
        "digits" => return Source::default(),
        "idx" => write_idx(folder),
        "image-folder" => write_images(folder),
        "cifar10" => write_cifar(folder),
        other => panic!("the test does not know how to write `{other}`"),
    }
    Source { path: Some(folder.to_owned()), resize: None }
}

#[test]
fn every_format_reads_splits_and_normalizes() {
    for format in FORMATS {
        let name = format.name();
        let folder = Folder::new();
        let source = write(name, folder.path());
        let data = Dataset::load(format, &source, &Splits::default(), 1).unwrap();
        let collection = format.open(&source).unwrap();
        let total = data.train.len() + data.validation.len();
        let own_test = collection.labels(Part::Test).len();
        let pool = collection.labels(Part::Pool).len();
        assert_eq!(total + if own_test == 0 { data.test.len() } else { 0 }, pool, "{name}");
        assert!(own_test == 0 || data.test.len() == own_test, "{name}");
        for samples in [&data.train, &data.validation, &data.test] {
            assert_eq!(samples.pixels.bytes.len(), samples.len() * data.shape().bytes(), "{name}");
            assert!(samples.labels.iter().all(|&l| (l as usize) < data.classes.len()), "{name}");
        }
        assert_eq!(data.normalization.mean.len(), data.shape().channels, "{name}");
        assert!(data.normalization.deviation.iter().all(|&d| d > 0.0), "{name}");
        assert!(super::format(name).is_some(), "{name}");
    }
}

#[test]
fn every_format_gives_the_same_for_a_seed_and_keeps_limits() {
    for format in FORMATS {
        let name = format.name();
        let folder = Folder::new();
        let source = write(name, folder.path());
        let load = |splits: &Splits, seed| Dataset::load(format, &source, splits, seed).unwrap();
        let all = Splits::default();
        assert_eq!(load(&all, 3), load(&all, 3), "{name}");
        assert_ne!(load(&all, 3).train, load(&all, 4).train, "{name}");
        let few = load(&Splits { limit: Some(20), test_limit: Some(2), ..all }, 3);
        let own_test = !format.open(&source).unwrap().labels(Part::Test).is_empty();
        let pool = few.train.len() + few.validation.len() + if own_test { 0 } else { few.test.len() };
        assert_eq!(pool, 20, "{name}");
        assert!(!own_test || few.test.len() == 2, "{name}");
    }
}

#[test]
fn every_format_can_resize() {
    for format in FORMATS {
        let folder = Folder::new();
        let source = Source { resize: Some([8, 6]), ..write(format.name(), folder.path()) };
        let shape = Dataset::load(format, &source, &Splits::default(), 1).unwrap().shape();
        assert_eq!((shape.height, shape.width), (8, 6), "{}", format.name());
    }
}

#[test]
fn classes_are_split_in_proportion() {
    let digits = format("digits").unwrap();
    let data = Dataset::load(digits, &Source::default(), &Splits::default(), 5).unwrap();
    for samples in [&data.train, &data.validation, &data.test] {
        for class in 0..10 {
            let share = samples.labels.iter().filter(|&&l| l == class).count() as f64 / samples.len() as f64;
            assert!((share - 0.1).abs() < 0.005, "class {class} has a share of {share}");
        }
    }
}

/// What opening and reading a format says after `damage` to a good folder.
fn complaint(name: &str, damage: impl Fn(&Path)) -> String {
    let folder = Folder::new();
    let source = write(name, folder.path());
    damage(folder.path());
    let result = Dataset::load(format(name).unwrap(), &source, &Splits::default(), 1);
    result.unwrap_err().to_string()
}

#[test]
fn broken_data_is_named() {
    let check = |name: &str, damage: &dyn Fn(&Path), words: &[&str]| {
        let complaint = complaint(name, damage);
        assert!(words.iter().all(|w| complaint.contains(w)), "{name}: {complaint} does not say {words:?}");
    };
    let overwrite = |file: &'static str, contents: &'static [u8]| {
        move |folder: &Path| std::fs::write(folder.join(file), contents).unwrap()
    };
    let remove = |file: &'static str| move |folder: &Path| std::fs::remove_file(folder.join(file)).unwrap();
    check(
        "image-folder",
        &overwrite("train/dog/003.png", b"not a picture"),
        &["train/dog/003.png", "not a readable image"],
    );
    check("image-folder", &|f| std::fs::remove_dir_all(f.join("train")).unwrap(), &["CLASS/*.jpg"]);
    let other_size = |folder: &Path| image::GrayImage::new(3, 3).save(folder.join("train/dog/003.png")).unwrap();
    check("image-folder", &other_size, &["dog/", "one size"]);
    check("idx", &overwrite("train-images-idx3-ubyte", b"PNG"), &["train-images", "not an IDX file"]);
    check("idx", &overwrite("train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0]), &["ends within its header"]);
    check(
        "idx",
        &overwrite("train-labels-idx1-ubyte.gz", &[0, 0, 8, 1, 0, 0, 0, 1, 0]),
        &["1 labels for the 24 images"],
    );
    check("idx", &remove("train-images-idx3-ubyte"), &["images-idx3-ubyte", "not found"]);
    check("idx", &remove("train-labels-idx1-ubyte.gz"), &["cannot read", "train-labels"]);
    check("cifar10", &overwrite("data_batch_1.bin", b"short"), &["data_batch_1.bin", "3073"]);
    check("cifar10", &remove("data_batch_1.bin"), &["data_batch_1.bin", "not found"]);
}

#[test]
fn a_missing_path_and_an_impossible_share_are_errors() {
    for format in FORMATS.iter().filter(|f| f.name() != "digits") {
        let error = format.open(&Source::default()).err().unwrap().to_string();
        assert!(error.contains("needs a path"), "{error}");
    }
    let digits = format("digits").unwrap();
    let splits = Splits { validation: 1.0, ..Splits::default() };
    let error = Dataset::load(digits, &Source::default(), &splits, 1).unwrap_err().to_string();
    assert!(error.contains("validation share"), "{error}");
    let splits = Splits { limit: Some(3), ..Splits::default() };
    let error = Dataset::load(digits, &Source::default(), &splits, 1).unwrap_err().to_string();
    assert!(error.contains("too few images"), "{error}");
}
