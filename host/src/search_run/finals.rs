//! The end of a run: the front is trained to the end, exported, measured again, and the winner is the best that meets the bounds
//! as measured. What the winner gets on top is in the module `crown`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Instant;

use edgefit_graph::Digest;
use edgefit_search::{Goals, Metric, Readings, SearchEngine, Trial, Value, pareto};

use super::Run;
use super::measuring::{Purpose, model_bytes, undisturbed_readings};
use super::training::{Job, Outcome, Trained};
use crate::device::Measurement;
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::measuring::MeasureFailure;
use crate::progress::{Event, Phase as Part};
use crate::run_folder::FinalistModel;
use crate::study::{self, Finalist, Phase, Study};

const BYTES_PER_KIB: f64 = 1024.0;

/// The place of a finalist before the places are known.
const NO_PLACE: u64 = i64::MAX as u64;

/// The name of this phase in the study.
const PHASE: &str = "final";

/// Standard errors of one share within which the accuracies of short trainings may come to the same: the one-sided 5 % point of the difference
/// of two, 1.645 times the root of 2. That is of the images alone; the chance of the trainings comes on top.
const BETWEEN_SHORT_TRAININGS: f64 = 2.33;

/// A network that was trained to the end and measured.
pub(super) struct Contender {
    pub(super) trial: Trial,
    pub(super) readings: Readings,
    /// Loss on the validation images: tells apart what their accuracy, a share of few images, does not.
    validation_loss: f64,
    pub(super) model: Vec<u8>,
    /// One of each device, in their order.
    pub(super) measurements: Vec<Measurement>,
}

