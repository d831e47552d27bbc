//! Splits by a seed, each class in the same proportion.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Collection, DataError, Part};

/// How much of a data set goes where.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// Share of the images not set aside for the test; between 0 and 1, both excluded.
    pub validation: f64,
    /// Share of all images, where the set has no test images of its own; between 0 and 1, both excluded.
    pub test: f64,
    /// At most this many images besides a set's own test images, drawn by the seed.
    pub limit: Option<usize>,
    /// At most this many of a set's own test images, drawn by the seed.
    pub test_limit: Option<usize>,
}

impl Default for Splits {
    /// A fifth for the test, a fifth of the rest for validation, no limits.
    fn default() -> Self {
        Self { validation: 0.2, test: 0.2, limit: None, test_limit: None }
    }
}

/// Positions of the samples of each split, in ascending order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Indices {
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) test: Vec<usize>,
    pub(super) test_part: Part,
}

/// Splits a collection.
pub(super) fn split(collection: &dyn Collection, splits: &Splits, seed: u64) -> Result<Indices, DataError> {
    for (name, share) in [("validation", splits.validation), ("test", splits.test)] {
        if !(share > 0.0 && share < 1.0) {
            return Err(DataError::Split(format!("the {name} share is {share}; it must be between 0 and 1")));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels = collection.labels(Part::Pool);
    let units = Units::of(labels, collection.recordings());
    let pool = units.draw(splits.limit, &mut rng);
    let own_test = collection.labels(Part::Test);
    let (test, rest, test_part) = if own_test.is_empty() {
        let (test, rest) = units.stratify(pool, splits.test, &mut rng);
        (test, rest, Part::Pool)
    } else {
        (shuffled(own_test.len(), splits.test_limit, &mut rng), pool, Part::Test)
    };
    let (validation, train) = units.stratify(rest, splits.validation, &mut rng);
    let test = if test_part == Part::Pool { units.members(&test) } else { test };
    let (train, validation) = (units.members(&train), units.members(&validation));
    let mut indices = Indices { train, validation, test, test_part };
    indices.check()?;
    Ok(indices)
}

impl Indices {
    fn check(&mut self) -> Result<(), DataError> {
        let parts = [("train", &mut self.train), ("validation", &mut self.validation), ("test", &mut self.test)];
        for (name, part) in parts {
            if part.is_empty() {
                return Err(DataError::Split(format!("no sample is left for {name}; there are too few")));
            }
            part.sort_unstable();
        }
        Ok(())
    }
}

/// What stays together in a split: the samples of a recording, or one sample.
struct Units {
    members: Vec<Vec<usize>>,
    /// The class of each unit: that of its first sample.
    labels: Vec<u32>,
}

impl Units {
    fn of(labels: &[u32], recordings: Option<&[u32]>) -> Self {
        let mut members: Vec<Vec<usize>> = Vec::new();
        match recordings {
            None => members.extend((0..labels.len()).map(|i| vec![i])),
            Some(recordings) => {
                members.resize(recordings.iter().max().map_or(0, |&last| last as usize + 1), Vec::new());
                recordings.iter().enumerate().for_each(|(i, &recording)| members[recording as usize].push(i));
                members.retain(|samples| !samples.is_empty());
            }
        }
        let labels = members.iter().map(|samples| labels[samples[0]]).collect();
        Self { members, labels }
    }

    /// All units in random order, as many as hold at most `limit` samples.
    fn draw(&self, limit: Option<usize>, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut left = limit.unwrap_or(usize::MAX);
        let mut units = shuffled(self.members.len(), None, rng);
        units.retain(|&unit| {
            let rest = left.checked_sub(self.members[unit].len());
            left = rest.unwrap_or(left);
            rest.is_some()
        });
        units
    }

    fn members(&self, units: &[usize]) -> Vec<usize> {
        units.iter().flat_map(|&unit| &self.members[unit]).copied().collect()
    }

    /// Takes a share of each class; returns the units taken and the rest.
    fn stratify(&self, pool: Vec<usize>, share: f64, rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
        let classes = self.labels.iter().max().map_or(0, |&l| l as usize + 1);
        let mut by_class = vec![Vec::new(); classes];
        pool.into_iter().for_each(|unit| by_class[self.labels[unit] as usize].push(unit));
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for mut class in by_class {
            class.shuffle(rng);
            let count = (class.len() as f64 * share).round() as usize;
            rest.extend(class.split_off(count));
            taken.extend(class);
        }
        (taken, rest)
    }
}

/// `0..len` in random order, at most `limit` of it.
fn shuffled(len: usize, limit: Option<usize>, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..len).collect();
    all.shuffle(rng);
    all.truncate(limit.unwrap_or(len));
    all
}
