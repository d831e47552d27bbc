//! Random numbers: one stream for each draw of a search, so that replaying a search needs no stored generator state.
//!
//! Everything random takes a [`ChaCha8Rng`]; nothing makes its own.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of draw number `draw` of the search that has this seed. Streams of one seed do not overlap.
pub fn stream(seed: u64, draw: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(draw);
    rng
}

/// A position below `count`, uniformly.
///
/// # Panics
/// If `count` is zero or does not fit 32 bits.
pub(crate) fn position(rng: &mut ChaCha8Rng, count: usize) -> usize {
    let count = u32::try_from(count).expect("lists to draw from are short");
    rng.random_range(0..count) as usize
}

/// One of these, uniformly; `None` of nothing.
pub(crate) fn one_of<'a, T>(rng: &mut ChaCha8Rng, list: &'a [T]) -> Option<&'a T> {
    (!list.is_empty()).then(|| &list[position(rng, list.len())])
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::{position, stream};

    #[test]
    fn a_stream_is_its_seed_and_number() {
        let first = |seed, draw| stream(seed, draw).next_u64();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn positions_cover_the_list_evenly() {
        let mut counts = [0usize; 3];
        let mut rng = stream(7, 0);
        (0..3000).for_each(|_| counts[position(&mut rng, 3)] += 1);
        assert!(counts.iter().all(|&n| (850..1150).contains(&n)), "{counts:?}");
    }
}
