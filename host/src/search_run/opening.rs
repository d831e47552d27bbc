//! Opening a run: data, space, folder, study and device, each checked before anything is spent.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use edgefit_graph::{Graph, Shape};
use edgefit_latency::Provenance as TableProvenance;
use edgefit_onnx::ExportOptions;
use edgefit_search::{Constraint, Direction, Metric, Objective, Space, Task, Trial, draw, strategy};
use edgefit_train::Dataset;

use super::seed::derived;
use super::station::Station;
use super::telling::on_device;
use super::{Place, Run, aims, hope, proxies, relaxed, supernet};
use crate::config::{DeviceConfig, SearchConfig};
use crate::device::{DeviceInfo, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::kept_run::export_options;
use crate::latency_table::SpaceSpec;
use crate::progress::{Event, Plan, Progress};
use crate::run_folder::{RunFile, RunFolder};
use crate::study::{Header, Provenance, Study};

/// Where folders of runs are made.
const RUNS: &str = "runs";

impl<'a> Run<'a> {
    /// Opens a run, new or to go on with.
    pub(super) fn open(
        config: &'a SearchConfig,
        place: &Place,
        registry: &Registry,
        progress: &'a Progress,
        interrupt: &'a AtomicBool,
    ) -> Result<Self> {
        supernet::check(config)?;
        hope::check(config)?;
        proxies::check(config)?;
        config.estimate.compute.open()?;
        let dataset = config.data.load(config.seed)?;
        aims::check(config, &dataset)?;
        let space = searched_space(config, &dataset)?;
        relaxed::check(config, space.as_ref())?;
        let mut stations = Station::connect_all(config, registry)?;
        let folder = open_folder(config, place)?;
        let settings = complete(config, space.as_ref())?.to_toml();
        let reference = reference_losses(config, space.as_ref(), dataset.classes.len())?;
        let provenance = provenance(config, &stations, &reference);
        let header = Header { config: settings.clone(), seed: config.seed, provenance };
        let mut study = open_study(&header, place, &folder)?;
        // Behind the study: a folder that has it can be resumed, and one that has nothing can be used again.
        folder.write(RunFile::Search, settings.as_bytes())?;
        let started = study.header()?.provenance.started;
        for station in &mut stations {
            station.table.set_population(Some(space_spec(config, &dataset).population()?));
        }
        let scores = Arc::new(proxies::Scores::new(config, &dataset));
        let run = Self {
            config,
            settings,
            folder,
            study,
            started,
            dataset,
            space,
            stations,
            learned: 0,
            supernet: None,
            scores,
            reference,
            progress,
            interrupt,
        };
        run.announce()?;
        run.warn_of_whole_trainings()?;
        Ok(run)
    }

    /// Tells what is going to happen.
    fn announce(&self) -> Result<()> {
        let (config, goals) = (self.config, self.config.goals());
        let is_alone = self.stations.len() == 1;
        self.progress.emit(Event::Begin(Plan {
            data: describe_data(config, &self.dataset),
            space: format!("{}, such as {}", describe_space(self.space.as_ref()), self.example()?),
            devices: self.stations.iter().map(device_in_words).collect(),
            bounds: self.bounds(),
            latency_bound_ms: goals
                .constraints()
                .iter()
                .find(|c| is_alone && c.metric == Metric::LatencyMs)
                .and_then(|c| c.max),
            table_models: config.table.models as u64,
            supernet_epochs: config.estimate.supernet_epochs.unwrap_or(0) as u64,
            relaxed_epochs: relaxed::settings(config)?.and_then(|settings| settings.supernet_epochs).unwrap_or(0),
            trials: config.strategy.trials,
            trial_epochs: config.estimate.epochs as u64,
            finalists: config.finals.finalists as u64,
            final_epochs: config.finals.epochs as u64,
        }));
        for Station { label, info, .. } in &self.stations {
            if let Some(emulator) = &info.description.emulator {
                let warning = format!("{label} is emulated by {emulator}: latencies say nothing about a real device");
                self.progress.emit(Event::Warning(warning));
            }
        }
        Ok(())
    }

    /// Strategies that compare networks after few epochs need more than those.
    fn warn_of_whole_trainings(&self) -> Result<()> {
        let strategy = strategy::build(&self.config.strategy)?;
        let (least, whole) = (strategy.settings().min_epochs.unwrap_or(0), self.config.estimate.epochs as u64);
        if strategy.pauses() && least >= whole {
            self.progress.emit(Event::Warning(format!(
                "{} trains for {least} epochs before it compares, and [estimate] epochs = {whole} leaves nothing after them: raise `epochs`, or choose another strategy",
                strategy.name()
            )));
        }
        Ok(())
    }

    /// One network of the space, with what it costs.
    fn example(&self) -> Result<String> {
        let rng = &mut draw::stream(derived(self.config.seed, "example", 0), 0);
        let example = self.space.sample(rng);
        let cost = self.space.decode(&example)?.cost();
        Ok(format!("{} ({} parameters, {} MACs)", self.space.text(&example), cost.params, cost.macs))
    }

    /// What exported files say beside the network; a trial's file also says which one it is.
    pub(super) fn export_options(&self, trial: Option<&Trial>) -> ExportOptions {
        let run = folder_name(&self.folder);
        export_options(self.config, &self.dataset, self.space.as_ref(), &run, trial)
    }
}

/// The last part of a run folder's path, the name of the run.
pub(super) fn folder_name(folder: &RunFolder) -> String {
    folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The machine in a few words: its board or processor, and its cores.
pub(crate) fn machine(info: &DeviceInfo) -> String {
    let description = &info.description;
    let model = description.cores.first().and_then(|core| core.model.clone());
    let name =
        description.board.clone().or(description.soc.clone()).or(model).unwrap_or_else(|| description.arch.clone());
    format!("{name}, {} cores", description.cores.len())
}

pub(crate) fn space_spec(config: &SearchConfig, dataset: &Dataset) -> SpaceSpec {
    SpaceSpec { settings: config.space.clone(), input: dataset.shape().dims(), classes: dataset.classes.len() }
}

/// The space that is searched, for these data.
pub(crate) fn searched_space(config: &SearchConfig, dataset: &Dataset) -> Result<Box<dyn Space>> {
    let task = Task { input: Shape::new(dataset.shape().dims()), classes: dataset.classes.len() };
    Ok(config.space_for(&task)?)
}

/// The configuration with what space and strategy take where it leaves something to them.
fn complete(config: &SearchConfig, space: &dyn Space) -> Result<SearchConfig> {
    let strategy = strategy::resolved(&config.strategy)?;
    Ok(SearchConfig { space: space.settings().clone(), strategy, ..config.clone() })
}

fn open_folder(config: &SearchConfig, place: &Place) -> Result<RunFolder> {
    let (data, space) = (config.data.format.name(), config.space.preset.as_str());
    let root = std::path::Path::new(RUNS);
    Ok(match (&place.folder, place.resume) {
        (Some(folder), false) => RunFolder::create_at(folder)?,
        (Some(folder), true) => RunFolder::resume(folder)?,
        (None, false) => RunFolder::create_named(root, data, space, jiff::ZonedDateTime::now().datetime())?,
        (None, true) => RunFolder::resume(&RunFolder::newest(root, data, space)?)?,
    })
}

fn provenance(config: &SearchConfig, stations: &[Station], reference: &[f64]) -> Provenance {
    let all = |say: fn(&TableProvenance) -> String| {
        stations.iter().map(|station| say(station.provenance())).collect::<Vec<_>>().join("; ")
    };
    let point = |(objective, loss): (&Objective, &f64)| {
        (on_device(stations, objective.metric, objective.device), objective.value(*loss))
    };
    Provenance {
        edgefit_version: env!("CARGO_PKG_VERSION").to_owned(),
        device: all(|from| from.device.clone()),
        runtime: all(|from| format!("{} {}, {} thread(s)", from.runtime, from.runtime_version, from.threads)),
        started: jiff::Timestamp::now().to_string(),
        hypervolume_reference: config.goals().objectives().iter().zip(reference).map(point).collect(),
    }
}

/// The study of the folder: a new one, or the one that is there if it is about the same run.
fn open_study(header: &Header, place: &Place, folder: &RunFolder) -> Result<Study> {
    let path = folder.file(RunFile::Study);
    if !place.resume {
        return Ok(Study::create(&path, header)?);
    }
    let mut study = Study::open(&path)?;
    match difference(&study.header()?, header) {
        None => Ok(study),
        Some(reason) => {
            let path = folder.path().display();
            Err(Error::new(
                ErrorKind::Usage,
                format!("{path}: {reason}; resume with what the run was begun with, or begin another"),
            ))
        }
    }
}

/// Why a recorded run cannot go on as asked; `None` if it can.
fn difference(recorded: &Header, asked: &Header) -> Option<String> {
    let (was, is) = (&recorded.provenance, &asked.provenance);
    if recorded.config != asked.config {
        let line = recorded.config.lines().zip(asked.config.lines()).find(|(was, is)| was != is);
        let (was, is) = line.unwrap_or_default();
        return Some(format!("the search file differs from that of the run (`{was}` is now `{is}`)"));
    }
    let changes = [("device", &was.device, &is.device), ("runtime", &was.runtime, &is.runtime)];
    let change = changes.into_iter().find(|(_, was, is)| was != is);
    change.map(|(what, was, is)| format!("the {what} of the run was `{was}` and is now `{is}`"))
}

/// `pi (Raspberry Pi 4, 4 cores), tract 0.23.9, 1 thread(s)`.
fn device_in_words(station: &Station) -> String {
    let Station { config, info, .. } = station;
    let from = station.provenance();
    format!(
        "{} ({}), {} {}, {} thread(s)",
        config.name,
        machine(info),
        from.runtime,
        from.runtime_version,
        from.threads
    )
}

/// Where the samples of a table come from that is measured so.
pub(crate) fn table_provenance(device: &DeviceConfig, info: &DeviceInfo, runtime_version: &str) -> TableProvenance {
    TableProvenance {
        device: info.description.id.clone(),
        runtime: device.runtime.name().to_owned(),
        runtime_version: runtime_version.to_owned(),
        threads: device.threads,
        agent_version: info.agent_version.clone(),
        governor: None,
    }
}

pub(crate) fn describe_data(config: &SearchConfig, dataset: &Dataset) -> String {
    let balance = dataset.balance();
    let (least, most) = (balance.iter().min().unwrap_or(&0), balance.iter().max().unwrap_or(&0));
    format!(
        "{}, {} {} to train, {} to validate, {} to test, {}, {} classes of {least} to {most}",
        config.data.format.name(),
        dataset.train.len(),
        config.data.format.noun(),
        dataset.validation.len(),
        dataset.test.len(),
        dataset.shape(),
        dataset.classes.len()
    )
}

pub(crate) fn describe_space(space: &dyn Space) -> String {
    format!("{}, {:.3e} networks", space.name(), space.size())
}

/// The point from which hypervolume is counted, as losses: the accuracy of guessing, the bound where there is one, and else
/// twice what the largest network of the space costs.
fn reference_losses(config: &SearchConfig, space: &dyn Space, classes: usize) -> Result<Vec<f64>> {
    let largest = space.decode(&space.largest())?;
    let goals = config.goals();
    let reference = |objective: &Objective| {
        let is_its = |c: &&Constraint| (c.metric, c.device) == (objective.metric, objective.device);
        let bound = goals.constraints().iter().find(is_its).and_then(|c| c.max);
        let value = match (objective.metric, bound) {
            (Metric::Accuracy, _) => 1.0 / classes as f64,
            (_, Some(bound)) => bound,
            (metric, None) => 2.0 * largest_cost(&largest, metric),
        };
        let outside = objective.direction == Direction::Max && objective.metric != Metric::Accuracy;
        if outside { 0.0 } else { objective.loss(value) }
    };
    Ok(goals.objectives().iter().map(reference).collect())
}

/// The most that a metric without a bound can be expected to reach: exact where it is computed, a rough ceiling where not.
fn largest_cost(graph: &Graph, metric: Metric) -> f64 {
    let cost = graph.cost();
    match metric {
        Metric::Macs => cost.macs as f64,
        Metric::Params => cost.params as f64,
        Metric::ModelSizeKib | Metric::PeakMemoryKib => cost.weight_bytes() as f64 / 1024.0 + 4096.0,
        // One MAC a nanosecond.
        Metric::LatencyMs | Metric::LatencyP90Ms => cost.macs as f64 / 1e6 + 1.0,
        // A share, and what is not known.
        _ => 1.0,
    }
}
