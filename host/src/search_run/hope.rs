//! Trainings that end early: once the curve of a candidate says that it hardly reaches what would make a difference.
//!
//! What is said of a candidate follows from the trials that were told when it was drawn, whatever else has ended by now: a run that is
//! resumed, or that trains in another order, ends the same trainings after the same epochs.

use edgefit_search::curve::{Prediction, is_quarter, needed, predict};
use edgefit_search::{Metric, SearchEngine, Trial, Value, strategy};
use edgefit_train::EpochReport;

use super::Run;
use super::training::Outcome;
use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Event;
use crate::quantity::percent;
use crate::report::EarlyEnds;
use crate::study::{Purpose, Training};

/// Probability of the interval that stands beside a predicted accuracy.
const INTERVAL: f64 = 0.9;

/// What a candidate's training is watched for.
pub(super) struct Watch {
    /// Validation accuracies of trainings that ended, epoch by epoch.
    finished: Vec<Vec<f64>>,
    /// The accuracy that would make a difference.
    needed: f64,
    /// Epochs of the whole training.
    epochs: usize,
    /// The training ends when it is less probable than this that it reaches what is needed.
    least: f64,
}

/// Why a training ended early.
struct Hopeless {
    probability: f64,
    prediction: Prediction,
}

/// Refuses to end trainings early where that has no meaning.
pub(super) fn check(config: &SearchConfig) -> Result<()> {
    if config.estimate.stop_below.is_none() {
        return Ok(());
    }
    let strategy = strategy::build(&config.strategy)?;
    let reason = if strategy.pauses() {
        format!("strategy `{}` already decides which trainings go on", strategy.name())
    } else if config.goals().objectives().iter().all(|objective| objective.metric != Metric::Accuracy) {
        "nothing says which accuracy is enough without `accuracy = \"max\"` in [objectives]".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Usage, format!("estimate.stop_below: {reason}; remove it, or change that")))
}

impl Watch {
    /// Whether a training is to end after these epochs.
    pub(super) fn ends(&self, epochs: &[EpochReport]) -> bool {
        self.verdict(epochs.iter().map(|epoch| epoch.validation_accuracy)).is_some()
    }

    /// Why it is, after these accuracies.
    fn verdict(&self, accuracies: impl Iterator<Item = Option<f64>>) -> Option<Hopeless> {
        let seen: Vec<f64> = accuracies.collect::<Option<_>>()?;
        if !is_quarter(seen.len(), self.epochs) || seen.iter().any(|accuracy| *accuracy >= self.needed) {
            return None;
        }
        let prediction = predict(&seen, &self.finished)?;
        let probability = prediction.reaches(self.needed);
        (probability < self.least).then_some(Hopeless { probability, prediction })
    }
}

impl Run<'_> {
    /// What a candidate is watched for, if the configuration asks for it.
    pub(super) fn watch(&mut self, engine: &SearchEngine, trial: &Trial) -> Result<Option<Watch>> {
        let Some(least) = self.config.estimate.stop_below else { return Ok(None) };
        let told = trial.told.map_or(0, |told| told as usize);
        let known = engine.trials().get(..told).unwrap_or_default();
        let epochs = self.config.estimate.epochs;
        let curve = |training: &Training| training.epochs.iter().map(|epoch| epoch.validation_accuracy).collect();
        let is_known = |draw: u64| known.iter().any(|other| other.draw == draw);
        let trainings = self.study.trainings(Purpose::Estimate)?;
        let whole = trainings.iter().filter(|(draw, training)| is_known(*draw) && training.epochs.len() == epochs);
        let finished = whole.filter_map(|(_, training)| curve(training)).collect();
        let needed = needed(engine.goals(), &trial.known, known.iter());
        Ok(Some(Watch { finished, needed, epochs, least }))
    }

    /// What the trainings that ended early spared, if the configuration lets them.
    pub(super) fn early_ends(&mut self) -> Result<Option<EarlyEnds>> {
        let estimate = &self.config.estimate;
        if estimate.stop_below.is_none() {
            return Ok(None);
        }
        let trainings = self.study.trainings(Purpose::Estimate)?;
        let trained = trainings.iter().map(|(_, training)| (training.epochs.len() as u64, training.seconds));
        Ok(Some(EarlyEnds::of(trained, estimate.epochs as u64, estimate.jobs as u64)))
    }

    /// The accuracy that a candidate's training came to, or what is predicted where it ended early.
    pub(super) fn accuracy_of(&mut self, engine: &SearchEngine, trial: &Trial, outcome: &Outcome) -> Result<Value> {
        let accuracies = outcome.training.epochs.iter().map(|epoch| epoch.validation_accuracy);
        let watch = self.watch(engine, trial)?;
        let Some((watch, hopeless)) = watch.and_then(|watch| watch.verdict(accuracies).map(|found| (watch, found)))
        else {
            return Ok(outcome.accuracy(&self.dataset, self.config));
        };
        let (Hopeless { probability, prediction }, Watch { needed, epochs, .. }) = (hopeless, watch);
        let epoch = outcome.training.epochs.len();
        self.progress.emit(Event::Hopeless {
            number: trial.number,
            epoch: epoch as u64,
            epochs: epochs as u64,
            needed,
            probability,
        });
        let by = format!(
            "learning curve of {epoch} of {epochs} epochs; training ended there, as it reaches the {} that are needed with a probability of {}",
            percent(needed),
            percent(probability)
        );
        Ok(Value::predicted(prediction.mean, Some(prediction.interval(INTERVAL)), by))
    }
}