impl Run<'_> {
    /// Trains and measures the front, best first, until one keeps all bounds as measured and is crowned; the contenders in the order
    /// of their places, the winner first.
    pub(super) fn finals(&mut self, engine: &SearchEngine) -> Result<Vec<Contender>> {
        let (goals, begun) = (engine.goals(), Instant::now());
        let candidates = candidates(engine, &self.likely(engine)?);
        let mut closest: Option<f64> = None;
        self.progress.emit(Event::Phase { phase: Part::Final, done: 0 });
        for batch in candidates.chunks(self.config.finals.finalists) {
            let mut contenders = self.contend(batch)?;
            rank(&mut contenders, goals, self.dataset.validation.len());
            let best = self.crown(&mut contenders, goals)?;
            let violation = |contender: &Contender| goals.violation(&contender.readings);
            closest = contenders.iter().map(violation).chain(closest).min_by(f64::total_cmp);
            if let Some(best) = best {
                contenders[..=best].rotate_right(1);
                let seconds = begun.elapsed().as_secs_f64();
                self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds })?;
                return Ok(contenders);
            }
        }
        Err(no_winner(candidates.len(), closest))
    }

    /// Draws of the candidates that may be as accurate as the most accurate of those that keep the bounds, the likeliest to become so
    /// first; none where accuracy does not come first.
    fn likely(&mut self, engine: &SearchEngine) -> Result<Vec<u64>> {
        let goals = engine.goals();
        if !is_accuracy_alone_first(goals) {
            return Ok(Vec::new());
        }
        let trainings: BTreeMap<u64, study::Training> =
            self.study.trainings(study::Purpose::Estimate)?.into_iter().collect();
        let mut judged = Vec::new();
        for trial in engine.latest() {
            if let Some(training) = trainings.get(&trial.draw)
                && trial.observation(goals).is_feasible()
            {
                let outcome = Outcome { training: training.clone(), weights: None, paused: None };
                judged.push(Judged {
                    draw: trial.draw,
                    accuracy: outcome.accuracy(&self.dataset, self.config).value,
                    validation_loss: outcome.validation_loss(),
                    macs: trial.readings().best(Metric::Macs).map_or(0.0, |macs| macs.value),
                });
            }
        }
        Ok(likeliest(judged, self.dataset.validation.len()))
    }

    fn contend(&mut self, trials: &[&Trial]) -> Result<Vec<Contender>> {
        let trained = self.train_to_end(trials, study::Purpose::Final)?;
        let mut contenders = Vec::with_capacity(trials.len());
        for (trial, trained) in trials.iter().zip(trained) {
            self.check_interrupted()?;
            let measured = match trained {
                Ok(outcome) => self.measure_finalist(trial, &outcome)?,
                Err(reason) => Err(reason),
            };
            match measured {
                Ok(contender) => contenders.push(contender),
                Err(reason) => self.progress.emit(Event::Warning(format!("finalist {}: {reason}", trial.number))),
            }
        }
        Ok(contenders)
    }

    /// Trains those that have not been trained so before an interruption, and keeps each network as soon as it is there.
    pub(super) fn train_to_end(&mut self, trials: &[&Trial], purpose: study::Purpose) -> Result<Vec<Trained>> {
        let recorded = if self.needs_weights() { Vec::new() } else { self.study.trainings(purpose)? };
        let training_of =
            |trial: &Trial| recorded.iter().find(|(draw, _)| *draw == trial.draw).map(|(_, training)| training);
        let has_model = |trial: &Trial| self.folder.finalist(trial.number, model_of(purpose)).is_file();
        let missing: Vec<&Trial> =
            trials.iter().copied().filter(|trial| training_of(trial).is_none() || !has_model(trial)).collect();
        let mut outcomes = self.train_missing(&missing, purpose)?.into_iter();
        let outcome = |trial: &&Trial| match missing.iter().any(|other| other.number == trial.number) {
            true => outcomes.next().expect("as many were trained as were missing"),
            false => Ok(Outcome {
                training: training_of(trial).expect("it is not missing").clone(),
                weights: None,
                paused: None,
            }),
        };
        Ok(trials.iter().map(outcome).collect())
    }

    fn train_missing(&mut self, trials: &[&Trial], purpose: study::Purpose) -> Result<Vec<Trained>> {
        let graphs = trials
            .iter()
            .map(|trial| self.space.decode(&trial.genotype))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let options: Vec<_> = trials.iter().map(|trial| self.export_options(Some(trial))).collect();
        let jobs = trials.iter().zip(&graphs).map(|(trial, graph)| Job::to_end(graph.clone(), self.config, trial));
        let jobs: Vec<Job> = jobs.collect();
        self.folder.make_finalists()?;
        let files: Vec<_> = trials.iter().map(|trial| self.folder.finalist(trial.number, model_of(purpose))).collect();
        let mut keep = |study: &mut Study, job: usize, outcome: &Outcome| {
            let weights = outcome.weights.as_ref().expect("it was trained just now");
            crate::run_folder::write_whole(&files[job], &model_bytes(&graphs[job], weights, &options[job])?)?;
            Ok(study.save_training(trials[job].draw, &outcome.training)?)
        };
        self.train_side_by_side(&jobs, purpose, &mut keep)
    }

    fn measure_finalist(&mut self, trial: &Trial, outcome: &Outcome) -> Result<std::result::Result<Contender, String>> {
        let model = self.folder.read_finalist(trial.number, FinalistModel::Judged)?;
        let measurements = match self.measure_again(trial, Purpose::Final, &model)? {
            Ok(measurements) => measurements,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut found = trial.known.clone();
        found.extend(final_readings(&model, &measurements, undisturbed_readings));
        let accuracy = outcome.accuracy(&self.dataset, self.config);
        found.extend(self.learned_readings(&self.space.decode(&trial.genotype)?, outcome, accuracy)?);
        self.keep_finalist(trial, &found)?;
        self.progress.emit(Event::Finalist(self.judged(trial.number, &found)));
        Ok(Ok(Contender {
            trial: trial.clone(),
            readings: found,
            validation_loss: outcome.validation_loss(),
            model,
            measurements,
        }))
    }

    /// Measures a network of a finalist on every device and keeps the measurements; the reason where it is the network that cannot be measured.
    pub(super) fn measure_again(
        &mut self,
        trial: &Trial,
        purpose: Purpose,
        model: &[u8],
    ) -> Result<std::result::Result<Vec<Measurement>, String>> {
        let digest = Digest::of(&self.space.decode(&trial.genotype)?);
        let taken = self.measure_everywhere(purpose, &digest, model)?;
        // What one device measured is kept also where another failed.
        let mut records = taken.iter().flatten().filter_map(|taken| taken.record.as_ref());
        records.try_for_each(|record| self.study.save_measurement(record))?;
        let mut measurements = Vec::with_capacity(taken.len());
        for taken in taken {
            match taken {
                Ok(taken) => measurements.push(taken.measurement),
                Err(MeasureFailure::Run(error)) => return Err(error),
                Err(MeasureFailure::Network(reason)) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(measurements))
    }

    pub(super) fn keep_finalist(&mut self, trial: &Trial, readings: &Readings) -> Result<()> {
        let finalist = Finalist { draw: trial.draw, place: NO_PLACE, readings: readings.clone() };
        Ok(self.study.save_finalist(&finalist)?)
    }
}

/// What a candidate's short training and its size say of it.
struct Judged {
    draw: u64,
    accuracy: f64,
    validation_loss: f64,
    macs: f64,
}

/// Draws of those that may be as accurate as the best, in the order of the sum of their places by validation loss and by MACs. A short
/// training favors networks that learn quickly; of two that look alike after it, the larger has more to gain from a full one, and
/// MACs alone already rank networks about as well as most estimates without training do.
fn likeliest(mut judged: Vec<Judged>, images: usize) -> Vec<u64> {
    let best = judged.iter().map(|one| one.accuracy).fold(0.0, f64::max);
    let least = as_good_from(best, images, BETWEEN_SHORT_TRAININGS);
    judged.retain(|one| one.accuracy >= least);
    let place = |worse: &dyn Fn(&Judged) -> bool| judged.iter().filter(|other| !worse(other)).count();
    let mut places: Vec<(usize, f64, u64)> = judged
        .iter()
        .map(|one| {
            let by_loss = place(&|other| other.validation_loss >= one.validation_loss);
            let by_macs = place(&|other| other.macs <= one.macs);
            (by_loss + by_macs, one.validation_loss, one.draw)
        })
        .collect();
    places.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    places.into_iter().map(|place| place.2).collect()
}

/// The file of a training's network.
fn model_of(purpose: study::Purpose) -> FinalistModel {
    match purpose {
        study::Purpose::Refit => FinalistModel::Refit,
        study::Purpose::Estimate | study::Purpose::Final => FinalistModel::Judged,
    }
}

/// What a finalist's file and its measurements say, read so.
pub(super) fn final_readings(
    model: &[u8],
    measurements: &[Measurement],
    readings: fn(&Measurement) -> Readings,
) -> Readings {
    let size_kib = model.len() as f64 / BYTES_PER_KIB;
    let mut all = Readings::new();
    for (number, measurement) in (0_u8..).zip(measurements) {
        all.extend(readings(measurement).of_device(number));
    }
    all.with(Metric::ModelSizeKib, Value::measured(size_kib, None, "size of the ONNX file"))
}

/// Trained networks that keep all bounds by what is known, in the order in which they are to be trained to the end: the front and,
/// where accuracy comes first, those that may be as good as the most accurate, in turns; then the rest.
fn candidates<'a>(engine: &'a SearchEngine, likely: &[u64]) -> Vec<&'a Trial> {
    let goals = engine.goals();
    let complete = |trial: &Trial| trial.observation(goals).complete();
    let allowed = |trial: &&Trial| trial.observation(goals).is_feasible() && complete(trial).is_some();
    let mut allowed: Vec<&Trial> = engine.latest().filter(allowed).collect();
    let losses: Vec<Vec<f64>> = allowed.iter().filter_map(|trial| complete(trial)).collect();
    let mut front: Vec<&Trial> = pareto::front(&losses).into_iter().map(|i| allowed[i]).collect();
    front.sort_by(|a, b| by_losses(goals, &a.readings(), &b.readings()));
    allowed.sort_by(|a, b| by_losses(goals, &a.readings(), &b.readings()));
    let likely = likely.iter().filter_map(|draw| allowed.iter().copied().find(|trial| trial.draw == *draw));
    let mut order: Vec<&Trial> = Vec::with_capacity(allowed.len());
    for trial in in_turns(likely, front.into_iter()).chain(allowed.iter().copied()) {
        if order.iter().all(|other| other.number != trial.number) {
            order.push(trial);
        }
    }
    order
}

