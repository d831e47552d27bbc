//! What every format must do, run for each one listed here, and what each says about broken files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Dataset, FORMATS, Part, Source, Splits, Window, format};

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

/// An array in NumPy's format.
fn npy(kind: &str, dims: &[usize], data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (");
    dims.iter().for_each(|d| header += &format!("{d}, "));
    header += "), }\n";
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

fn write_npz_arrays(folder: &Path, arrays: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.join("data.npz")).unwrap());
    for (name, array) in arrays {
        zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(array).unwrap();
    }
    zip.finish().unwrap();
}

fn write_npz(folder: &Path) {
    let count = 2 * EACH;
    let images: Vec<u8> = (0..count).flat_map(|i| [level(i % 2, i); 20]).collect();
    let labels: Vec<u8> = (0..count).flat_map(|i| ((i % 2) as i64).to_le_bytes()).collect();
    write_npz_arrays(
        folder,
        &[("x_train", npy("|u1", &[count, 4, 5], &images)), ("y_train", npy("<i8", &[count], &labels))],
    );
}

fn write_recordings(folder: &Path) {
    for (class, name) in ["rest", "walk"].iter().enumerate() {
        for (part, count) in [("train", EACH), ("test", 2)] {
            let folder = folder.join(part).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for i in 0..count {
                let row = |t: usize| format!("{},{}\n", t as f64 * 0.5 + f64::from(level(class, i)), class);
                let rows: String = (0..16).map(row).collect();
                std::fs::write(folder.join(format!("{i:03}.csv")), format!("x,y\n{rows}")).unwrap();
            }
        }
    }
}

/// A mono WAV file of 16 bits.
fn wav(rate_hz: u32, samples: impl Iterator<Item = i16>) -> Vec<u8> {
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate_hz.to_le_bytes());
    file.extend((2 * rate_hz).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn write_sounds(folder: &Path) {
    for (class, name) in ["no", "yes"].iter().enumerate() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..EACH {
            let step = (class + 1) * 700 + i * 10;
            let samples = (0..4000).map(|n| ((n * step) % 8000) as i16);
            std::fs::write(folder.join(format!("{i:03}.wav")), wav(8000, samples)).unwrap();
        }
    }
}

/// A small data set of a format, or nothing for a bundled one.
fn write(name: &str, folder: &Path) -> Source {
    match name {
        "digits" => return Source::default(),
        "idx" => write_idx(folder),
        "image-folder" => write_images(folder),
        "cifar10" => write_cifar(folder),
        "npz" => {
            write_npz(folder);
            return Source { path: Some(folder.join("data.npz")), ..Source::default() };
        }
        "csv-series" => write_recordings(folder),
        "wav-folder" => write_sounds(folder),
        other => panic!("the test does not know how to write `{other}`"),
    }
    Source { path: Some(folder.to_owned()), ..Source::default() }
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
            assert_eq!(samples.values.numbers.len(), samples.len() * data.shape().size(), "{name}");
            assert!(samples.labels.iter().all(|&l| (l as usize) < data.classes.len()), "{name}");
        }
        assert_eq!(data.normalization.mean.len(), data.shape().channels(), "{name}");
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
fn every_format_can_resize_or_says_that_it_cannot() {
    for format in FORMATS {
        let folder = Folder::new();
        let source = Source { resize: Some([8, 6]), ..write(format.name(), folder.path()) };
        match Dataset::load(format, &source, &Splits::default(), 1) {
            Ok(data) => assert_eq!(data.shape().rows_columns(), [8, 6], "{}", format.name()),
            Err(error) => assert!(error.to_string().contains("cannot be resized"), "{}: {error}", format.name()),
        }
    }
}

