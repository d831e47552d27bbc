//! How often something is tried again on a fresh connection, by what went wrong: a device that is away, an agent that ends, and a
//! connection that is cut each have a limit of their own.

use std::time::{Duration, Instant};

use super::transport::Trouble;

/// Cuts for each further try that other troubles get: a cut says nothing of the device, and costs no more than a new connection.
const CUTS_PER_RETRY: u32 = 7;

/// When so much time has gone by since the first cut, cuts get no more tries than other troubles.
const CUT_PATIENCE: Duration = Duration::from_secs(120);

/// Wait after the first cut.
const CUT_PAUSE: Duration = Duration::from_millis(100);

/// Wait after the first time that a device was away.
const ABSENCE_PAUSE: Duration = Duration::from_secs(1);

/// How often a wait is doubled at most, each time that there is the same trouble again.
const MOST_DOUBLINGS: u32 = 3;

/// What went wrong with one question until now.
pub(super) struct Tries {
    retries: u32,
    absences: u32,
    ends: u32,
    cuts: u32,
    first_cut: Option<Instant>,
}

impl Tries {
    /// A device that is away, and an agent that ends, are tried again `retries` times.
    pub(super) fn new(retries: u32) -> Self {
        Self { retries, absences: 0, ends: 0, cuts: 0, first_cut: None }
    }

    /// The last try got further than those before: what went wrong until then does not count.
    pub(super) fn got_further(&mut self) {
        *self = Self::new(self.retries);
    }

    /// The wait before another try after this trouble, which happened now; `None` when there were enough.
    pub(super) fn again(&mut self, trouble: Trouble, now: Instant) -> Option<Duration> {
        if trouble != Trouble::Absent {
            // Something answered: the device is back.
            self.absences = 0;
        }
        let (count, most, first) = match trouble {
            Trouble::Lasting => return None,
            Trouble::Absent => (&mut self.absences, self.retries, ABSENCE_PAUSE),
            Trouble::Ended => (&mut self.ends, self.retries, Duration::ZERO),
            Trouble::Cut => {
                let lasts = now.duration_since(*self.first_cut.get_or_insert(now));
                let most = if lasts < CUT_PATIENCE { self.retries * CUTS_PER_RETRY } else { self.retries };
                (&mut self.cuts, most, CUT_PAUSE)
            }
        };
        *count += 1;
        (*count <= most).then(|| first * (1 << (*count - 1).min(MOST_DOUBLINGS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_ms(tries: &mut Tries, trouble: Trouble, now: Instant) -> Vec<u128> {
        std::iter::from_fn(|| tries.again(trouble, now)).take(1000).map(|wait| wait.as_millis()).collect()
    }

    #[test]
    fn every_trouble_has_its_limit_and_its_waits() {
        let now = Instant::now();
        let waits = |retries, trouble| waits_ms(&mut Tries::new(retries), trouble, now);
        assert_eq!(waits(5, Trouble::Absent), [1000, 2000, 4000, 8000, 8000]);
        assert_eq!(waits(3, Trouble::Ended), [0, 0, 0]);
        let cuts = waits(3, Trouble::Cut);
        assert_eq!((cuts.len(), &cuts[..5]), (21, [100, 200, 400, 800, 800].as_slice()));
        for trouble in [Trouble::Absent, Trouble::Ended, Trouble::Cut] {
            assert!(waits(0, trouble).is_empty(), "{trouble:?}");
        }
        assert!(waits(9, Trouble::Lasting).is_empty());
    }

    #[test]
    fn a_device_that_answers_in_between_is_not_away() {
        let now = Instant::now();
        let mut tries = Tries::new(1);
        assert!(tries.again(Trouble::Absent, now).is_some() && tries.again(Trouble::Cut, now).is_some());
        assert!(tries.again(Trouble::Absent, now).is_some(), "it is away anew");
        assert!(tries.again(Trouble::Absent, now).is_none());
    }

    #[test]
    fn tries_are_counted_from_the_last_that_got_further() {
        let (now, mut tries) = (Instant::now(), Tries::new(1));
        for _ in 0..20 {
            assert!(tries.again(Trouble::Ended, now).is_some());
            tries.got_further();
        }
        assert!(tries.again(Trouble::Ended, now).is_some() && tries.again(Trouble::Ended, now).is_none());
    }

    #[test]
    fn cuts_that_go_on_for_long_are_few() {
        let now = Instant::now();
        let mut tries = Tries::new(2);
        assert!(tries.again(Trouble::Cut, now).is_some() && tries.again(Trouble::Cut, now + CUT_PATIENCE).is_some());
        assert!(tries.again(Trouble::Cut, now + CUT_PATIENCE).is_none());
    }
}
