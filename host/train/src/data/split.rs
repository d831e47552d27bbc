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

/// Positions of the images of each split, in ascending order.
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
    let pool = draw(labels.len(), splits.limit, &mut rng);
    let own_test = collection.labels(Part::Test);
    let (test, rest, test_part) = if own_test.is_empty() {
        let (test, rest) = stratify(pool, labels, splits.test, &mut rng);
        (test, rest, Part::Pool)
    } else {
        (draw(own_test.len(), splits.test_limit, &mut rng), pool, Part::Test)
    };
    let (validation, train) = stratify(rest, labels, splits.validation, &mut rng);
    let mut indices = Indices { train, validation, test, test_part };
    indices.check()?;
    Ok(indices)
}

impl Indices {
    fn check(&mut self) -> Result<(), DataError> {
        let parts = [("train", &mut self.train), ("validation", &mut self.validation), ("test", &mut self.test)];
        for (name, part) in parts {
            if part.is_empty() {
                return Err(DataError::Split(format!("no image is left for {name}; there are too few images")));
            }
            part.sort_unstable();
        }
        Ok(())
    }
}

/// `0..len` in random order, at most `limit` of it.
fn draw(len: usize, limit: Option<usize>, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..len).collect();
    all.shuffle(rng);
    all.truncate(limit.unwrap_or(len));
    all
}

/// Takes a share of each class; returns what was taken and the rest.
fn stratify(pool: Vec<usize>, labels: &[u32], share: f64, rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
    let classes = labels.iter().max().map_or(0, |&l| l as usize + 1);
    let mut by_class = vec![Vec::new(); classes];
    pool.into_iter().for_each(|i| by_class[labels[i] as usize].push(i));
    let (mut taken, mut rest) = (Vec::new(), Vec::new());
    for mut class in by_class {
        class.shuffle(rng);
        let count = (class.len() as f64 * share).round() as usize;
        rest.extend(class.split_off(count));
        taken.extend(class);
    }
    (taken, rest)
}
