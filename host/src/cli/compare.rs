//! `edgefit compare`: several models side by side.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use edgefit_train::Dataset;

use super::running::{self, RunArgs};
use super::{Globals, output};
use crate::accuracy::classify;
use crate::bench::compare::{self, Candidate, Comparison, DataSection, Normalization, ScoreRule, text};
use crate::bench::{BenchOptions, ErrorSection, ModelFacts};
use crate::config::{DataConfig, SearchConfig};
use crate::device::{BatchError, BatchStep, Device, DeviceInfo, Entry};
use crate::error::{Error, ErrorKind, Result};
use crate::model_file;
use crate::progress::Verbosity;

/// Most models of a comparison.
const MAX_MODELS: usize = 1000;

/// Arguments of `edgefit compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The models, ONNX files; the first is what the others are compared with
    #[arg(value_name = "MODEL.onnx", required = true, num_args = 2.., value_hint = ValueHint::FilePath)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    /// Test images to classify: digits, FORMAT:PATH, a folder of images, or a search file, whose data and seed are taken
    #[arg(long, value_name = "DATA", value_hint = ValueHint::AnyPath)]
    data: Option<String>,
    /// Score = accuracy - LAMBDA * median latency / reference latency
    #[arg(long, value_name = "LAMBDA", requires = "data", value_parser = lambda)]
    lambda: Option<f64>,
    /// The reference latency: that of the first model, or of the slowest
    #[arg(long, value_name = "WHAT", default_value = "first", value_parser = normalization())]
    normalize: Normalization,
    /// The reference latency in milliseconds, instead of a model's
    #[arg(long, value_name = "MS", requires = "lambda", conflicts_with = "normalize", value_parser = milliseconds)]
    reference_ms: Option<f64>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// A model that was read.
struct Model {
    name: String,
    bytes: Vec<u8>,
    facts: ModelFacts,
}

/// Runs the command. A failure is in the JSON, too.
pub(super) fn run_command(args: CompareArgs, globals: &Globals) -> Result<()> {
    let entry = globals.registry().entry(&args.run.device);
    let options = args.run.options(entry.as_ref().unwrap_or(&Entry::default()));
    let mut reached = None;
    let known = entry.map_err(|error| Failure::from(Error::from(error)));
    match known.and_then(|_| measure(&args, &options, globals, &mut reached)) {
        Ok(comparison) if args.json => output::print_json(&comparison),
        Ok(comparison) => output::print(&text::render(&comparison)),
        Err(failure) => {
            if args.json {
                output::print_json(&Comparison::failed(reached.as_ref(), failure.section, &options))?;
            }
            Err(failure.error)
        }
    }
}

/// A failure with what the comparison says of it.
struct Failure {
    section: ErrorSection,
    error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { section: ErrorSection::from(&error), error }
    }
}

impl Failure {
    fn of_model(name: &str, error: Error) -> Self {
        Self::from(Error::new(error.kind, format!("{name}: {error}")))
    }

    fn of_batch(models: &[Model], error: BatchError) -> Self {
        let name = error.model.map_or("the canary", |model| &models[model].name);
        let cause = running::advise(error.cause);
        let mut section = ErrorSection::from(&cause);
        section.message = format!("{name}: {}", section.message);
        let error = Error::from(cause);
        Self { section, error: Error::new(error.kind, format!("{name}: {error}")) }
    }
}

fn measure(
    args: &CompareArgs,
    options: &BenchOptions,
    globals: &Globals,
    reached: &mut Option<DeviceInfo>,
) -> std::result::Result<Comparison, Failure> {
    let models = read_models(&args.models, options)?;
    let chosen = args.data.as_deref().map(|data| choose_data(data, &models, args.run.seed)).transpose()?;
    let sets = chosen.as_ref().map(|chosen| load_each(chosen, &models)).transpose()?;
    let mut device = globals.registry().connect(&args.run.device)?;
    *reached = Some(device.info().clone());
    let candidates: Vec<Candidate<'_>> = models
        .iter()
        .map(|model| Candidate { name: model.name.clone(), model: &model.bytes, facts: model.facts.clone() })
        .collect();
    let is_told = globals.verbosity() != Verbosity::Quiet;
    let mut hear = |step: BatchStep| {
        if is_told {
            eprintln!("job {}/{}: {}", step.job, step.jobs, models[step.model].name);
        }
    };
    let compared = compare::compare(&mut device, &candidates, options, &mut hear);
    let mut comparison = compared.map_err(|error| Failure::of_batch(&models, error))?;
    if let (Some(chosen), Some(sets)) = (&chosen, &sets) {
        add_accuracies(&mut comparison, &mut device, &models, chosen, sets, options)?;
    }
    if let Some(lambda) = args.lambda {
        let normalization = args.reference_ms.map_or(args.normalize, Normalization::Given);
        comparison.add_scores(ScoreRule { lambda, normalization });
    }
    Ok(comparison)
}

