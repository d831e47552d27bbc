//! A table evaluated on models that it has not seen: measured twice, in two rounds, so that the noise floor stands beside it.
//!
//! Only latency is measured, in fewer processes a round than the models of a table: what a model takes is told by those of both rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use edgefit_graph::Digest;
use edgefit_latency::evaluation::Scores;
use edgefit_latency::{NetworkSample, Provenance, Table, file};
use edgefit_onnx::ExportOptions;
use edgefit_protocol::runtime::RuntimeName;
use edgefit_search::draw;
use rand::seq::SliceRandom;

use super::evaluate::{Evaluation, Figures, NOISE_FLOOR, OURS, TestedModel};
use super::measuring::{MeasureFailure, failure, lost, request, table_sample};
use super::predict::network;
use super::sampling::{Sampler, TableModel};
use super::space::SpaceSpec;
use crate::config::DeviceConfig;
use crate::device::{DeviceError, MeasureRequest, Measurement, Pool, PoolJob, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::model_file;
use crate::progress::{Event, Phase, Plan, Progress};
use crate::search_run::table_provenance;

const NS_PER_MS: f64 = 1e6;
/// How often each model is measured.
const ROUNDS: u64 = 2;

/// The models that a table is tried on.
#[derive(Debug, Clone, PartialEq)]
pub enum Tested {
    /// So many fresh ones of its space.
    Drawn(usize),
    /// ONNX files, of any space or none.
    Files(Vec<PathBuf>),
}

/// What is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct FreshPlan {
    /// The table.
    pub table: PathBuf,
    /// The device, which must be the table's.
    pub device: String,
    /// What is measured.
    pub tested: Tested,
    /// Fresh processes that each model is measured in at least, in each round; more follow while no two agree.
    pub processes: usize,
    /// Seed of the models.
    pub seed: u64,
}

