//! Trainings of a run, side by side: each has a thread, since two on one thread each use two cores better than one on two. The last
//! of a batch takes what the others leave idle.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use edgefit_graph::{Graph, Weights};
use edgefit_search::{Trial, Value};
use edgefit_train::supernet::Supernet;
use edgefit_train::{
    Dataset, EpochReport, Event as Told, Observer, Recipe, Stretch, TrainError, TrainOutcome, evaluate, train_stretch,
};

use super::Run;
use super::hope::Watch;
use super::recipe;
use super::seed::derived;
use crate::config::SearchConfig;
use crate::error::{Error, Result};
use crate::progress::Event;
use crate::study::{Epoch, Purpose, Study, Training};

/// What seeds of candidates' trainings are derived by.
pub(super) const ESTIMATE: &str = "estimate";

/// One network to train.
pub(super) struct Job {
    number: u64,
    graph: Graph,
    recipe: Recipe,
    seed: u64,
    /// Whose weights it begins with; `None` for weights drawn by the seed.
    supernet: Option<Arc<Supernet>>,
    /// What says that it is to end early, if anything does.
    watch: Option<Watch>,
    /// Where the training of another trial paused that goes on here.
    from: Option<Vec<u8>>,
    /// The epoch after which it pauses, at most that of the recipe. 0 only with a supernet: what it inherits is judged as it is.
    until: usize,
}

impl Job {
    /// The short training that a candidate is judged by, or a part of it; `first` is the trial that it began with.
    pub(super) fn estimate(graph: Graph, config: &SearchConfig, trial: &Trial, first: u64) -> Self {
        let (number, mut recipe) = (trial.number, recipe::estimate(config));
        config.tune.apply(&trial.genotype, &mut recipe);
        let until = trial.fidelity.epochs.map_or(recipe.epochs, |epochs| recipe.epochs.min(epochs as usize));
        Self {
            number,
            graph,
            recipe,
            seed: derived(config.seed, ESTIMATE, first),
            supernet: None,
            watch: None,
            from: None,
            until,
        }
    }

    /// The same, going on where an earlier trial paused.
    pub(super) fn going_on(self, from: Option<Vec<u8>>) -> Self {
        Self { from, ..self }
    }

    /// The same, ended early where the watch says so.
    pub(super) fn watched(self, watch: Option<Watch>) -> Self {
        Self { watch, ..self }
    }

    /// The same from weights that candidates share, if they do.
    pub(super) fn inheriting(self, supernet: Option<Arc<Supernet>>) -> Self {
        Self { supernet, ..self }
    }

    /// The training of a finalist to the end.
    pub(super) fn to_end(graph: Graph, config: &SearchConfig, trial: &Trial) -> Self {
        let (number, recipe) = (trial.number, recipe::finals(config, trial));
        let until = recipe.epochs;
        Self {
            number,
            graph,
            recipe,
            seed: derived(config.seed, "final", number),
            supernet: None,
            watch: None,
            from: None,
            until,
        }
    }

    /// Trains. Where the paused training is not there any more or does not fit, it is done again from its first epoch, which
    /// comes to the same, bit for bit.
    fn train(&self, dataset: &Dataset, observer: Observer<'_>) -> std::result::Result<Stretched, TrainError> {
        let inherited = self.supernet.as_ref().map(|supernet| supernet.inherit(&self.graph, dataset)).transpose()?;
        if let (Some(weights), 0) = (&inherited, self.until) {
            return Ok((judged(&self.graph, weights, dataset)?, Vec::new()));
        }
        let ends = |epochs: &[EpochReport]| self.watch.as_ref().is_some_and(|watch| watch.ends(epochs));
        let whole = |from| Stretch { weights: inherited.as_ref(), from, until: self.until, ends: Some(&ends) };
        let go = |from, observer: Observer<'_>| {
            train_stretch(&self.graph, dataset, &self.recipe, self.seed, whole(from), observer)
        };
        match go(self.from.as_deref(), observer) {
            Err(TrainError::Paused(_)) => go(None, observer),
            result => result,
        }
    }
}

/// A network as it is, in the form of a training of one epoch.
fn judged(graph: &Graph, weights: &Weights, dataset: &Dataset) -> std::result::Result<TrainOutcome, TrainError> {
    let found = evaluate(graph, weights, &dataset.validation, &dataset.normalization)?;
    let (validation_accuracy, validation_loss) = (Some(found.accuracy), Some(found.loss));
    let epoch = EpochReport { epoch: 1, train_loss: f64::NAN, validation_loss, validation_accuracy };
    let weights = weights.clone();
    Ok(TrainOutcome { weights, best_epoch: 1, validation_accuracy, validation_loss, epochs: vec![epoch] })
}

/// The error of weights that a whole search depends on and that could not be trained.
pub(super) fn untrained(what: &str, error: TrainError) -> Error {
    let hint = match error {
        TrainError::Diverged { .. } => ": lower `learning_rate` in [estimate], or set `clip_norm` there",
        _ => "",
    };
    let error = Error::from(error);
    Error::new(error.kind, format!("{what}: {error}{hint}"))
}

/// A network that was trained, now or before an interruption.
pub(super) struct Outcome {
    /// How it was trained.
    pub(super) training: Training,
    /// Its best weights; `None` when only the record is left.
    pub(super) weights: Option<Weights>,
    /// Where it paused, if it was not trained to the end now.
    pub(super) paused: Option<Vec<u8>>,
}

/// What a part of a training came to, and where it paused.
type Stretched = (TrainOutcome, Vec<u8>);

