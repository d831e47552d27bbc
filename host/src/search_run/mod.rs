//! One run, from the search file to the winner: table, search, finals, artifacts, in one line with one loop.
//!
//! A run is a function of its configuration, its seed and what was measured. Whatever was found out goes into the study at once;
//! a run that is resumed takes the same way again and finds it there, so there is no second way for resuming.

mod aims;
mod artifacts;
mod crown;
mod expected;
mod finals;
mod gate;
mod hope;
mod measuring;
mod opening;
mod proxies;
mod recipe;
mod relaxed;
mod report_data;
mod search_phase;
mod seed;
mod station;
mod supernet;
mod table_phase;
mod telling;
mod training;
mod warm_start;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use edgefit_search::{Finish, Readings, Space};
use edgefit_train::Dataset;
use edgefit_train::supernet::Supernet;

use crate::config::SearchConfig;
use crate::device::Registry;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Progress};
use crate::run_folder::RunFolder;
use crate::study::Study;
pub(crate) use opening::{describe_data, describe_space, machine, searched_space, table_provenance};
pub use recipe::finals as final_recipe;
pub(crate) use seed::derived;
use station::Station;

/// Name under which the study keeps the data of the report.
pub const REPORT_DOCUMENT: &str = "report";

/// Where a run begins or goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder of the run; `None` for one named after data, space and time under `runs`.
    pub folder: Option<PathBuf>,
    /// Whether a run that was begun goes on.
    pub resume: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The folder with everything.
    pub folder: PathBuf,
    /// Text form of the winner's genotype.
    pub genotype: String,
    /// All that is known about the winner.
    pub readings: Readings,
    /// What the devices are called.
    pub devices: Vec<String>,
    /// What had to hold.
    pub bounds: Vec<String>,
    /// Which choices mattered and what the front has in common: names, and what is said.
    pub reasons: Vec<(String, String)>,
    /// The content of `winner.json`.
    pub winner_json: String,
}

/// A run under way.
struct Run<'a> {
    config: &'a SearchConfig,
    /// The configuration as a search file that leaves nothing out.
    settings: String,
    folder: RunFolder,
    study: Study,
    started: String,
    dataset: Dataset,
    space: Box<dyn Space>,
    /// The devices, in the order of the configuration; at least one.
    stations: Vec<Station>,
    /// How many trials the tables have learned from.
    learned: usize,
    /// The weights that candidates inherit, once they are trained, if candidates share weights.
    supernet: Option<Arc<Supernet>>,
    /// What proxies say of candidates.
    scores: Arc<proxies::Scores>,
    /// The losses from which hypervolume is counted.
    reference: Vec<f64>,
    progress: &'a Progress,
    interrupt: &'a AtomicBool,
}

/// Runs a search to its end, or from where an earlier process left it, on devices of the registry.
///
/// # Errors
/// Each kind of [`ErrorKind`], with what to do; after [`ErrorKind::Interrupted`] and [`ErrorKind::Device`] the run can be resumed.
pub fn run(
    config: &SearchConfig,
    place: &Place,
    registry: &Registry,
    progress: &Progress,
    interrupt: &AtomicBool,
) -> Result<Summary> {
    let mut run = Run::open(config, place, registry, progress, interrupt)?;
    let outcome = run.finish();
    progress.emit(Event::End);
    outcome.map_err(|error| run.explain(error))
}

impl Run<'_> {
    fn finish(&mut self) -> Result<Summary> {
        self.fill_table()?;
        self.train_supernet()?;
        let mut engine = self.engine()?;
        if let Finish::NoFeasible { by, stopped, .. } = self.search(&mut engine)? {
            return Err(self.infeasible(by, stopped)?);
        }
        let podium = self.finals(&engine)?;
        self.write_artifacts(&engine, podium)
    }

    fn check_interrupted(&self) -> Result<()> {
        match self.interrupt.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Interrupted, "interrupted; everything that was finished is kept")),
            false => Ok(()),
        }
    }

    /// Says how to go on after an error that does not end a run for good.
    fn explain(&self, error: Error) -> Error {
        let can_resume = matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Device | ErrorKind::Storage);
        if !can_resume {
            return error;
        }
        let folder = self.folder.path().display();
        Error::new(
            error.kind,
            format!("{error}\nto go on: edgefit search {folder}/search.toml --resume --out {folder}"),
        )
    }
}