/// Measures fresh models and compares the predictors on them.
///
/// # Errors
/// When the table is of another device or names no space, or the device fails.
pub fn evaluate_fresh(
    plan: &FreshPlan,
    registry: &Registry,
    progress: &Progress,
    interrupt: &AtomicBool,
) -> Result<Evaluation> {
    let mut table = file::load(&plan.table)?;
    if table.evaluation().is_none() {
        table.fit()?;
    }
    let models = match &plan.tested {
        Tested::Drawn(count) => draw_models(plan, *count, &table)?,
        Tested::Files(paths) => paths.iter().map(|path| read_model(path)).collect::<Result<_>>()?,
    };
    let mut config = device_config(plan, table.provenance())?;
    config.complete(&registry.entry(&config.name)?);
    let mut pool = registry.connect_all(&config.name)?;
    let version = pool.probe(config.runtime)?.version;
    let is = table_provenance(&config, pool.info(), &version);
    if let Some(what) = table.provenance().difference(&is) {
        let message = format!("{} was measured elsewhere ({what}); build a table here first", plan.table.display());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    progress.emit(Event::Begin(announcement(plan, models.len(), table.provenance())));
    progress.emit(Event::Phase { phase: Phase::Table, done: 0 });
    let request =
        MeasureRequest { per_operator: None, memory_processes: 0, ..request(&config, plan.seed, plan.processes) };
    let mut rounds = Rounds { pool: &mut pool, request, progress, interrupt };
    let measured = rounds.run(&models, &table, plan.seed);
    progress.emit(Event::End);
    evaluation(plan, &table, &measured?)
}

fn without_space(plan: &FreshPlan) -> Error {
    let path = plan.table.display();
    Error::new(ErrorKind::Usage, format!("{path} does not say which space its models are from, so none can be drawn"))
}

fn device_config(plan: &FreshPlan, provenance: &Provenance) -> Result<DeviceConfig> {
    let runtime = RuntimeName::ALL.into_iter().find(|runtime| runtime.name() == provenance.runtime);
    let runtime = runtime.ok_or_else(|| {
        Error::new(ErrorKind::Runtime, format!("this version has no runtime `{}`", provenance.runtime))
    })?;
    Ok(DeviceConfig::named(plan.device.clone(), Some(runtime), Some(provenance.threads)))
}

fn announcement(plan: &FreshPlan, models: usize, from: &Provenance) -> Plan {
    Plan {
        data: String::new(),
        space: format!("that of {}", plan.table.display()),
        devices: vec![format!(
            "{}, {} {}, {} thread(s)",
            plan.device, from.runtime, from.runtime_version, from.threads
        )],
        bounds: Vec::new(),
        latency_bound_ms: None,
        table_models: ROUNDS * models as u64,
        supernet_epochs: 0,
        relaxed_epochs: 0,
        trials: 0,
        trial_epochs: 0,
        finalists: 0,
        final_epochs: 0,
    }
}

/// Models that the table does not have, each once.
fn draw_models(plan: &FreshPlan, count: usize, table: &Table) -> Result<Vec<Named>> {
    let space = SpaceSpec::of(table.population().ok_or_else(|| without_space(plan))?)?.build()?;
    let sampler = Sampler { space: space.as_ref(), seed: plan.seed, purpose: "fresh" };
    let mut known: BTreeSet<String> = table.samples().iter().map(|sample| sample.id.clone()).collect();
    let mut models = Vec::new();
    for number in 0..count as u64 {
        let Some(genotype) = sampler.draw(number, 1, |digest| known.contains(digest)).pop() else { break };
        let model = sampler.model(number, &genotype, &ExportOptions::default())?;
        known.insert(model.digest.to_string());
        models.push(Named { name: space.text(&genotype), model });
    }
    Ok(models)
}

fn read_model(path: &Path) -> Result<Named> {
    let file = model_file::read(path)?;
    let graph = network(path, &file, &BTreeMap::new())?;
    let model = TableModel { digest: Digest::of(&graph), graph, file };
    Ok(Named { name: path.display().to_string(), model })
}

/// A model with what a user calls it.
struct Named {
    name: String,
    model: TableModel,
}

/// Models that are enough to judge a table by without those that were disturbed.
const ENOUGH: usize = 8;

/// The models of both rounds, in the same order; without those that the device could not run, or was disturbed at.
struct Measured {
    names: Vec<String>,
    first: Vec<NetworkSample>,
    second: Vec<NetworkSample>,
    /// How many are left out, since the device was slower in one of the rounds than it was for the table.
    disturbed: usize,
}

impl Measured {
    /// The models whose rounds both count beside the table; all of them where few would be left.
    fn of(models: Vec<(String, NetworkSample, NetworkSample)>, table: &Table) -> Self {
        let counts =
            |(_, first, second): &(String, NetworkSample, NetworkSample)| table.counts(first) && table.counts(second);
        let counting = models.iter().filter(|model| counts(model)).count();
        let takes_all = counting < ENOUGH;
        let disturbed = if takes_all { 0 } else { models.len() - counting };
        let mut measured = Self { names: Vec::new(), first: Vec::new(), second: Vec::new(), disturbed };
        for (name, first, second) in models.into_iter().filter(|model| takes_all || counts(model)) {
            measured.names.push(name);
            measured.first.push(first);
            measured.second.push(second);
        }
        measured
    }

    /// Each model as the processes of both rounds together say.
    fn of_both_rounds(&self) -> Vec<NetworkSample> {
        let both = |(first, second): (&NetworkSample, &NetworkSample)| NetworkSample {
            latency_ns: [first.latency_ns.as_slice(), &second.latency_ns].concat(),
            ..first.clone()
        };
        self.first.iter().zip(&self.second).map(both).collect()
    }
}

struct Rounds<'a> {
    pool: &'a mut Pool,
    request: MeasureRequest,
    progress: &'a Progress,
    interrupt: &'a AtomicBool,
}

