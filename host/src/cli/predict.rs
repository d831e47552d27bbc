//! `edgefit predict`: a latency table asked about an ONNX model.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use edgefit_latency::file;

use super::output;
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::predict;

/// Largest model that is read, in bytes: what ONNX allows in one file.
const MAX_BYTES: u64 = 1 << 31;

/// Arguments of `edgefit predict`.
#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    /// The model
    model: PathBuf,
    /// The latency table
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// Shape of an input whose own is dynamic, such as image=1x3x48x320; once for each input
    #[arg(long = "shape", value_name = "INPUT=SHAPE", value_parser = shape)]
    shapes: Vec<(String, Vec<usize>)>,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run_command(args: PredictArgs) -> Result<()> {
    let model = read_model(&args.model)?;
    let mut table = file::load(&args.table)?;
    if table.evaluation().is_none() {
        table.fit()?;
    }
    let shapes: BTreeMap<String, Vec<usize>> = args.shapes.into_iter().collect();
    let prediction = predict(&table, &args.model, &model, &shapes)?;
    match args.json {
        true => output::print_json(&prediction),
        false => output::print(&prediction.text()),
    }
}

fn read_model(path: &Path) -> Result<Vec<u8>> {
    let told = |error: std::io::Error| Error::new(ErrorKind::Storage, format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).map_err(told)?.take(MAX_BYTES).read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

/// `input=1x3x48x320`. A name may hold `=` itself.
fn shape(text: &str) -> std::result::Result<(String, Vec<usize>), String> {
    let wrong = || "write INPUT=SHAPE, such as image=1x3x48x320".to_owned();
    let (input, sizes) = text.rsplit_once('=').filter(|(input, _)| !input.is_empty()).ok_or_else(wrong)?;
    let size = |size: &str| size.parse::<usize>().ok().filter(|size| *size > 0).ok_or_else(wrong);
    Ok((input.to_owned(), sizes.split('x').map(size).collect::<std::result::Result<_, _>>()?))
}