/// Files of one name are told apart by their paths.
fn read_models(paths: &[PathBuf], options: &BenchOptions) -> Result<Vec<Model>> {
    if paths.len() > MAX_MODELS {
        return Err(Error::new(ErrorKind::Usage, format!("{} models; at most {MAX_MODELS} are compared", paths.len())));
    }
    let is_unique = |path: &Path| paths.iter().filter(|other| other.file_name() == path.file_name()).count() == 1;
    let name = |path: &Path| if is_unique(path) { running::short_name(path) } else { path.display().to_string() };
    let read = |path: &PathBuf| {
        let bytes = model_file::read(path)?;
        let facts = ModelFacts::of(&bytes, &options.shapes);
        Ok(Model { name: name(path), bytes, facts })
    };
    paths.iter().map(read).collect()
}

/// A data set and the seed of its split.
struct Chosen {
    config: DataConfig,
    seed: u64,
}

/// The data, split by the seed of the search file, or else by that with which edgefit trained the models, so that the test images
/// are those that no training has seen.
fn choose_data(text: &str, models: &[Model], seed: u64) -> Result<Chosen> {
    let path = Path::new(text);
    if path.extension().is_some_and(|end| end == "toml") {
        let search = SearchConfig::load(path)?;
        return Ok(Chosen { config: search.data, seed: search.seed });
    }
    let config = DataConfig::named(text).map_err(|message| Error::new(ErrorKind::Usage, message))?;
    let trained = models.iter().find_map(|model| model.facts.data_seed);
    Ok(Chosen { config, seed: trained.unwrap_or(seed) })
}

/// The data in the size that each model takes, loaded once a size.
fn load_each(chosen: &Chosen, models: &[Model]) -> Result<Vec<(Option<[usize; 2]>, Dataset)>> {
    let mut sets: Vec<(Option<[usize; 2]>, Dataset)> = Vec::new();
    for model in models {
        let size = size_for(chosen, model);
        if !sets.iter().any(|(known, _)| *known == size) {
            sets.push((size, load(chosen, size)?));
        }
    }
    Ok(sets)
}

fn size_for(chosen: &Chosen, model: &Model) -> Option<[usize; 2]> {
    model.facts.image_size.or(chosen.config.resize.map(|side| [side, side]))
}

fn load(chosen: &Chosen, resize: Option<[usize; 2]>) -> Result<Dataset> {
    chosen.config.load_resized(resize, chosen.seed)
}

fn add_accuracies(
    comparison: &mut Comparison,
    device: &mut Device,
    models: &[Model],
    chosen: &Chosen,
    sets: &[(Option<[usize; 2]>, Dataset)],
    options: &BenchOptions,
) -> std::result::Result<(), Failure> {
    let mut right = Vec::with_capacity(models.len());
    let mut images = 0;
    for model in models {
        let size = size_for(chosen, model);
        let (_, set) = sets.iter().find(|(known, _)| *known == size).expect("every model's size was loaded");
        images = set.test.len();
        let classified = classify(device, &model.bytes, &options.run_on(), &set.test, set.classes.len(), options.seed);
        right.push(classified.map_err(|error| Failure::of_model(&model.name, error))?);
    }
    let path = chosen.config.path.as_ref().map(|path| format!(":{}", path.display())).unwrap_or_default();
    let name = format!("{}{path}", chosen.config.format.name());
    comparison.add_accuracies(DataSection { name, images, seed: chosen.seed }, &right);
    Ok(())
}

fn normalization() -> impl clap::builder::TypedValueParser<Value = Normalization> {
    running::named([("first", Normalization::First), ("slowest", Normalization::Slowest)])
}

fn lambda(text: &str) -> std::result::Result<f64, String> {
    let lambda = text.parse::<f64>().ok().filter(|lambda| lambda.is_finite() && *lambda >= 0.0);
    lambda.ok_or_else(|| "write a number that is not negative, such as 0.1".to_owned())
}

fn milliseconds(text: &str) -> std::result::Result<f64, String> {
    let ms = text.parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms > 0.0);
    ms.ok_or_else(|| "write milliseconds, more than 0".to_owned())
}
