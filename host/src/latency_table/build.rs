//! Building a table: models are drawn and measured, one on each board of the device, and the table is fitted and kept, and so on.
//!
//! It ends at the number of models, at the time, or when the held-out error is as asked. Of a space, every second model is one that the table
//! doubts; the others stay random, so that held-out errors remain those of the space.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use edgefit_latency::predictor::MIN_NETWORKS;
use edgefit_latency::{Population, Provenance, Source, Table, file};

use super::drawing::{Drawing, Origin, drawing};
use super::measuring::{MeasureFailure, failure, lost, request, table_sample};
use super::sampling::TableModel;
use crate::config::DeviceConfig;
use crate::device::{DeviceInfo, Measurement, Pool, PoolJob, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Phase, Plan, Progress};
use crate::search_run::{machine, table_provenance};

/// Models from which a held-out error is believed.
const BELIEVED: usize = 20;
/// Models that fail one after the other before the device or the space is to blame.
const MOST_FAILURES: u64 = 10;
/// Measuring takes at least so many times as long as fitting: a large table is not fitted anew after every model.
const MEASURING_PER_FIT: u32 = 10;
/// Models that are tried at most, also those that the device cannot run.
const MOST_NUMBERS: u64 = 1_000_000;
const NS_PER_MS: f64 = 1e6;

/// What is to be built.
#[derive(Debug, Clone)]
pub struct BuildPlan {
    /// The device and how it runs models.
    pub device: DeviceConfig,
    /// What models are drawn from.
    pub models_from: Origin,
    /// Models in the finished table.
    pub models: usize,
    /// Seconds after which no further model is begun.
    pub seconds: f64,
    /// Mean relative error on held-out models at which it ends before.
    pub target_error: Option<f64>,
    /// Fresh processes that each model is measured in.
    pub processes: usize,
    /// Seed of the models.
    pub seed: u64,
    /// The table that it starts from, of another device, runtime or thread count.
    pub source: Option<Source>,
    /// The file.
    pub out: PathBuf,
    /// Whether the file may be there and is gone on with.
    pub resume: bool,
}

/// How building ended.
#[derive(Debug)]
pub struct Built {
    /// The table, fitted.
    pub table: Table,
    /// Why no further model was measured.
    pub ended: &'static str,
}

/// Builds a table. Each model is in the file as soon as it is measured.
///
/// # Errors
/// When the device or the file fails; [`ErrorKind::Interrupted`] after Ctrl-C, with what was measured in the file.
pub fn build(plan: &BuildPlan, registry: &Registry, progress: &Progress, interrupt: &AtomicBool) -> Result<Built> {
    let purpose = if plan.source.is_some() { "transfer" } else { "table" };
    let drawing = drawing(&plan.models_from, plan.seed, purpose)?;
    let mut pool = registry.connect_all(&plan.device.name)?;
    let version = pool.probe(plan.device.runtime)?.version;
    let provenance = table_provenance(&plan.device, pool.info(), &version);
    let table = open_table(plan, drawing.population()?, provenance)?;
    progress.emit(Event::Begin(announcement(plan, drawing.as_ref(), pool.info(), &version)));
    progress.emit(Event::Phase { phase: Phase::Table, done: table.samples().len() as u64 });
    let mut building =
        Building { plan, drawing, pool, table, progress, failures: 0, begun: Instant::now(), fit: Fit::default() };
    let outcome = building.run(interrupt).and_then(|ended| building.keep_fitted().map(|()| ended));
    progress.emit(Event::End);
    Ok(Built { ended: outcome?, table: building.table })
}

/// The table in the file, or a new one.
fn open_table(plan: &BuildPlan, population: Population, provenance: Provenance) -> Result<Table> {
    let path = plan.out.display();
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    if !plan.out.exists() {
        let mut table = Table::new(provenance)?;
        table.set_population(Some(population));
        table.set_source(plan.source.clone());
        return Ok(table);
    }
    if !plan.resume {
        return Err(usage(format!("{path} is there already; go on with it by --resume, or name another file")));
    }
    let mut table = file::load(&plan.out)?;
    if let Some(what) = table.provenance().difference(&provenance) {
        return Err(usage(format!("{path} is another table ({what}); name another file")));
    }
    if table.population() != Some(&population) {
        return Err(usage(format!("{path} holds models of another space, input or classes; name another file")));
    }
    if table.samples().len() > MIN_NETWORKS {
        table.fit()?;
    }
    Ok(table)
}

fn announcement(plan: &BuildPlan, drawing: &dyn Drawing, info: &DeviceInfo, version: &str) -> Plan {
    let DeviceConfig { name, runtime, threads, .. } = &plan.device;
    Plan {
        data: String::new(),
        space: drawing.describe(),
        devices: vec![format!("{name} ({}), {} {version}, {threads} thread(s)", machine(info), runtime.name())],
        bounds: Vec::new(),
        latency_bound_ms: None,
        table_models: plan.models as u64,
        supernet_epochs: 0,
        relaxed_epochs: 0,
        trials: 0,
        trial_epochs: 0,
        finalists: 0,
        final_epochs: 0,
    }
}

