//! `edgefit table build`.

use std::path::{Path, PathBuf};

use clap::Args;
use edgefit_protocol::runtime::RuntimeName;
use edgefit_search::{SpaceSettings, space};

use super::super::Globals;
use super::measuring::{self, MeasuringArgs, Subject};
use crate::config::{DeviceConfig, load_space};
use crate::error::{Error, ErrorKind, Result};
use crate::latency_table::{Origin, SpaceSpec};

/// Arguments of `edgefit table build`.
#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArgs {
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
    /// Models to measure
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    models: u32,
    /// What runs the models [default: what the device's entry says, or tract]
    #[arg(long, value_parser = measuring::runtime())]
    runtime: Option<RuntimeName>,
    /// Threads that run one operator together [default: what the device's entry says, or 1]
    #[arg(long, value_name = "N", value_parser = measuring::threads())]
    threads: Option<u32>,
    #[command(flatten)]
    measuring: MeasuringArgs,
}

/// A shape, as one argument.
#[derive(Debug, Clone)]
struct Input(Vec<usize>);

/// Runs the command.
pub(super) fn run_command(args: BuildArgs, globals: &Globals) -> Result<()> {
    let models_from = match args.layers {
        Some(folder) => Origin::Layers(folder),
        None => Origin::Space(Box::new(SpaceSpec {
            settings: space_settings(&args.space.unwrap_or_default())?,
            input: args.input.0,
            classes: args.classes as usize,
        })),
    };
    let device = DeviceConfig::named(args.measuring.device.clone(), args.runtime, args.threads);
    args.measuring.run(Subject { device, models_from, models: args.models as usize, source: None }, globals)
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

fn input(text: &str) -> std::result::Result<Input, String> {
    let size = |size: &str| size.parse::<usize>().ok().filter(|size| (1..=100_000).contains(size));
    let sizes: Option<Vec<usize>> = text.split('x').map(size).collect();
    let sizes = sizes.filter(|sizes| (2..=3).contains(&sizes.len()));
    sizes.map(Input).ok_or_else(|| "write channels and extents, such as 3x32x32".to_owned())
}

#[cfg(test)]
mod tests {
    use super::input;

    #[test]
    fn shapes_have_bounds() {
        assert_eq!(input("3x32x16").map(|input| input.0), Ok(vec![3, 32, 16]));
        for wrong in ["3", "3x", "0x32x32", "3x32x32x32", "x"] {
            assert!(input(wrong).is_err(), "{wrong}");
        }
    }
}