impl Rounds<'_> {
    /// Each round in a random order of its own, so that a drift of the device does not look like one of the models.
    fn run(&mut self, models: &[Named], table: &Table, seed: u64) -> Result<Measured> {
        let rng = &mut draw::stream(seed, u64::MAX);
        let mut rounds: [Vec<Option<NetworkSample>>; ROUNDS as usize] =
            [vec![None; models.len()], vec![None; models.len()]];
        for round in &mut rounds {
            let mut order: Vec<usize> = (0..models.len()).collect();
            order.shuffle(rng);
            for together in order.chunks(self.pool.count()) {
                let models: Vec<&TableModel> = together.iter().map(|at| &models[*at].model).collect();
                for (at, sample) in together.iter().zip(self.samples(&models, table)?) {
                    round[*at] = sample;
                }
            }
        }
        let [first, second] = rounds;
        let both = first.into_iter().zip(second).zip(models);
        let both = both.filter_map(|((first, second), named)| Some((named.name.clone(), first?, second?)));
        Ok(Measured::of(both.collect(), table))
    }

    /// Models measured side by side; `None` for one that the device cannot run.
    fn samples(&mut self, models: &[&TableModel], table: &Table) -> Result<Vec<Option<NetworkSample>>> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted; nothing of an evaluation is kept"));
        }
        let (request, progress) = (&self.request, self.progress);
        let jobs: Vec<PoolJob<'_>> = models.iter().map(|model| (model.file.as_slice(), request)).collect();
        let measured = self.pool.measure_all(&jobs, &mut |error| progress.emit(lost(error)));
        models.iter().zip(measured).map(|(model, result)| self.sample(model, result, table)).collect()
    }

    fn sample(
        &self,
        model: &TableModel,
        result: std::result::Result<Measurement, DeviceError>,
        table: &Table,
    ) -> Result<Option<NetworkSample>> {
        match result.map_err(failure) {
            Ok(measurement) => {
                self.progress.emit(Event::TableSample { latency_ms: measurement.median_ns() / NS_PER_MS });
                let id = model.digest.to_string();
                Ok(Some(NetworkSample::new(id, &model.graph, table.rule(), table_sample(&measurement))))
            }
            Err(MeasureFailure::Run(error)) => Err(error),
            Err(MeasureFailure::Network(reason)) => {
                self.progress.emit(Event::Warning(format!("a model was left out: {reason}")));
                Ok(None)
            }
        }
    }
}

fn evaluation(plan: &FreshPlan, table: &Table, measured: &Measured) -> Result<Evaluation> {
    let (first, second): (Vec<_>, Vec<_>) = (measured.first.iter().collect(), measured.second.iter().collect());
    if first.is_empty() {
        return Err(Error::new(ErrorKind::Runtime, "the device could measure none of the models"));
    }
    let both = measured.of_both_rounds();
    let scores = table.scores_on(&both.iter().collect::<Vec<_>>())?;
    let chosen = table.evaluation().map(|selection| selection.best().predictor).unwrap_or_default();
    let ours = scores.iter().filter(|(name, _)| *name == chosen).map(|(_, scores)| Figures::new(OURS, scores));
    let floor = Figures::new(NOISE_FLOOR, &Scores::of_repeat(&first, &second));
    let others = scores.iter().map(|(name, scores)| Figures::new(name, scores));
    Ok(Evaluation {
        format: 1,
        about: vec![
            format!("table    {}: {} models, guided by {chosen}", plan.table.display(), table.samples().len()),
            match plan.tested {
                Tested::Drawn(_) => format!(
                    "tested   {} fresh models of its space, each measured twice and judged by both times",
                    first.len()
                ),
                Tested::Files(_) => {
                    format!("tested   {} models, each measured twice and judged by both times", first.len())
                }
            },
            format!("left out {} models: the device itself was slower than for the table", measured.disturbed),
        ],
        fitted: table.samples().len(),
        tested: first.len(),
        draws: 1,
        seed: plan.seed,
        predictors: ours.chain(others).chain([floor]).collect(),
        models: tested_models(table, measured)?,
    })
}

fn tested_models(table: &Table, measured: &Measured) -> Result<Vec<TestedModel>> {
    let rounds = measured.first.iter().zip(&measured.second);
    let model = |(name, (first, second)): (&String, (&NetworkSample, &NetworkSample))| {
        let told = table.predict_kernels(&first.kernels)?;
        let latency = told.latency_ns;
        Ok(TestedModel {
            model: name.clone(),
            measured_ms: first.median_ns() / NS_PER_MS,
            again_ms: second.median_ns() / NS_PER_MS,
            predicted_ms: latency.value / NS_PER_MS,
            low_ms: latency.lo / NS_PER_MS,
            high_ms: latency.hi.is_finite().then_some(latency.hi / NS_PER_MS),
            kernels_seen: told.kernels_seen,
            kernels_inferred: told.kernels_inferred,
            kernels_unknown: told.kernels_unknown,
        })
    };
    measured.names.iter().zip(rounds).map(model).collect()
}