impl Outcome {
    /// Loss of the best epoch on the validation images: the lowest among those with the highest accuracy; infinite if unknown.
    pub(super) fn validation_loss(&self) -> f64 {
        let known =
            self.training.epochs.iter().filter_map(|epoch| epoch.validation_accuracy.zip(epoch.validation_loss));
        let best = known.min_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
        best.map_or(f64::INFINITY, |(_, loss)| loss)
    }

    /// Accuracy of the best epoch on the validation images, and how it came about.
    pub(super) fn accuracy(&self, dataset: &Dataset, config: &SearchConfig) -> Value {
        let epochs = &self.training.epochs;
        let best = epochs.iter().filter_map(|epoch| epoch.validation_accuracy).fold(0.0, f64::max);
        let trained = format!("training with burn for {} epochs", epochs.len());
        let how = match config.estimate.supernet_epochs.filter(|_| self.training.purpose == Purpose::Estimate) {
            None => trained,
            Some(shared) if config.estimate.epochs == 0 => format!("weights shared by all, of {shared} epochs"),
            Some(shared) => format!("weights shared by all, of {shared} epochs, and {trained}"),
        };
        Value::measured(best, None, format!("{how}, {} validation images", dataset.validation.len()))
    }
}

/// A trained network, or why training failed.
pub(super) type Trained = std::result::Result<Outcome, String>;

/// Keeps a result as soon as it is there, so that an interruption loses only what is in training.
pub(super) type Keep<'k> = &'k mut dyn FnMut(&mut Study, usize, &Outcome) -> Result<()>;

/// What a worker tells while it works.
enum Said {
    Epoch { job: usize, report: EpochReport },
    Done { job: usize, result: std::result::Result<Stretched, TrainError>, seconds: f64 },
}

impl Run<'_> {
    /// Trains all jobs, as many at once as the configuration says; results in the order of the jobs. The purpose also says on
    /// which images.
    pub(super) fn train_side_by_side(
        &mut self,
        jobs: &[Job],
        purpose: Purpose,
        keep: Keep<'_>,
    ) -> Result<Vec<Trained>> {
        let Self { config, study, dataset, progress, interrupt, .. } = self;
        let refit = (purpose == Purpose::Refit).then(|| dataset.refit());
        let dataset = refit.as_ref().unwrap_or(dataset);
        let workers = config.estimate.jobs.min(jobs.len());
        let mut results: Vec<Option<Trained>> = jobs.iter().map(|_| None).collect();
        listen_to_workers(jobs, workers, dataset, interrupt, &mut |said| match said {
            Said::Epoch { job, report } => {
                progress.emit(epoch_event(&jobs[job], &report));
                Ok(())
            }
            Said::Done { job, result, seconds } => {
                let is_part = jobs[job].until < jobs[job].recipe.epochs;
                let record = |(outcome, paused)| recorded(outcome, purpose, seconds, is_part.then_some(paused));
                let trained = result.map(record).map_err(|e| e.to_string());
                let kept = trained.as_ref().map_or(Ok(()), |outcome| keep(study, job, outcome));
                results[job] = Some(trained);
                kept
            }
        })?;
        self.check_interrupted()?;
        Ok(results.into_iter().map(|result| result.expect("every job was taken by a worker")).collect())
    }
}

/// Runs the workers and hears them until the last is done; the first error of `hear` is returned then.
fn listen_to_workers(
    jobs: &[Job],
    workers: usize,
    dataset: &Dataset,
    interrupt: &AtomicBool,
    hear: &mut dyn FnMut(Said) -> Result<()>,
) -> Result<()> {
    let order = longest_first(jobs);
    let (next, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
    let stop = || interrupt.load(Ordering::Relaxed) || broken.load(Ordering::Relaxed);
    let (tell, said) = channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let (tell, order, next, stop) = (tell.clone(), &order, &next, &stop);
            scope.spawn(move || work(jobs, order, next, dataset, stop, &tell));
        }
        drop(tell);
        let mut outcome = Ok(());
        for message in said {
            if outcome.is_ok() {
                outcome = hear(message);
                broken.store(outcome.is_err(), Ordering::Relaxed);
            }
        }
        outcome
    })
}

fn recorded(outcome: TrainOutcome, purpose: Purpose, seconds: f64, paused: Option<Vec<u8>>) -> Outcome {
    let epochs = outcome.epochs.iter().map(|epoch| Epoch {
        loss: Some(epoch.train_loss).filter(|loss| loss.is_finite()),
        validation_accuracy: epoch.validation_accuracy,
        validation_loss: epoch.validation_loss.filter(|loss| loss.is_finite()),
    });
    let training = Training { purpose, seconds, epochs: epochs.collect() };
    Outcome { training, weights: Some(outcome.weights), paused }
}

/// Indices of the jobs, the costliest network first, so that no long training is left alone at the end.
fn longest_first(jobs: &[Job]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(jobs[i].graph.cost().macs), i));
    order
}

fn work(
    jobs: &[Job],
    order: &[usize],
    next: &AtomicUsize,
    dataset: &Dataset,
    stop: &(dyn Fn() -> bool + Sync),
    tell: &Sender<Said>,
) {
    while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let job = &jobs[index];
        let begun = Instant::now();
        let mut observe = |told: &Told| {
            if let Told::Epoch(report) = told {
                // The receiver outlives the workers; a failed send has nobody to tell.
                let _ = tell.send(Said::Epoch { job: index, report: report.clone() });
            }
            if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let result = job.train(dataset, &mut observe);
        let seconds = begun.elapsed().as_secs_f64();
        let _ = tell.send(Said::Done { job: index, result, seconds });
    }
}

fn epoch_event(job: &Job, report: &EpochReport) -> Event {
    Event::Epoch {
        number: job.number,
        epoch: report.epoch as u64,
        epochs: job.until as u64,
        accuracy: report.validation_accuracy,
    }
}
