//! Jobs shared by workers, one at a time on each. What a job or a worker is, it does not know.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// Has workers do `jobs` jobs side by side; returns the workers that are left, and the results in the order of the jobs. A worker
/// whose failure `is_loss` is told to `lost` and leaves its job to the others; the last one stays, lost or not.
pub(super) fn share<W: Send, T: Send, E: Send>(
    workers: Vec<W>,
    jobs: usize,
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
    is_loss: impl Fn(&E) -> bool + Sync,
    lost: &mut dyn FnMut(&E),
) -> (Vec<W>, Vec<Result<T, E>>) {
    let shared = Shared::new(jobs, workers.len());
    let (sender, results) = mpsc::channel();
    let mut done: Vec<Option<Result<T, E>>> = (0..jobs).map(|_| None).collect();
    let left = thread::scope(|scope| {
        let (shared, work, is_loss) = (&shared, &work, &is_loss);
        let threads: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                let sender = sender.clone();
                scope.spawn(move || shared.work(&mut worker, work, is_loss, &sender).then_some(worker))
            })
            .collect();
        drop(sender);
        for told in results {
            match told {
                Told::Done(job, result) => done[job] = Some(result),
                Told::Lost(error) => lost(&error),
            }
        }
        threads.into_iter().filter_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    (left, done.into_iter().map(|result| result.expect("the last worker answers for every job that is left")).collect())
}

/// What a worker tells.
enum Told<T, E> {
    Done(usize, Result<T, E>),
    Lost(E),
}

/// What workers share. Who finds nothing to do waits as long as others are at work, whose jobs may come back.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<usize>,
    under_way: usize,
    workers: usize,
}

impl Shared {
    fn new(jobs: usize, workers: usize) -> Self {
        Self {
            state: Mutex::new(State { waiting: (0..jobs).collect(), under_way: 0, workers }),
            changed: Condvar::new(),
        }
    }

    /// Takes jobs until there are none; whether the worker stays.
    fn work<W, T, E>(
        &self,
        worker: &mut W,
        work: &impl Fn(&mut W, usize) -> Result<T, E>,
        is_loss: &impl Fn(&E) -> bool,
        tell: &mpsc::Sender<Told<T, E>>,
    ) -> bool {
        // Ends: a job comes back only when a worker leaves.
        while let Some(turn) = self.next() {
            let (told, stays) = match work(worker, turn.job) {
                Err(error) if is_loss(&error) && turn.give_back() => (Told::Lost(error), false),
                result => (Told::Done(turn.job, result), true),
            };
            // The receiver lives until every worker has ended.
            let _ = tell.send(told);
            if !stays {
                return false;
            }
        }
        true
    }

    fn next(&self) -> Option<Turn<'_>> {
        let nothing_yet = |state: &mut State| state.waiting.is_empty() && state.under_way > 0;
        let waited = self.changed.wait_while(self.held(), nothing_yet);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let job = state.waiting.pop_front()?;
        state.under_way += 1;
        Some(Turn { shared: self, job })
    }

    /// What a panicked worker held is as good as before: each change of it is whole.
    fn held(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job under way; over when it is dropped, also by a panic.
struct Turn<'a> {
    shared: &'a Shared,
    job: usize,
}

impl Turn<'_> {
    /// Leaves the job to the others, unless there are none.
    fn give_back(&self) -> bool {
        let mut state = self.shared.held();
        let may_leave = state.workers > 1;
        if may_leave {
            state.workers -= 1;
            state.waiting.push_front(self.job);
        }
        may_leave
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shared.held().under_way -= 1;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Failure {
        Job,
        Loss,
    }

    fn run(
        workers: Vec<usize>,
        jobs: usize,
        work: impl Fn(usize, usize) -> Result<usize, Failure> + Sync,
    ) -> (Vec<usize>, Vec<Result<usize, Failure>>, usize) {
        let mut losses = 0;
        let is_loss = |failure: &Failure| *failure == Failure::Loss;
        let work = |worker: &mut usize, job: usize| work(*worker, job);
        let (left, results) = share(workers, jobs, work, is_loss, &mut |_| losses += 1);
        (left, results, losses)
    }

    #[test]
    fn workers_work_at_the_same_time() {
        let both = Barrier::new(2);
        let (left, results, _) = run(vec![0, 1], 8, |_, job| {
            both.wait();
            Ok(job)
        });
        assert_eq!((left.len(), results), (2, (0..8).map(Ok).collect()));
    }

    #[test]
    fn a_lost_workers_job_goes_to_another_that_found_nothing_more_to_do() {
        let (both, calls) = (Barrier::new(2), AtomicUsize::new(0));
        let (left, results, losses) = run(vec![0, 1], 2, |worker, job| {
            // Both jobs are taken before one is answered.
            if calls.fetch_add(1, Ordering::Relaxed) < 2 {
                both.wait();
            }
            match worker {
                0 => Ok(job),
                _ => Err(Failure::Loss),
            }
        });
        assert_eq!((left, results, losses), (vec![0], vec![Ok(0), Ok(1)], 1));
    }

    #[test]
    fn the_last_worker_answers_for_what_is_left_and_a_failed_job_costs_none() {
        let (left, results, losses) = run(vec![0, 1, 2], 4, |_, _| Err(Failure::Loss));
        assert_eq!((left.len(), losses), (1, 2));
        assert_eq!(results.len(), 4);
        let (left, results, losses) = run(vec![0], 2, |_, job| if job == 0 { Err(Failure::Job) } else { Ok(job) });
        assert_eq!((left, results, losses), (vec![0], vec![Err(Failure::Job), Ok(1)], 0));
    }

    #[test]
    #[should_panic(expected = "of the job")]
    fn a_panic_is_passed_on() {
        run(vec![0, 1], 4, |_, job| if job == 0 { panic!("of the job") } else { Ok(job) });
    }
}
