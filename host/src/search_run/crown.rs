//! What the winner gets that the other finalists do not: a training on all images but those of the test, and a measurement as
//! thorough as the device's preset says. A network that misses a bound under it wins nothing, and the next is tried.

use edgefit_search::Goals;

use super::Run;
use super::finals::{Contender, final_readings};
use super::measuring::{Purpose, readings};
use crate::error::Result;
use crate::progress::Event;
use crate::run_folder::FinalistModel;
use crate::study;

impl Run<'_> {
    /// Position of the first contender that keeps all bounds as measured thoroughly; `None` if there is none.
    pub(super) fn crown(&mut self, contenders: &mut [Contender], goals: &Goals) -> Result<Option<usize>> {
        for (position, contender) in contenders.iter_mut().enumerate() {
            self.check_interrupted()?;
            if goals.violation(&contender.readings) == 0.0 && self.prove(contender, goals)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Trains a contender once more and measures it thoroughly; whether it keeps all bounds.
    fn prove(&mut self, contender: &mut Contender, goals: &Goals) -> Result<bool> {
        let number = contender.trial.number;
        let refit = self.config.finals.refit;
        self.progress.emit(Event::Leads { number, refit });
        if refit && !self.refit(contender)? {
            return Ok(false);
        }
        let measurements = match self.measure_again(&contender.trial, Purpose::Winner, &contender.model)? {
            Ok(measurements) => measurements,
            Err(reason) => {
                self.progress.emit(Event::Warning(format!("finalist {number}: {reason}")));
                return Ok(false);
            }
        };
        contender.readings.extend(final_readings(&contender.model, &measurements, readings));
        contender.measurements = measurements;
        self.keep_finalist(&contender.trial, &contender.readings)?;
        self.progress.emit(Event::Proven(self.judged(number, &contender.readings)));
        Ok(goals.violation(&contender.readings) == 0.0)
    }

    /// Trains a contender on training and validation images together; whether that went well.
    fn refit(&mut self, contender: &mut Contender) -> Result<bool> {
        let number = contender.trial.number;
        let trained = self.train_to_end(&[&contender.trial], study::Purpose::Refit)?;
        if let Some(Err(reason)) = trained.into_iter().next() {
            self.progress.emit(Event::Warning(format!("finalist {number}: {reason}")));
            return Ok(false);
        }
        contender.model = self.folder.read_finalist(number, FinalistModel::Refit)?;
        Ok(true)
    }
}
