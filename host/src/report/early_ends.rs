//! What trainings that ended early spared: computed from the epochs that they were not trained for, and from the seconds that were
//! measured of those before.

use serde::{Deserialize, Serialize};

use crate::quantity::{count, seconds};

/// What is told of the trainings of a search whose settings let them end early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlyEnds {
    /// Trainings of candidates.
    pub trainings: u64,
    /// Those of them that ended early.
    pub ended: u64,
    /// Epochs of all trainings, had each gone on to its end.
    pub epochs: u64,
    /// Epochs that were not trained for.
    pub spared_epochs: u64,
    /// Seconds of all trainings, added up.
    pub seconds: f64,
    /// Seconds that the spared epochs would have taken, each as long as the mean of those that its training had.
    pub spared_seconds: f64,
    /// Trainings side by side at most.
    pub jobs: u64,
}

impl EarlyEnds {
    /// Of trainings, each by its number of epochs and its seconds, that would have had so many `epochs` each, `jobs` of them side by side.
    pub fn of(trainings: impl IntoIterator<Item = (u64, f64)>, epochs: u64, jobs: u64) -> Self {
        let mut told = Self { jobs, ..Self::default() };
        for (trained, seconds) in trainings {
            let spared = epochs.saturating_sub(trained);
            told.trainings += 1;
            told.ended += u64::from(spared > 0);
            told.epochs += epochs;
            told.spared_epochs += spared;
            told.seconds += seconds;
            told.spared_seconds += seconds / trained.max(1) as f64 * spared as f64;
        }
        told
    }

    /// In a sentence without its full stop.
    pub(super) fn said(&self) -> String {
        let Self { trainings, ended, epochs, spared_epochs, jobs, .. } = self;
        if *ended == 0 {
            return format!("no training ended early, of {}", count(*trainings));
        }
        let side_by_side = match jobs {
            1 => String::new(),
            jobs => format!(", of which up to {jobs} ran side by side"),
        };
        format!(
            "{} of {} trainings ended early, which spared {} of {} epochs: {} of training, if each of these had taken as long as \
             those before it; all trainings took {}{side_by_side}",
            count(*ended),
            count(*trainings),
            count(*spared_epochs),
            count(*epochs),
            seconds(self.spared_seconds),
            seconds(self.seconds),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::EarlyEnds;

    #[test]
    fn a_spared_epoch_counts_as_long_as_those_before_it() {
        let told = EarlyEnds::of([(8, 16.0), (2, 6.0), (4, 2.0)], 8, 2);
        assert_eq!((told.trainings, told.ended, told.epochs, told.spared_epochs), (3, 2, 24, 10));
        assert_eq!((told.seconds, told.spared_seconds), (24.0, 6.0 * 3.0 + 4.0 * 0.5));
        let said = told.said();
        for expected in ["2 of 3 trainings", "10 of 24 epochs: 20 s", "took 24 s", "up to 2 ran side by side"] {
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn nothing_is_spared_where_none_ended_early() {
        let told = EarlyEnds::of([(8, 16.0)], 8, 1);
        assert_eq!((told.ended, told.spared_seconds), (0, 0.0));
        assert_eq!(told.said(), "no training ended early, of 1");
    }
}