/// One of each in turns; the longer goes on alone.
fn in_turns<T>(mut a: impl Iterator<Item = T>, mut b: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || {
        let pair = [a.next(), b.next()];
        pair.iter().any(Option::is_some).then_some(pair)
    })
    .flatten()
    .flatten()
}

/// Accuracies from here on may be as good as the best of them: they lie within so many standard errors, that of a share of `images`
/// by Laplace's rule, so that a share of 1 has one too.
fn as_good_from(best: f64, images: usize, errors: f64) -> f64 {
    let images = images as f64;
    let share = (best * images + 1.0) / (images + 2.0);
    best - errors * (share * (1.0 - share) / images).sqrt()
}

/// Best first: by the objectives in their order. Where accuracy comes first, those that may be as accurate as the best stand in
/// the order of their validation losses, which tell more than a share of few images.
fn rank(contenders: &mut [Contender], goals: &Goals, images: usize) {
    contenders.sort_by(|a, b| by_losses(goals, &a.readings, &b.readings));
    let accuracy = |c: &Contender| c.readings.best(Metric::Accuracy).map_or(0.0, |value| value.value);
    if is_accuracy_alone_first(goals)
        && let Some(best) = contenders.first()
    {
        let least = as_good_from(accuracy(best), images, 1.0);
        let group = contenders.iter().take_while(|c| accuracy(c) >= least).count();
        contenders[..group].sort_by(|a, b| a.validation_loss.total_cmp(&b.validation_loss));
    }
}