struct Building<'a> {
    plan: &'a BuildPlan,
    drawing: Box<dyn Drawing>,
    pool: Pool,
    table: Table,
    progress: &'a Progress,
    /// Models that failed since the last that did not.
    failures: u64,
    begun: Instant,
    fit: Fit,
}

/// The last fit.
#[derive(Default)]
struct Fit {
    at: Option<Instant>,
    took: Duration,
    /// Models that it knows.
    models: usize,
}

impl Fit {
    fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= MEASURING_PER_FIT * self.took)
    }
}

impl Building<'_> {
    fn run(&mut self, interrupt: &AtomicBool) -> Result<&'static str> {
        let first = self.table.samples().len() as u64;
        let mut number = first;
        while number < first + MOST_NUMBERS {
            if interrupt.load(Ordering::Relaxed) {
                return Err(self.interrupted());
            }
            if let Some(ended) = self.ended() {
                return Ok(ended);
            }
            let models = self.draw(number)?;
            if models.is_empty() {
                return Ok("the space has no other model");
            }
            number += models.len() as u64;
            self.measure(&models)?;
        }
        Ok("too many models could not be measured")
    }

    /// Why it is enough; `None` when it is not.
    fn ended(&self) -> Option<&'static str> {
        let models = self.table.counting().len();
        let error = self.table.evaluation().map(|selection| selection.best().scores.mape);
        let is_good = |target: f64| models >= BELIEVED && error.is_some_and(|error| error <= target);
        match models {
            models if models >= self.plan.models => Some("all models are measured"),
            models if models <= MIN_NETWORKS => None,
            _ if self.begun.elapsed().as_secs_f64() > self.plan.seconds => Some("the time is over"),
            _ if self.plan.target_error.is_some_and(is_good) => Some("the held-out error is as asked"),
            _ => None,
        }
    }

    fn interrupted(&self) -> Error {
        let (models, path) = (self.table.samples().len(), self.plan.out.display());
        let message = match models {
            0 => "interrupted before the first model was measured; nothing is written".to_owned(),
            _ => format!("interrupted; {models} models are kept in {path}; go on by the same command with --resume"),
        };
        Error::new(ErrorKind::Interrupted, message)
    }

    /// Different models from this number on, one for each board, and no more than are missing.
    fn draw(&mut self, number: u64) -> Result<Vec<TableModel>> {
        let missing = self.plan.models.saturating_sub(self.table.counting().len());
        let count = self.pool.count().min(missing.max(1)) as u64;
        let mut models: Vec<TableModel> = Vec::new();
        for number in number..number + count {
            let model = self.drawing.next(&self.table, number)?;
            let is_new = |model: &TableModel| models.iter().all(|other| other.digest != model.digest);
            let Some(model) = model.filter(is_new) else { break };
            models.push(model);
        }
        Ok(models)
    }

    /// Measures models side by side, adds them, fits and keeps the table. A model that the device cannot run is left out and said.
    fn measure(&mut self, models: &[TableModel]) -> Result<()> {
        let request = request(&self.plan.device, self.plan.seed, self.plan.processes);
        let jobs: Vec<PoolJob<'_>> = models.iter().map(|model| (model.file.as_slice(), &request)).collect();
        let progress = self.progress;
        let measured = self.pool.measure_all(&jobs, &mut |error| progress.emit(lost(error)));
        let mut failed = None;
        for (model, result) in models.iter().zip(measured) {
            match result.map_err(failure) {
                Ok(measurement) => self.add(model, &measurement)?,
                Err(MeasureFailure::Network(reason)) => self.leave_out(reason)?,
                Err(MeasureFailure::Run(error)) => failed = failed.or(Some(error)),
            }
        }
        if self.table.samples().len() > MIN_NETWORKS && self.fit.is_due() {
            self.fit()?;
        }
        if !self.table.samples().is_empty() {
            file::save(&self.table, &self.plan.out)?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn fit(&mut self) -> Result<()> {
        let begin = Instant::now();
        self.table.fit()?;
        self.fit = Fit { at: Some(Instant::now()), took: begin.elapsed(), models: self.table.samples().len() };
        Ok(())
    }

    /// Keeps the table with a fit to all of its models.
    fn keep_fitted(&mut self) -> Result<()> {
        let models = self.table.samples().len();
        if models > MIN_NETWORKS && models != self.fit.models {
            self.fit()?;
            file::save(&self.table, &self.plan.out)?;
        }
        Ok(())
    }

    fn add(&mut self, model: &TableModel, measurement: &Measurement) -> Result<()> {
        self.failures = 0;
        let mut sample = table_sample(measurement);
        sample.measured_at_unix_s = Some(jiff::Timestamp::now().as_second());
        self.table.add(model.digest.to_string(), &model.graph, sample)?;
        self.progress.emit(Event::TableSample { latency_ms: measurement.median_ns() / NS_PER_MS });
        Ok(())
    }

    fn leave_out(&mut self, reason: String) -> Result<()> {
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            let message = format!("{MOST_FAILURES} models failed one after the other, the last with: {reason}");
            return Err(Error::new(ErrorKind::Runtime, message));
        }
        self.progress.emit(Event::Warning(format!("a model for the table was left out: {reason}")));
        Ok(())
    }
}
