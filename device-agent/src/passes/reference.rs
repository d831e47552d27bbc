//! A fixed piece of work, the same on every device and in every process: how long it takes says how fast the processor is just
//! now, whatever the model.
//!
//! Other work on the same memory, on the other thread of a core or in another virtual machine, and a changed clock show in it,
//! although the system tells of none of them.

use std::{hint::black_box, time::Instant};

use edgefit_protocol::limits;

use super::sampling::{SampleLog, elapsed_ns};

/// Rows and columns of the matrices: 32,768 multiply-accumulates on 12 KiB, which fit the first cache of any core.
const SIZE: usize = 32;

/// Measured runs go on for so long between two readings, which then take less than a hundredth of the time.
const EVERY_NS: u64 = 5_000_000;

/// Times that a reading does the work. It takes the fastest, which nothing interrupted.
const TRIES: usize = 3;

/// Readings over a pass.
pub(super) struct Reference {
    factors: [Vec<f32>; 2],
    product: Vec<f32>,
    readings: SampleLog,
    next_ns: u64,
}

impl Reference {
    pub(super) fn new() -> Self {
        let matrix = |value: f32| vec![value; SIZE * SIZE];
        Self {
            factors: [matrix(0.5), matrix(0.25)],
            product: matrix(0.0),
            readings: SampleLog::new(limits::MAX_REFERENCE_READINGS),
            next_ns: 0,
        }
    }

    /// Takes a reading where the last one is long ago; `elapsed_ns` is the time since measuring began.
    pub(super) fn read_when_due(&mut self, elapsed_ns: u64) {
        if elapsed_ns >= self.next_ns {
            self.read();
            self.next_ns = elapsed_ns.saturating_add(EVERY_NS);
        }
    }

    fn read(&mut self) {
        let fastest_ns = (0..TRIES).map(|_| self.work()).min();
        self.readings.push(fastest_ns.unwrap_or_default());
    }

    fn work(&mut self) -> u64 {
        self.product.fill(0.0);
        let started = Instant::now();
        let [left, right] = &self.factors;
        for (row, sums) in left.chunks_exact(SIZE).zip(self.product.chunks_exact_mut(SIZE)) {
            for (factor, column) in row.iter().zip(right.chunks_exact(SIZE)) {
                sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        black_box(&mut self.product);
        elapsed_ns(started)
    }

    pub(super) fn into_readings_ns(self) -> Vec<u64> {
        self.readings.into_samples_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::{EVERY_NS, Reference, SIZE};

    #[test]
    fn the_work_is_a_matrix_product_and_is_read_now_and_then() {
        let mut reference = Reference::new();
        for elapsed_ns in [0, 1, EVERY_NS - 1, EVERY_NS, EVERY_NS + 1] {
            reference.read_when_due(elapsed_ns);
        }
        assert!(reference.product.iter().all(|sum| (sum - SIZE as f32 * 0.125).abs() < 1e-4));
        let readings_ns = reference.into_readings_ns();
        assert_eq!(readings_ns.len(), 2);
        assert!(readings_ns.iter().all(|ns| *ns > 0), "{readings_ns:?}");
    }
}
