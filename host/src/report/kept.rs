//! The data of a report, kept in the study when a run ends, so that the page can be made anew without the device.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::data::ReportData;
use super::page::html_page;
use crate::run_folder::{RunFile, RunFolderError, write_whole};
use crate::study::{Study, StudyError};

/// The name of the data in the study.
const NAME: &str = "report";

/// Why a report cannot be made anew.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The study cannot be used.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// The page cannot be written.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The run never came to its end.
    #[error("{}: this run has not ended, so there is nothing to report yet; go on with it by --resume", .0.display())]
    Unfinished(PathBuf),
    /// Another version of edgefit kept the data.
    #[error("{}: the data of its report are of another version of edgefit: {reason}", path.display())]
    Version {
        /// The folder of the run.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

/// Keeps the data of a report.
///
/// # Errors
/// When the study cannot be written.
pub fn keep(data: &ReportData, study: &mut Study) -> Result<(), StudyError> {
    let text = serde_json::to_string(data).expect("the data are structs, lists and numbers with text keys");
    study.save_document(NAME, &text)
}

/// Writes the page of a run that has ended anew; the path of the page.
///
/// # Errors
/// When the run has not ended, or a file cannot be read or written.
pub fn rewrite(run: &Path) -> Result<PathBuf, ReportError> {
    let mut study = Study::open(&run.join(RunFile::Study.name()))?;
    let text = study.document(NAME)?.ok_or_else(|| ReportError::Unfinished(run.to_owned()))?;
    let of_version =
        |error: serde_json::Error| ReportError::Version { path: run.to_owned(), reason: error.to_string() };
    let data: ReportData = serde_json::from_str(&text).map_err(of_version)?;
    let page = run.join(RunFile::Report.name());
    write_whole(&page, html_page(&data).as_bytes())?;
    Ok(page)
}
