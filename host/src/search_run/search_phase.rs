//! The search itself: propose a batch, train it side by side, measure it on the quiet machine, tell, and again.

use std::collections::BTreeMap;
use std::time::Instant;

use edgefit_graph::{Digest, Graph};
use edgefit_latency::{Interval, Prediction, Table};
use edgefit_search::{
    EngineSettings, Finish, Metric, Next, Origin, Readings, SearchEngine, Status, Trial, Value, hypervolume,
};
use edgefit_train::initial_weights;

use super::Run;
use super::gate::is_sure;
use super::measuring::{self, Purpose, model_bytes, undisturbed_readings};
use super::seed::derived;
use super::station::Station;
use super::training::{ESTIMATE, Job, Outcome, Trained};
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::measuring::{MeasureFailure, table_sample};
use crate::progress::{Event, Phase as Part};
use crate::run_folder::write_whole;
use crate::study::{self, Phase, Study, TrialRecord};

const NS_PER_MS: f64 = 1e6;
const BYTES_PER_KIB: f64 = 1024.0;

/// The name of this phase in the study.
const PHASE: &str = "search";

/// Who predicts the latencies that the table's are compared with.
const BASELINE: &str = "baseline on operator counts";

/// Trainings that a batch holds for each that runs at once: more keep the cores busy, fewer tell the strategy sooner.
const BATCHES_DEEP: u64 = 2;