#[test]
fn every_format_gives_the_same_from_a_cache() {
    for format in FORMATS {
        let (folder, cache) = (Folder::new(), Folder::new());
        let plain = write(format.name(), folder.path());
        let cached = Source { cache: Some(cache.path().to_owned()), ..plain.clone() };
        let load = |source: &Source| Dataset::load(format, source, &Splits::default(), 1).unwrap();
        assert_eq!(load(&cached), load(&plain), "{}", format.name());
        assert_eq!(load(&cached), load(&plain), "{}", format.name());
        let entries = std::fs::read_dir(cache.path()).unwrap().count();
        let expected = if matches!(format.name(), "image-folder" | "wav-folder") { 3 } else { 0 };
        assert_eq!(entries, expected, "{}", format.name());
    }
}

#[test]
fn shapes_are_those_that_networks_take() {
    let check = |name: &str, dims: &[usize]| {
        let folder = Folder::new();
        let source = write(name, folder.path());
        let data = Dataset::load(format(name).unwrap(), &source, &Splits::default(), 1).unwrap();
        assert_eq!(data.shape().dims(), dims, "{name}");
    };
    check("npz", &[1, 4, 5]);
    check("csv-series", &[2, 16]);
    check("wav-folder", &[1, 40, 49]);
}

#[test]
fn windows_of_one_recording_stay_in_one_split() {
    let folder = Folder::new();
    let window = Some(Window { length: 8, stride: 4 });
    let source = Source { window, ..write("csv-series", folder.path()) };
    let data = Dataset::load(format("csv-series").unwrap(), &source, &Splits::default(), 1).unwrap();
    assert_eq!((data.shape().dims(), data.test.len()), (vec![2, 8], 12));
    assert_eq!(data.train.len() + data.validation.len(), 2 * EACH * 3);
    // Each recording begins at a level of its own, and its windows two steps further each.
    let recordings = |samples: &super::Samples| -> std::collections::BTreeSet<(u32, u32)> {
        let begin = |i: usize| (samples.number(i, 0, 0).rem_euclid(100.0)) as u32;
        (0..samples.len()).map(|i| (samples.labels[i], begin(i))).collect()
    };
    let counts = |samples: &super::Samples| samples.len() % 3;
    assert_eq!((counts(&data.train), counts(&data.validation)), (0, 0));
    assert!(!recordings(&data.train).is_empty());
}

