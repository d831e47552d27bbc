//! A run that was made before, opened to go on with one of its networks: its settings, data, space and trials.

use std::path::{Path, PathBuf};

use edgefit_onnx::{ExportOptions, InputNormalization, metadata};
use edgefit_search::{Space, Trial};
use edgefit_train::Dataset;

use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::run_folder::{FinalistModel, RunFile, finalist_file, trained_file};
use crate::search_run::{describe_data, searched_space};
use crate::study::Study;

/// A run on the disk.
pub struct KeptRun {
    /// Its folder.
    pub folder: PathBuf,
    /// Its settings, complete.
    pub config: SearchConfig,
    study: Study,
}

impl KeptRun {
    /// Opens the run of a folder.
    ///
    /// # Errors
    /// When the folder holds no run, or one that cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let search = folder.join(RunFile::Search.name());
        if !search.is_file() {
            let message = format!("{}: there is no run in this folder: it has no search.toml", folder.display());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let study = Study::open(&folder.join(RunFile::Study.name()))?;
        Ok(Self { folder: folder.to_owned(), config: SearchConfig::load(&search)?, study })
    }

    /// The trial of this number, or the winner's.
    ///
    /// # Errors
    /// When there is no such trial, or the run has no winner yet.
    pub fn trial(&mut self, number: Option<u64>) -> Result<Trial> {
        let winner = self.study.finalists()?.into_iter().find(|finalist| finalist.place == 1).map(|f| f.draw);
        let is_wanted = |trial: &Trial| match number {
            Some(number) => trial.number == number && trial.digest.is_some(),
            None => Some(trial.draw) == winner,
        };
        let trial = self.study.trials()?.into_iter().map(|record| record.trial).find(is_wanted);
        trial.ok_or_else(|| {
            let run = self.folder.display();
            let message = match number {
                Some(number) => format!("{run}: there is no trial {number}"),
                None => format!("{run}: the run has no winner yet; finish it, or name a trial with --trial"),
            };
            Error::new(ErrorKind::Usage, message)
        })
    }

    /// The space of the run, for its data.
    ///
    /// # Errors
    /// When the space cannot be made, which a run that was begun does not have.
    pub fn space(&self, data: &Dataset) -> Result<Box<dyn Space>> {
        searched_space(&self.config, data)
    }

    /// The name of the run.
    pub fn name(&self) -> String {
        self.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The file of a trial's network that was trained last and longest: by `train`, as the winner, as a finalist.
    ///
    /// # Errors
    /// When it was not trained to the end.
    pub fn model(&mut self, trial: &Trial) -> Result<PathBuf> {
        let number = trial.number;
        let winner = self.trial(None).is_ok_and(|winner| winner.number == number);
        let files = [
            Some(trained_file(&self.folder, number)),
            winner.then(|| self.folder.join(RunFile::WinnerModel.name())),
            Some(finalist_file(&self.folder, number, FinalistModel::Refit)),
            Some(finalist_file(&self.folder, number, FinalistModel::Judged)),
        ];
        files.into_iter().flatten().find(|file| file.is_file()).ok_or_else(|| {
            let run = self.folder.display();
            let message =
                format!("trial {number} was not trained to the end; do so with: edgefit train {run} --trial {number}");
            Error::new(ErrorKind::Usage, message)
        })
    }
}

/// What exported files say beside the network; a trial's file also says which one it is.
pub(crate) fn export_options(
    config: &SearchConfig,
    dataset: &Dataset,
    space: &dyn Space,
    run: &str,
    trial: Option<&Trial>,
) -> ExportOptions {
    let normalization = &dataset.normalization;
    let mut options = ExportOptions {
        graph_name: format!("edgefit {}", space.name()),
        normalization: Some(InputNormalization {
            divisor: normalization.divisor,
            mean: normalization.mean.clone(),
            std: normalization.deviation.clone(),
        }),
        ..ExportOptions::default()
    };
    let Some(trial) = trial else { return options };
    let entries = [
        (metadata::LABELS, metadata::encode_labels(&dataset.classes)),
        (metadata::RUN, run.to_owned()),
        (metadata::TRIAL, trial.number.to_string()),
        (metadata::GENOTYPE, space.text(&trial.genotype)),
        (metadata::SPACE, space.name().to_owned()),
        (metadata::SEED, config.seed.to_string()),
        (metadata::DATA, describe_data(config, dataset)),
    ];
    let preparation = dataset.preparation.clone().map(|how| (metadata::INPUT_FEATURES, how));
    options.metadata = entries.into_iter().chain(preparation).map(|(key, value)| (key.to_owned(), value)).collect();
    options
}
