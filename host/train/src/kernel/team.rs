//! Parts of a batch, side by side on the processors that no other training keeps busy.
//!
//! A batch is cut into the same parts whoever computes them, and what the parts sum up is added in their order. So a training gives
//! the same numbers, bit for bit, on one thread and on many.

use std::cell::OnceCell;
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Most parts of a batch.
const MAX_PARTS: usize = 4;

/// Fewest floats of a part.
const MIN_PART_FLOATS: usize = 1 << 14;

/// How long helpers stay awake with nothing to do: between the layers of a network, and not between trainings. To wake one takes as
/// long as a layer of a small network.
const AWAKE: Duration = Duration::from_millis(1);

/// Turns for which a thread that has done its share waits awake for the others: some ten microseconds.
const AWAKE_TURNS: usize = 1 << 12;

static PROCESSORS: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, usize::from));

/// Trainings that run in this process.
static TRAININGS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The threads that help this one, from when they are first needed until it ends; `None` where the system gives no more threads.
    static HELPERS: OnceCell<Option<Helpers>> = const { OnceCell::new() };
}

/// Threads that help one.
struct Helpers {
    pool: ThreadPool,
    watch: Arc<Watch>,
}

impl Helpers {
    fn hire() -> Option<Self> {
        let threads = (*PROCESSORS).clamp(2, MAX_PARTS) - 1;
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().ok()?;
        Some(Self { pool, watch: Arc::default() })
    }

    /// Wakes them once all sleep; of some, the pool wakes what it needs.
    fn wake(&self) {
        self.watch.calls.fetch_add(1, Ordering::Relaxed);
        let threads = self.pool.current_num_threads();
        if self.watch.awake.compare_exchange(0, threads, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let watch = Arc::clone(&self.watch);
            self.pool.spawn_broadcast(move |_| watch.keep());
        }
    }
}

/// Keeps helpers awake.
#[derive(Default)]
struct Watch {
    calls: AtomicUsize,
    /// Helpers that are kept awake.
    awake: AtomicUsize,
}

impl Watch {
    /// Does what the pool has to do until it is not called for a while.
    fn keep(&self) {
        let (mut calls, mut called) = (self.calls.load(Ordering::Relaxed), Instant::now());
        while called.elapsed() < AWAKE {
            match rayon::yield_now() {
                Some(rayon::Yield::Executed) => {}
                _ => spin_loop(),
            }
            let now = self.calls.load(Ordering::Relaxed);
            if now != calls {
                (calls, called) = (now, Instant::now());
            }
        }
        self.awake.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One training that keeps a processor busy, for as long as this lives.
pub(crate) struct Busy(());

impl Busy {
    /// Counts a training.
    pub(crate) fn new() -> Self {
        TRAININGS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        TRAININGS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ranges of units that a batch of `units` of so many floats each is cut into: one after the other, none empty unless there are no units.
pub(crate) fn cut(units: usize, unit_floats: usize) -> Vec<Range<usize>> {
    let parts = (units * unit_floats / MIN_PART_FLOATS).min(MAX_PARTS).min(units).max(1);
    (0..parts).map(|part| units * part / parts..units * (part + 1) / parts).collect()
}

/// The slices of a batch at these ranges of units of so many floats each.
pub(crate) fn split<'a>(mut floats: &'a mut [f32], ranges: &[Range<usize>], unit_floats: usize) -> Vec<&'a mut [f32]> {
    let take =
        |range: &Range<usize>| floats.split_off_mut(..range.len() * unit_floats).expect("the ranges are of this batch");
    ranges.iter().map(take).collect()
}

/// Does the work on every part, on this thread and on idle processors; results in the order of the parts. Each thread prepares a
/// bench of its own, which its parts use one after the other.
pub(crate) fn map<P: Send, B, R: Send>(
    parts: Vec<P>,
    prepare: impl Fn() -> B + Sync,
    work: impl Fn(&mut B, P) -> R + Sync,
) -> Vec<R> {
    let idle = PROCESSORS.saturating_sub(TRAININGS.load(Ordering::Relaxed).max(1));
    map_with(idle.min(parts.len().saturating_sub(1)), parts, prepare, work)
}

fn map_with<P: Send, B, R: Send>(
    helpers: usize,
    parts: Vec<P>,
    prepare: impl Fn() -> B + Sync,
    work: impl Fn(&mut B, P) -> R + Sync,
) -> Vec<R> {
    HELPERS.with(|hired| {
        let hired = if helpers > 0 { hired.get_or_init(Helpers::hire).as_ref() } else { None };
        if let Some(hired) = hired {
            hired.wake();
            return take_turns(&hired.pool, helpers, parts, prepare, work);
        }
        let mut bench = prepare();
        parts.into_iter().map(|part| work(&mut bench, part)).collect()
    })
}

fn take_turns<P: Send, B, R: Send>(
    pool: &ThreadPool,
    helpers: usize,
    parts: Vec<P>,
    prepare: impl Fn() -> B + Sync,
    work: impl Fn(&mut B, P) -> R + Sync,
) -> Vec<R> {
    let slots: Vec<_> = parts.into_iter().map(|part| Mutex::new((Some(part), None))).collect();
    let next = AtomicUsize::new(0);
    let take_turn = || {
        let mut bench = None;
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Nobody else has this number, so the lock is free.
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let bench = bench.get_or_insert_with(&prepare);
            slot.1 = slot.0.take().map(|part| work(bench, part));
        }
    };
    let done_helpers = AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| {
                take_turn();
                done_helpers.fetch_add(1, Ordering::Release);
            });
        }
        take_turn();
        // The scope would put this thread to sleep at once.
        let are_done = || done_helpers.load(Ordering::Acquire) == helpers;
        (0..AWAKE_TURNS).take_while(|_| !are_done()).for_each(|_| spin_loop());
    });
    let done = |slot: Mutex<(Option<P>, Option<R>)>| slot.into_inner().unwrap_or_else(PoisonError::into_inner).1;
    slots.into_iter().map(|slot| done(slot).expect("every part had its turn")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_batch_in_order() {
        for (units, floats, parts) in
            [(0, 10, 1), (1, 1 << 20, 1), (7, 1, 1), (64, 1 << 9, 2), (64, 1 << 10, 4), (3, 1 << 14, 3)]
        {
            let ranges = cut(units, floats);
            assert_eq!(ranges.len(), parts, "{units} units of {floats}");
            assert_eq!((ranges[0].start, ranges[parts - 1].end), (0, units));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start && !pair[1].is_empty()));
        }
    }

    #[test]
    fn work_is_done_once_for_each_part_and_comes_back_in_order() {
        let mut floats: Vec<f32> = (0..30).map(|i| i as f32).collect();
        let ranges = [0..1, 1..4, 4..10];
        let sums = map_with(
            1,
            split(&mut floats, &ranges, 3),
            || (),
            |(), part| {
                part.iter_mut().for_each(|x| *x += 1.0);
                part.iter().sum::<f32>()
            },
        );
        assert_eq!(sums, [6.0, 72.0, 387.0]);
        assert_eq!(floats, (1..=30).map(|i| i as f32).collect::<Vec<_>>());
    }
}
