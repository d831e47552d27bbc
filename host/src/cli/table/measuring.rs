//! What the commands that measure a table have in common: how long they may, how well they measure, and what they tell at the end.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use edgefit_latency::Source;
use edgefit_protocol::limits::MAX_THREADS;
use edgefit_protocol::runtime::RuntimeName;

use super::super::{Globals, interrupt, output};
use super::show;
use crate::config::DeviceConfig;
use crate::error::Result;
use crate::latency_table::{BuildPlan, Origin, build};
use crate::progress::Progress;

/// Arguments of a command that measures a table.
#[derive(Debug, Args)]
pub(super) struct MeasuringArgs {
    /// The device to measure on
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(super) device: String,
    /// The table; it must not be there yet, unless --resume is given
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Minutes after which no further model is begun
    #[arg(long, value_name = "M", default_value_t = 10.0, value_parser = minutes)]
    minutes: f64,
    /// End before, once the mean error on held-out models is down to so many percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    target_error: Option<f64>,
    /// Fresh processes that each model is measured in, at least; more follow while no two agree
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

/// What is measured, and from which table it starts.
pub(super) struct Subject {
    pub(super) device: DeviceConfig,
    pub(super) models_from: Origin,
    pub(super) models: usize,
    pub(super) source: Option<Source>,
}

impl MeasuringArgs {
    /// Measures, and says what came out.
    pub(super) fn run(self, subject: Subject, globals: &Globals) -> Result<()> {
        let Subject { mut device, models_from, models, source } = subject;
        let registry = globals.registry();
        device.complete(&registry.entry(&device.name)?);
        let plan = BuildPlan {
            device,
            models_from,
            models,
            seconds: self.minutes * 60.0,
            target_error: self.target_error.map(|percent| percent / 100.0),
            processes: self.processes as usize,
            seed: self.seed,
            source,
            out: self.out,
            resume: self.resume,
        };
        let built = build(&plan, &registry, &Progress::on_stderr(globals.verbosity()), interrupt::listen()?)?;
        let description = show::Description::of(&plan.out, &built.table);
        match self.json {
            true => output::print_json(&description),
            false => output::print(&format!("ended    {}\n{}", built.ended, description.text())),
        }
    }
}

/// The names of runtimes.
pub(super) fn runtime() -> impl TypedValueParser<Value = RuntimeName> {
    PossibleValuesParser::new(RuntimeName::ALL.map(|runtime| runtime.name())).try_map(|name| {
        let found = RuntimeName::ALL.into_iter().find(|runtime| runtime.name() == name);
        found.ok_or_else(|| format!("{name} is not known"))
    })
}

/// Numbers of threads.
pub(super) fn threads() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS))
}

fn minutes(text: &str) -> std::result::Result<f64, String> {
    let minutes = text.parse::<f64>().ok().filter(|minutes| *minutes > 0.0 && *minutes <= 100_000.0);
    minutes.ok_or_else(|| "write minutes, more than 0 and at most 100,000".to_owned())
}

fn percent(text: &str) -> std::result::Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent < 100.0);
    percent.ok_or_else(|| "write percent, more than 0 and less than 100, such as 2.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{minutes, percent};

    #[test]
    fn minutes_and_percent_have_bounds() {
        assert!(minutes("0.5").is_ok() && minutes("0").is_err() && minutes("nan").is_err());
        assert!(percent("2.5").is_ok() && percent("100").is_err() && percent("-1").is_err());
    }
}
