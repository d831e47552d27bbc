//! `edgefit table build`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use edgefit_protocol::limits::MAX_THREADS;
use edgefit_protocol::runtime::RuntimeName;
use edgefit_search::{SpaceSettings, space};

use super::super::{Globals, interrupt, output};
use super::show;
use crate::config::{DeviceConfig, load_space};
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::{BuildPlan, Origin, SpaceSpec, build};
use crate::progress::Progress;

/// Arguments of `edgefit table build`.
#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArgs {
    /// The device to measure on
    #[arg(long, value_name = "NAME", default_value = "local")]
    device: String,
    /// The space whose models are measured: the name of a preset, or a file that defines one
    #[arg(long, value_name = "SPACE", required_unless_present = "layers")]
    space: Option<String>,
    /// For a table of general use instead: a folder with conv.csv, dwconv.csv, pooling.csv and fc.csv, the layer shapes of known
    /// networks, of which random networks are made
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["space", "input", "classes"])]
    layers: Option<PathBuf>,
    /// Shape of one sample: channels, height, width
    #[arg(long, value_name = "CxHxW", default_value = "3x32x32", value_parser = input)]
    input: Input,
    /// Number of classes
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    classes: u32,
    /// The table; it must not be there yet, unless --resume is given
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Models to measure
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    models: u32,
    /// Minutes after which no further model is begun
    #[arg(long, value_name = "M", default_value_t = 10.0, value_parser = minutes)]
    minutes: f64,
    /// End before, once the mean error on held-out models is down to so many percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    target_error: Option<f64>,
    /// What runs the models [default: what the device's entry says, or tract]
    #[arg(long, value_parser = runtime())]
    runtime: Option<RuntimeName>,
    /// Threads that run one operator together [default: what the device's entry says, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    threads: Option<u32>,
    /// Fresh processes that each model is measured in
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    processes: u32,
    /// Seed of the models
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: u64,
    /// Go on with the table that is in the file
    #[arg(long)]
    resume: bool,
    /// Print one JSON document instead of the text
    #[arg(long)]
    json: bool,
}

/// A shape, as one argument.
#[derive(Debug, Clone)]
struct Input(Vec<usize>);

/// Runs the command.
pub(super) fn run_command(args: BuildArgs, globals: &Globals) -> Result<()> {
    let registry = globals.registry();
    let mut device = DeviceConfig::named(args.device, args.runtime, args.threads);
    device.complete(&registry.entry(&device.name)?);
    let plan = BuildPlan {
        device,
        models_from: match args.layers {
            Some(folder) => Origin::Layers(folder),
            None => Origin::Space(Box::new(SpaceSpec {
                settings: space_settings(&args.space.unwrap_or_default())?,
                input: args.input.0,
                classes: args.classes as usize,
            })),
        },
        models: args.models as usize,
        seconds: args.minutes * 60.0,
        target_error: args.target_error.map(|percent| percent / 100.0),
        processes: args.processes as usize,
        seed: args.seed,
        source: None,
        out: args.out,
        resume: args.resume,
    };
    let interrupt = interrupt::listen()?;
    let built = build(&plan, &registry, &Progress::on_stderr(globals.verbosity()), interrupt)?;
    let description = show::Description::of(&plan.out, &built.table);
    match args.json {
        true => output::print_json(&description),
        false => output::print(&format!("ended    {}\n{}", built.ended, description.text())),
    }
}

/// The settings of a preset, or those of the space that the file defines.
fn space_settings(name: &str) -> Result<SpaceSettings> {
    if space::names().any(|preset| preset == name) {
        return Ok(SpaceSettings::preset(name));
    }
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(load_space(path)?);
    }
    let known = space::names().collect::<Vec<_>>().join(", ");
    Err(Error::new(ErrorKind::Usage, format!("`{name}` is no space; there are {known}, or give the TOML file of one")))
}

pub(super) fn runtime() -> impl TypedValueParser<Value = RuntimeName> {
    PossibleValuesParser::new(RuntimeName::ALL.map(|runtime| runtime.name())).try_map(|name| {
        let found = RuntimeName::ALL.into_iter().find(|runtime| runtime.name() == name);
        found.ok_or_else(|| format!("{name} is not known"))
    })
}

fn input(text: &str) -> std::result::Result<Input, String> {
    let size = |size: &str| size.parse::<usize>().ok().filter(|size| (1..=100_000).contains(size));
    let sizes: Option<Vec<usize>> = text.split('x').map(size).collect();
    let sizes = sizes.filter(|sizes| (2..=3).contains(&sizes.len()));
    sizes.map(Input).ok_or_else(|| "write channels and extents, such as 3x32x32".to_owned())
}

pub(super) fn minutes(text: &str) -> std::result::Result<f64, String> {
    let minutes = text.parse::<f64>().ok().filter(|minutes| *minutes > 0.0 && *minutes <= 100_000.0);
    minutes.ok_or_else(|| "write minutes, more than 0 and at most 100,000".to_owned())
}

pub(super) fn percent(text: &str) -> std::result::Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent < 100.0);
    percent.ok_or_else(|| "write percent, more than 0 and less than 100, such as 2.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{input, minutes, percent};

    #[test]
    fn shapes_and_numbers_have_bounds() {
        assert_eq!(input("3x32x16").map(|input| input.0), Ok(vec![3, 32, 16]));
        for wrong in ["3", "3x", "0x32x32", "3x32x32x32", "x"] {
            assert!(input(wrong).is_err(), "{wrong}");
        }
        assert!(minutes("0.5").is_ok() && minutes("0").is_err() && minutes("nan").is_err());
        assert!(percent("2.5").is_ok() && percent("100").is_err() && percent("-1").is_err());
    }
}