#[test]
fn rows_are_series_and_arrays_have_the_layout_that_is_stated() {
    let folder = Folder::new();
    let rows: String =
        (0..2 * EACH).map(|i| format!("{}\t{i}\t1\t2\t10\t20\t30\n", if i % 2 == 0 { "b" } else { "a" })).collect();
    std::fs::write(folder.path().join("train.tsv"), rows).unwrap();
    let source = Source { path: Some(folder.path().to_owned()), channels: Some(2), ..Source::default() };
    let data = Dataset::load(format("csv-series").unwrap(), &source, &Splits::default(), 1).unwrap();
    assert_eq!((data.shape().dims(), &data.classes[..]), (vec![2, 3], &["a".to_owned(), "b".to_owned()][..]));
    let first: Vec<f32> = data.train.channels_first(0).skip(1).collect();
    assert_eq!(first, [1.0, 2.0, 10.0, 20.0, 30.0]);

    let floats: Vec<u8> = (0..2 * EACH * 6).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let labels: Vec<u8> = (0..2 * EACH).map(|i| (i % 2) as u8).collect();
    write_npz_arrays(folder.path(), &[("x", npy("<f4", &[24, 2, 3], &floats)), ("y", npy("|u1", &[24, 1], &labels))]);
    let path = Some(folder.path().join("data.npz"));
    let source = Source { path, layout: Some(super::Layout::Ncl), ..Source::default() };
    let data = Dataset::load(format("npz").unwrap(), &source, &Splits::default(), 1).unwrap();
    assert_eq!(data.shape().dims(), [2, 3]);
    let first: Vec<f32> = data.train.channels_first(0).collect();
    assert!(first.is_sorted() && first[5] - first[0] == 5.0, "{first:?}");
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
    check("npz", &overwrite("data.npz", b"PK?"), &["data.npz", "no npz file"]);
    check("npz", &|f| write_npz_arrays(f, &[("z", npy("|u1", &[1], &[0]))]), &["data.npz", "x_train and y_train"]);
    let labels =
        |y: Vec<u8>| move |f: &Path| write_npz_arrays(f, &[("x", npy("|u1", &[2, 2, 2], &[0; 8])), ("y", y.clone())]);
    check("npz", &labels(npy("|u1", &[1], &[0])), &["array `y`", "one label for each of 2"]);
    check("npz", &labels(npy("|i1", &[2], &[0, 255])), &["array `y`", "row 1", "-1 is no class"]);
    check("npz", &labels(npy("<U4", &[2], &[0; 32])), &["array `y`", "`<U4`"]);
    check(
        "csv-series",
        &overwrite("train/walk/003.csv", b"x,y\n1,2\n3,oops\n"),
        &["003.csv", "row 3, column 2", "`oops`"],
    );
    check("csv-series", &overwrite("train/walk/003.csv", b"1,2\n3\n"), &["003.csv", "row 2", "1 columns"]);
    check("csv-series", &overwrite("train/walk/003.csv", b"1,2\n3,4\n"), &["003.csv", "2 time steps", "`window`"]);
    check("csv-series", &overwrite("train/walk/003.csv", b""), &["003.csv", "no rows"]);
    check("csv-series", &overwrite("train.csv", b"a,1,2\nb,1\n"), &["train.csv", "row 2", "1 values"]);
    check("wav-folder", &overwrite("yes/003.wav", b"MP3"), &["yes/003.wav", "no WAV file"]);
    let other_rate = |f: &Path| std::fs::write(f.join("yes/003.wav"), wav(16_000, 0..9)).unwrap();
    check("wav-folder", &other_rate, &["yes/003.wav", "16000 samples a second"]);
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
    assert!(error.contains("too few"), "{error}");
}

#[test]
fn a_file_names_the_group_of_each_and_errors_name_row_or_file() {
    let folder = Folder::new();
    let file = folder.path().join("groups.csv");
    let paths = ["cat/1.png", "dog/1.png"].map(|path| folder.path().join(path));
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        super::groups::of_files(&file, folder.path(), paths.iter().map(PathBuf::as_path)).map_err(|e| e.to_string())
    };
    let groups = read("cat/1.png,night\ndog/1.png,day\n").unwrap();
    assert_eq!((groups.names, groups.of), (vec!["day".to_owned(), "night".to_owned()], vec![1, 0]));
    assert!(read("cat/1.png,night\n").unwrap_err().contains("groups.csv: names no group for dog/1.png"));
    assert!(read("cat/1.png\n").unwrap_err().contains("row 1: 1 columns"));
}

#[test]
fn each_split_has_the_groups_of_its_files() {
    let folder = Folder::new();
    let source = write("image-folder", folder.path());
    let file = folder.path().join("groups.csv");
    let group = |number: usize| if number.is_multiple_of(2) { "even" } else { "odd" };
    let rows = [("train", EACH), ("test", 2)].map(|(part, count)| {
        let row = |class: &str, number: usize| format!("{part}/{class}/{number:03}.png, {}\n", group(number));
        (0..count).map(|number| row("cat", number) + &row("dog", number)).collect::<String>()
    });
    std::fs::write(&file, rows.concat()).unwrap();
    let grouped = Source { groups: Some(file), ..source };
    let data = Dataset::load(format("image-folder").unwrap(), &grouped, &Splits::default(), 1).unwrap();
    for (groups, samples) in [(data.validation_groups, data.validation), (data.test_groups, data.test)] {
        let groups = groups.unwrap();
        for (at, group) in groups.of.iter().enumerate() {
            let number = samples.number(at, 0, 0) as usize % 100;
            assert_eq!(groups.names[*group as usize], if number.is_multiple_of(2) { "even" } else { "odd" });
        }
        assert_eq!(groups.of.len(), samples.len());
    }
}