impl Run<'_> {
    /// Searches until the budget is spent, and returns how it ended.
    pub(super) fn search(&mut self, engine: &mut SearchEngine) -> Result<Finish> {
        let begun = Instant::now();
        let recorded: Vec<Trial> = self.study.trials()?.into_iter().map(|record| record.trial).collect();
        let is_done = |trial: &&Trial| {
            trial.fidelity.continues.is_none() && matches!(trial.status, Status::Trained | Status::Failed { .. })
        };
        let done = recorded.iter().filter(is_done).count();
        engine.replay(recorded)?;
        self.progress.emit(Event::Phase { phase: Part::Search, done: done as u64 });
        loop {
            self.check_interrupted()?;
            let finish = self.propose(engine)?;
            let batch: Vec<Trial> = engine.in_training().cloned().collect();
            self.settle(engine, &batch)?;
            if let Some(finish) = finish {
                let seconds = begun.elapsed().as_secs_f64();
                self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds })?;
                self.folder.remove_paused()?;
                return Ok(finish);
            }
        }
    }

    /// The engine of this run's configuration.
    pub(super) fn engine(&mut self) -> Result<SearchEngine> {
        let settings = EngineSettings {
            seed: self.config.seed,
            trials: self.config.strategy.trials,
            epochs: self.config.estimate.epochs as u64,
            in_flight: self.in_flight(),
        };
        let strategy = self.strategy()?;
        let strategy = self.preselecting(strategy);
        let space = self.config.space_for(self.space.task())?;
        let mut engine = SearchEngine::new(space, strategy, self.config.goals(), settings);
        engine.begin_with(self.first_networks()?)?;
        Ok(engine)
    }

    /// Asks the engine until it has to wait, and keeps what it proposed; how the search ended, once it has.
    fn propose(&mut self, engine: &mut SearchEngine) -> Result<Option<Finish>> {
        loop {
            self.learn(engine)?;
            let stations = &self.stations;
            let step = engine.next(|graph, _| appraise(stations, graph))?;
            let (proposed, end) = match step.next {
                Next::Train(trial) => (Some(trial), None),
                Next::Wait(_) => (None, Some(None)),
                Next::Done(finish) => (None, Some(Some(finish))),
            };
            self.tell_stopped(&step.stopped);
            let records: Vec<TrialRecord> =
                step.stopped.into_iter().chain(proposed).map(|t| self.record(t, None)).collect();
            if !records.is_empty() {
                self.study.save_proposals(&records)?;
            }
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Gives the tables the measurements that the next proposal may depend on, and no later ones; a batch at a time, since
    /// fitting costs more than one measurement tells.
    fn learn(&mut self, engine: &SearchEngine) -> Result<()> {
        let batch = self.in_flight() as usize;
        self.learn_until(engine, engine.horizon() as usize / batch * batch)
    }

    /// Candidates that are proposed before the first of them is judged.
    fn in_flight(&self) -> u64 {
        self.config.estimate.jobs as u64 * BATCHES_DEEP
    }

    fn learn_until(&mut self, engine: &SearchEngine, end: usize) -> Result<()> {
        let known = |stations: &[Station]| stations.iter().map(|one| one.table.samples().len()).sum::<usize>();
        let before = known(&self.stations);
        for trial in engine.trials().get(self.learned..end).unwrap_or_default() {
            self.learned += 1;
            if trial.fidelity.continues.is_some() {
                continue;
            }
            let graph = self.space.decode(&trial.genotype)?;
            let digest = Digest::of(&graph);
            for (number, station) in (0_u8..).zip(&mut self.stations) {
                let key = measuring::key(Purpose::Trial, number, &digest);
                if let Some(measurement) = measuring::recorded(&mut self.study, &key)? {
                    station.table.add(digest.to_string(), &graph, table_sample(&measurement))?;
                }
            }
        }
        if known(&self.stations) > before {
            for station in &mut self.stations {
                station.table.fit()?;
            }
            let networks = self.stations[0].table.samples().len();
            self.progress.emit(Event::Detail(format!("fitted the table again, to {networks} networks")));
        }
        Ok(())
    }

    /// Gives the tables all measurements of the search, once nothing is proposed any more.
    pub(super) fn learn_all(&mut self, engine: &SearchEngine) -> Result<()> {
        self.learn_until(engine, engine.trials().len())
    }

    /// Trains and measures a batch: side by side first, then one by one on the machine that is quiet again.
    fn settle(&mut self, engine: &mut SearchEngine, batch: &[Trial]) -> Result<()> {
        self.stations.iter_mut().for_each(|station| station.is_away = false);
        let mut trained = self.recorded_trainings(batch)?;
        let missing: Vec<&Trial> = batch.iter().filter(|trial| !trained.contains_key(&trial.number)).collect();
        let jobs = missing.iter().map(|trial| self.estimate_job(engine, trial)).collect::<Result<Vec<_>>>()?;
        let records: Vec<TrialRecord> = missing.iter().map(|trial| self.record((*trial).clone(), None)).collect();
        if missing.iter().any(|trial| trial.fidelity.epochs.is_some()) {
            self.folder.make_paused()?;
        }
        let files: Vec<_> = missing.iter().map(|trial| self.folder.paused(trial.number)).collect();
        let mut keep = |study: &mut Study, job: usize, outcome: &Outcome| {
            // Before the record: what the study says was trained can be continued.
            outcome.paused.iter().try_for_each(|paused| write_whole(&files[job], paused))?;
            Ok(study.save_trial(&records[job], Some(&outcome.training), &[])?)
        };
        let outcomes = self.train_side_by_side(&jobs, study::Purpose::Estimate, &mut keep)?;
        trained.extend(missing.iter().map(|trial| trial.number).zip(outcomes));
        self.measure_batch_ahead(engine, batch)?;
        for trial in batch {
            self.check_interrupted()?;
            let trained = trained.remove(&trial.number).expect("every trial of the batch was trained");
            self.complete(engine, trial, trained)?;
        }
        Ok(())
    }

    /// Has several boards measure a batch side by side.
    fn measure_batch_ahead(&mut self, engine: &SearchEngine, batch: &[Trial]) -> Result<()> {
        if self.boards() < 2 {
            return Ok(());
        }
        let doubted = batch.iter().filter(|trial| !self.is_spared(trial));
        let models = doubted.map(|trial| self.untrained_model(engine, trial));
        let models: Vec<(Digest, Vec<u8>)> =
            models.map(|model| model.map(|(graph, model)| (Digest::of(&graph), model))).collect::<Result<_>>()?;
        self.measure_ahead(Purpose::Trial, &models)
    }

    /// Whether the tables are so sure of a candidate that the devices are not asked.
    fn is_spared(&self, trial: &Trial) -> bool {
        is_sure(&self.config.goals(), &trial.readings(), self.config.table.trust_within)
    }

    /// A candidate with the weights that its training began with, as the file that the device gets.
    fn untrained_model(&self, engine: &SearchEngine, trial: &Trial) -> Result<(Graph, Vec<u8>)> {
        let graph = self.space.decode(&trial.genotype)?;
        let weights = initial_weights(&graph, derived(self.config.seed, ESTIMATE, first_of(engine, trial)));
        let model = model_bytes(&graph, &weights, &self.export_options(None))?;
        Ok((graph, model))
    }

    /// Trainings of these trials that an earlier process finished before their measurement.
    fn recorded_trainings(&mut self, batch: &[Trial]) -> Result<BTreeMap<u64, Trained>> {
        let mut recorded = BTreeMap::new();
        if self.needs_weights() {
            return Ok(recorded);
        }
        for (draw, training) in self.study.trainings(study::Purpose::Estimate)? {
            if let Some(trial) = batch.iter().find(|trial| trial.draw == draw) {
                recorded.insert(trial.number, Ok(Outcome { training, weights: None, paused: None }));
            }
        }
        Ok(recorded)
    }

    /// Measures a trained candidate and puts all of it on record.
    fn complete(&mut self, engine: &mut SearchEngine, trial: &Trial, trained: Trained) -> Result<()> {
        let (result, measured) = match &trained {
            Ok(outcome) => self.judge(engine, trial, outcome)?,
            Err(reason) => (Err(reason.clone()), Vec::new()),
        };
        let settled = engine.complete(trial.number, result)?.clone();
        let record = self.record(settled, self.hypervolume(engine));
        self.study.save_trial(&record, trained.as_ref().ok().map(|outcome| &outcome.training), &measured)?;
        self.tell_trial(&record.trial);
        Ok(())
    }

    /// Measures a candidate, unless what the table says of it is sure, with the weights that its training began with: what they are
    /// does not change the time that the network takes, and so the measurement does not depend on how far its training got. Where the
    /// device was slower all the while, the table is believed instead.
    fn judge(&mut self, engine: &SearchEngine, trial: &Trial, outcome: &Outcome) -> Result<Judged> {
        let accuracy = self.accuracy_of(engine, trial, outcome)?;
        let mut learned = self.expected_accuracy(engine, trial);
        learned.extend(self.learned_readings(&self.space.decode(&trial.genotype)?, outcome, accuracy)?);
        if self.is_spared(trial) {
            return Ok((Ok(learned), Vec::new()));
        }
        let (graph, model) = self.untrained_model(engine, trial)?;
        let digest = Digest::of(&graph);
        let (mut found, mut records) = (Readings::new(), Vec::new());
        let taken = self.measure_at_once(Purpose::Trial, &digest, &model)?;
        for ((number, station), taken) in (0_u8..).zip(&mut self.stations).zip(taken) {
            match taken {
                Some(Ok(taken)) => {
                    found.extend(undisturbed_readings(&taken.measurement).of_device(number));
                    records.extend(taken.record);
                    if taken.measurement.slowdown.is_none() {
                        continue;
                    }
                }
                Some(Err(MeasureFailure::Network(reason))) => return Ok((Err(reason), records)),
                Some(Err(MeasureFailure::Run(error))) if station.config.goes_on_without(&error) => {
                    let (label, trial) = (&station.label, trial.number);
                    let warning = format!("{label} has predictions only of trial {trial} and its batch: {error}");
                    self.progress.emit(Event::Warning(warning));
                    station.is_away = true;
                }
                Some(Err(MeasureFailure::Run(error))) => return Err(error),
                None => {}
            }
            found.extend(predicted(&station.table.predict(&graph)?, &station.table).of_device(number));
        }
        found.extend(learned);
        Ok((Ok(found), records))
    }

    fn estimate_job(&mut self, engine: &SearchEngine, trial: &Trial) -> Result<Job> {
        let graph = self.space.decode(&trial.genotype)?;
        let job = Job::estimate(graph, self.config, trial, first_of(engine, trial)).inheriting(self.supernet.clone());
        let job = job.watched(self.watch(engine, trial)?);
        Ok(job.going_on(trial.fidelity.continues.and_then(|earlier| std::fs::read(self.folder.paused(earlier)).ok())))
    }

    /// Hypervolume of the trained candidates that keep the bounds, from the run's reference point.
    fn hypervolume(&self, engine: &SearchEngine) -> Option<f64> {
        let observations = engine.latest().map(|t| t.observation(engine.goals()));
        let losses: Vec<Vec<f64>> = observations.filter(|o| o.is_feasible()).filter_map(|o| o.complete()).collect();
        Some(hypervolume::hypervolume(&losses, &self.reference))
    }

    fn record(&self, trial: Trial, hypervolume: Option<f64>) -> TrialRecord {
        let genotype = self.space.text(&trial.genotype);
        TrialRecord { trial, genotype, hypervolume }
    }

    /// The error of a search that found nothing to train, naming the smallest network of the space.
    pub(super) fn infeasible(&self, by: Metric, stopped: u64) -> Result<Error> {
        let smallest = self.space.smallest();
        let graph = self.space.decode(&smallest)?;
        let goals = self.config.goals();
        let bounds = goals.constraints().iter().filter(|c| c.metric == by).map(|bound| self.bound(bound));
        let predictions = self.stations.iter().map(|station| {
            let where_ = if self.stations.len() > 1 { station.label.as_str() } else { "this device" };
            let Prediction { latency_ns, peak_memory_bytes, .. } = station.table.predict(&graph)?;
            let memory = peak_memory_bytes.filter(|_| by == Metric::PeakMemoryKib);
            let memory = memory.map(|bytes| format!("a peak memory of {:.0} KiB and ", bytes.value / BYTES_PER_KIB));
            let latency_ms = latency_ns.value / NS_PER_MS;
            Ok(format!("{}a latency of {latency_ms:.4} ms on {where_}", memory.unwrap_or_default()))
        });
        let message = format!(
            "no network of space `{space}` meets {bound}: it stopped all {stopped} proposals. The smallest network, {text}, has \
             as predicted {predictions} ({params} parameters, {macs} MACs). Raise the bound above \
             that, or choose a smaller space.",
            space = self.space.name(),
            bound = bounds.collect::<Vec<_>>().join(" and "),
            text = self.space.text(&smallest),
            predictions = predictions.collect::<Result<Vec<_>>>()?.join(", "),
            params = graph.cost().params,
            macs = graph.cost().macs,
        );
        Ok(Error::new(ErrorKind::NoFeasibleArchitecture, message))
    }
}

/// The trial with which a training began that others may have continued.
fn first_of(engine: &SearchEngine, trial: &Trial) -> u64 {
    let before = |trial: &&Trial| trial.fidelity.continues.and_then(|earlier| engine.trials().get(earlier as usize));
    std::iter::successors(Some(trial), before).last().map_or(trial.number, |first| first.number)
}

/// What measuring found out, and the measurement to be kept.
type Judged = (std::result::Result<Readings, String>, Vec<study::Measurement>);

/// What the baseline says about a network on each device and then, so that it counts, what the table says, each with its origin.
fn appraise(stations: &[Station], graph: &Graph) -> Result<Readings> {
    let mut readings = Readings::new();
    for (number, Station { table, .. }) in (0_u8..).zip(stations) {
        let mut here = Readings::new();
        if let Some(ns) = table.baseline_latency_ns(graph) {
            here.add(Metric::LatencyMs, Value::predicted(ns / NS_PER_MS, None, BASELINE));
        }
        here.extend(predicted(&table.predict(graph)?, table));
        readings.extend(here.of_device(number));
    }
    Ok(readings)
}

/// The latency on a device that the baseline predicted before the network was measured, in milliseconds.
pub(super) fn baseline_latency_ms(readings: &Readings, device: u8) -> Option<f64> {
    let is_baseline = |value: &Value| matches!(&value.origin, Origin::Predicted { by } if by == BASELINE);
    readings.iter().map(|(_, value)| value).find(|value| value.device == device && is_baseline(value)).map(|v| v.value)
}

/// A prediction as readings: latency in ms, memory in KiB, each with its interval.
pub(super) fn predicted(prediction: &Prediction, table: &Table) -> Readings {
    let by = format!("table of {} networks on {}", table.counting().len(), table.provenance().device);
    let scaled = |i: Interval, unit: f64| {
        let finite = i.hi.is_finite().then_some((i.lo / unit, i.hi / unit));
        Value::predicted(i.value / unit, finite, &by)
    };
    let mut readings = Readings::new().with(Metric::LatencyMs, scaled(prediction.latency_ns, NS_PER_MS));
    if let Some(bytes) = prediction.peak_memory_bytes {
        readings.add(Metric::PeakMemoryKib, scaled(bytes, BYTES_PER_KIB));
    }
    readings
}
