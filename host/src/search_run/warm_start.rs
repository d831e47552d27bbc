//! A warm start: a search begins with the best networks of an earlier run, trained anew, since data or device may be others.
//!
//! Which they are is kept in the study, so that the run goes on alike when the earlier one is not there any more.

use std::path::Path;

use edgefit_search::{Genotype, Status, Trial, pareto, transfer};

use super::Run;
use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Event;
use crate::run_folder::RunFile;
use crate::study::Study;

/// Name under which the study keeps them.
const DOCUMENT: &str = "warm_start";

/// One in so many of the networks of a run may come from the earlier one.
const SHARE: u64 = 4;

impl Run<'_> {
    /// The networks that the search begins with; none without a warm start.
    pub(super) fn first_networks(&mut self) -> Result<Vec<Genotype>> {
        let Some(folder) = &self.config.strategy.warm_start else { return Ok(Vec::new()) };
        if let Some(document) = self.study.document(DOCUMENT)? {
            let texts: Vec<String> =
                serde_json::from_str(&document).map_err(|error| Error::new(ErrorKind::Storage, error))?;
            return Ok(texts.iter().map(|text| self.space.parse(text)).collect::<std::result::Result<_, _>>()?);
        }
        let mut networks = self.best_of(Path::new(folder))?;
        networks.truncate((self.config.strategy.trials / SHARE).max(1) as usize);
        let texts: Vec<String> = networks.iter().map(|genotype| self.space.text(genotype)).collect();
        let document = serde_json::to_string(&texts).map_err(|error| Error::new(ErrorKind::Internal, error))?;
        self.study.save_document(DOCUMENT, &document)?;
        self.progress.emit(Event::Detail(format!("begins with {} networks of {folder}", networks.len())));
        Ok(networks)
    }

    /// The networks of a run that are of this run's space or nearest to it: those it trained to the end, then its front by what
    /// this run looks for.
    fn best_of(&self, folder: &Path) -> Result<Vec<Genotype>> {
        let mut study = Study::open(&folder.join(RunFile::Study.name()))?;
        let config = SearchConfig::parse(&study.header()?.config, &folder.join(RunFile::Search.name()), folder)?;
        let from = config.space_for(self.space.task())?;
        let trials: Vec<Trial> = study.trials()?.into_iter().map(|record| record.trial).collect();
        let finalists = study.finalists()?;
        let places = finalists.iter().filter_map(|finalist| trials.iter().find(|trial| trial.draw == finalist.draw));
        let mut networks: Vec<Genotype> = Vec::new();
        for trial in places.chain(self.front_of(&trials)) {
            networks.extend(transfer(&trial.genotype, from.as_ref(), self.space.as_ref()));
        }
        let mut seen = std::collections::BTreeSet::new();
        networks.retain(|genotype| seen.insert(genotype.clone()));
        if networks.is_empty() {
            let (path, own, other) = (folder.display(), self.space.name(), from.name());
            let message = format!(
                "warm_start: {path} has no trained network for space `{own}` (its space is `{other}`); name another run, or leave it out"
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(networks)
    }

    /// The front of trained trials by this run's objectives, the best by the first of them first.
    fn front_of<'t>(&self, trials: &'t [Trial]) -> Vec<&'t Trial> {
        let goals = self.config.goals();
        let losses = |trial: &'t Trial| {
            Some((goals.losses(&trial.readings()).into_iter().collect::<Option<Vec<f64>>>()?, trial))
        };
        let trained = trials.iter().filter(|trial| trial.status == Status::Trained);
        let known: Vec<(Vec<f64>, &Trial)> = trained.filter_map(losses).collect();
        let points: Vec<&[f64]> = known.iter().map(|(losses, _)| losses.as_slice()).collect();
        let mut front: Vec<&(Vec<f64>, &Trial)> = pareto::front(&points).into_iter().map(|at| &known[at]).collect();
        front.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
        front.into_iter().map(|(_, trial)| *trial).collect()
    }
}
