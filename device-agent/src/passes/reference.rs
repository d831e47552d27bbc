//! A fixed piece of work, the same on every device and in every process: how long it takes says how fast the processor is just
//! now, whatever the model.
//!
//! Other work on the same memory, on the other thread of a core or in another virtual machine, and a changed clock show in it,
//! although the system tells of none of them. It has to feel these as runtimes do, so it is made of what they are made of: arithmetic that
//! keeps all units of a core busy on more than its first cache holds, and the making and dropping of many small things. A chain of
//! additions that wait for each other, for one, takes hardly longer while the other thread of the core works.

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use edgefit_protocol::limits;

use super::sampling::{SampleLog, elapsed_ns};

/// Rows and columns of the matrices: 262,144 multiply-accumulates on 48 KiB.
const SIZE: usize = 64;

/// Small things that are made and dropped.
const THINGS: usize = 60;

/// Measured runs go on for so long between two readings, or for so many times as long as a reading took, whichever is longer.
const EVERY_NS: u64 = 1_000_000;
const RUNNING_PER_READING: u64 = 10;

/// Times that a reading does the work. It takes the fastest, which nothing interrupted.
const TRIES: usize = 2;

/// Readings over a pass.
pub(super) struct Reference {
    factors: [Vec<f32>; 2],
    product: Vec<f32>,
    readings: SampleLog,
    at_runs: SampleLog,
    next_ns: u64,
}

impl Reference {
    pub(super) fn new() -> Self {
        let matrix = |value: f32| vec![value; SIZE * SIZE];
        Self {
            factors: [matrix(0.5), matrix(0.25)],
            product: matrix(0.0),
            readings: SampleLog::new(limits::MAX_REFERENCE_READINGS),
            at_runs: SampleLog::new(limits::MAX_REFERENCE_READINGS),
            next_ns: 0,
        }
    }

    /// Takes a reading where the last one is long ago, and returns it; `elapsed_ns` is the time since measuring began, in which so
    /// many runs were done.
    pub(super) fn read_when_due(&mut self, elapsed_ns: u64, runs: u64) -> Option<u64> {
        if elapsed_ns < self.next_ns {
            return None;
        }
        let tries_ns: [u64; TRIES] = std::array::from_fn(|_| self.work());
        let (reading_ns, spent_ns) = (tries_ns.iter().copied().min()?, tries_ns.iter().sum::<u64>());
        self.readings.push(reading_ns);
        self.at_runs.push(runs);
        let running_ns = EVERY_NS.max(spent_ns.saturating_mul(RUNNING_PER_READING));
        self.next_ns = elapsed_ns.saturating_add(spent_ns).saturating_add(running_ns);
        Some(reading_ns)
    }

    fn work(&mut self) -> u64 {
        let started = Instant::now();
        let [left, right] = &self.factors;
        multiply(black_box(SIZE), left, right, &mut self.product);
        black_box(make_things(black_box(THINGS)));
        elapsed_ns(started)
    }

    /// The readings in order, and how many runs were done before each.
    pub(super) fn into_readings(self) -> (Vec<u64>, Vec<u64>) {
        (self.readings.into_samples_ns(), self.at_runs.into_samples_ns())
    }
}

/// The product of two square matrices. Their size is not known to the compiler, which would otherwise make one long chain of additions
/// of each element.
fn multiply(size: usize, left: &[f32], right: &[f32], product: &mut [f32]) {
    product.fill(0.0);
    for (row, sums) in left.chunks_exact(size).zip(product.chunks_exact_mut(size)) {
        for (factor, column) in row.iter().zip(right.chunks_exact(size)) {
            sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    black_box(product);
}

/// Makes small vectors of differing lengths under scattered keys; their capacities together, in bytes.
fn make_things(count: usize) -> usize {
    let mut things = BTreeMap::new();
    for number in 0..count {
        things.insert(number.wrapping_mul(0x9e37_79b1) % 1009, Vec::<u8>::with_capacity(128 + number * 56 % 1600));
    }
    things.values().map(Vec::capacity).sum()
}

#[cfg(test)]
mod tests {
    use super::{EVERY_NS, Reference, SIZE, THINGS, make_things};

    #[test]
    fn the_work_is_a_matrix_product_and_is_read_now_and_then() {
        let mut reference = Reference::new();
        assert!(reference.read_when_due(0, 0).is_some());
        let next_ns = reference.next_ns;
        assert!(next_ns > EVERY_NS);
        assert_eq!([1, next_ns - 1].map(|elapsed_ns| reference.read_when_due(elapsed_ns, 5)), [None, None]);
        assert!(reference.read_when_due(next_ns, 7).is_some());
        assert!(reference.product.iter().all(|sum| (sum - SIZE as f32 * 0.125).abs() < 1e-4));
        let (readings_ns, at_runs) = reference.into_readings();
        assert_eq!(at_runs, [0, 7]);
        assert!(readings_ns.iter().all(|ns| *ns > 0), "{readings_ns:?}");
    }

    #[test]
    fn small_things_have_places_of_their_own() {
        assert_eq!(make_things(0), 0);
        assert!(make_things(THINGS) >= THINGS * 128);
    }
}
