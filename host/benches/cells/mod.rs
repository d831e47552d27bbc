//! NAS-Bench-201 cells with their published accuracies, as a network of the same skeleton or of a smaller one; and CIFAR-10.

use std::error::Error;
use std::fs::File;

use edgefit_graph::Shape;
use edgefit_search::space::PerStage;
use edgefit_search::{Genotype, Space, SpaceSettings, Task, draw, space};
use edgefit_train::Dataset;
use edgefit_train::data::{Source, Splits, format};
use flate2::read::GzDecoder;
use rand::seq::SliceRandom;

/// What the benchmarks return.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// A cell and its published accuracy on the validation images of CIFAR-100, in percent.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) genotype: Genotype,
    pub(crate) accuracy: f64,
}

/// The space of all cells in three stages of `depth` cells, from `width` channels on.
pub(crate) fn cells(width: usize, depth: usize, side: usize) -> Outcome<Box<dyn Space>> {
    let settings = SpaceSettings {
        stages: Some(3),
        widths: Some(PerStage::All(vec![width])),
        depths: Some(vec![depth]),
        ..SpaceSettings::preset("nb201")
    };
    Ok(space::build(&settings, &Task { input: Shape::new([3, side, side]), classes: 10 })?)
}

/// All cells of the table, a gzipped CSV file with the columns `arch` and `cifar100_valid_accuracy_pct`, in an order drawn by
/// the seed.
pub(crate) fn published(table: &str, space: &dyn Space, seed: u64) -> Outcome<Vec<Published>> {
    let mut reader = csv::Reader::from_reader(GzDecoder::new(File::open(table)?));
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header == name);
        found.ok_or_else(|| format!("{table} has no column `{name}`"))
    };
    let (arch, accuracy) = (column("arch")?, column("cifar100_valid_accuracy_pct")?);
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record?;
        all.push(Published { genotype: space.parse(&record[arch])?, accuracy: record[accuracy].parse()? });
    }
    all.shuffle(&mut draw::stream(seed, 0));
    Ok(all)
}

/// CIFAR-10 as folders of images, `images` of them for training and validation, made `side` pixels wide.
pub(crate) fn cifar10(folder: &str, images: usize, side: usize, seed: u64) -> Outcome<Dataset> {
    let format = format("image-folder").ok_or("the format image-folder is gone")?;
    let source = Source { path: Some(folder.into()), resize: Some([side, side]), ..Source::default() };
    let splits = Splits { limit: Some(images), test_limit: Some(10), ..Splits::default() };
    Ok(Dataset::load(format, &source, &splits, seed)?)
}