/// Whether the first objective is the accuracy as it is, not weighed against targets.
fn is_accuracy_alone_first(goals: &Goals) -> bool {
    goals.objectives()[0].metric == Metric::Accuracy && goals.targets().is_empty()
}

/// Compares by the first objective, then the second and so on; what is not known is worst.
fn by_losses(goals: &Goals, a: &Readings, b: &Readings) -> Ordering {
    let known = |readings: &Readings| goals.losses(readings).into_iter().map(|loss| loss.unwrap_or(f64::INFINITY));
    known(a).zip(known(b)).map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn no_winner(candidates: usize, closest: Option<f64>) -> Error {
    let miss = closest.map(|by| format!("; the closest misses a bound by {:.1} %", by * 100.0)).unwrap_or_default();
    let message = format!(
        "none of the {candidates} trained candidates that keep the bounds meets them as measured at the end{miss}. Raise the bound \
         a little, or give the search more trials."
    );
    Error::new(ErrorKind::NoFeasibleArchitecture, message)
}

#[cfg(test)]
mod tests {
    use super::{Judged, as_good_from, in_turns, likeliest};

    #[test]
    fn of_candidates_that_may_be_equal_the_larger_and_the_surer_come_first() {
        let candidate = |draw, accuracy, validation_loss, macs| Judged { draw, accuracy, validation_loss, macs };
        let drawn = likeliest(
            vec![
                candidate(1, 0.97, 0.10, 100.0),
                candidate(2, 0.97, 0.11, 900.0),
                candidate(3, 0.97, 0.50, 200.0),
                candidate(4, 0.80, 0.01, 9_000.0),
            ],
            287,
        );
        assert_eq!(drawn, [2, 1, 3], "the fourth is surely worse, and size does not make up for it");
    }

    #[test]
    fn the_error_of_few_images_is_large_and_that_of_many_small() {
        assert!((1.0 - as_good_from(1.0, 287, 1.0) - 0.00346).abs() < 1e-5);
        assert!((1.0 - as_good_from(1.0, 287, 2.0) - 0.00693).abs() < 1e-5);
        assert!((0.9 - as_good_from(0.9, 10_000, 1.0) - 0.003).abs() < 1e-5);
    }

    #[test]
    fn turns_are_taken_until_both_are_done() {
        let taken: Vec<u32> = in_turns([1, 2].into_iter(), [10, 20, 30].into_iter()).collect();
        assert_eq!(taken, [1, 10, 2, 20, 30]);
    }
}
