//! `edgefit report`: the page of a run, made anew from its study.

use std::path::PathBuf;

use clap::Args;

use super::output::print;
use crate::error::{Error, ErrorKind, Result};
use crate::report::{ReportData, html_page, reasons};
use crate::run_folder::{RunFile, write_whole};
use crate::search_run::REPORT_DOCUMENT;
use crate::study::Study;

/// Arguments of `edgefit report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The folder of the run
    run: PathBuf,
    /// The page [default: report.html in the folder of the run]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run_command(args: ReportArgs) -> Result<()> {
    let mut study = Study::open(&args.run.join(RunFile::Study.name()))?;
    let document = study.document(REPORT_DOCUMENT)?.ok_or_else(|| unfinished(&args))?;
    let data: ReportData = serde_json::from_str(&document).map_err(|e| {
        Error::new(
            ErrorKind::Storage,
            format!("{}: the report's data are not those of this version of edgefit: {e}", args.run.display()),
        )
    })?;
    let page = args.out.unwrap_or_else(|| args.run.join(RunFile::Report.name()));
    write_whole(&page, html_page(&data).as_bytes())?;
    let reasons = reasons(&data).into_iter().map(|(name, said)| format!("{name:9} {said}\n"));
    print(&std::iter::once(format!("{}\n", page.display())).chain(reasons).collect::<String>())
}

fn unfinished(args: &ReportArgs) -> Error {
    let run = args.run.display();
    let message = format!(
        "{run}: the run has not finished; finish it with: edgefit search {run}/search.toml --resume --out {run}"
    );
    Error::new(ErrorKind::Usage, message)
}
