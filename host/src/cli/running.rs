//! How models run: the options that `bench` and `compare` share, as what they mean.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use edgefit_protocol::error::ErrorKind as JobErrorKind;
use edgefit_protocol::job::{Affinity, InputShape, Optimization, OrtSettings, Settings};
use edgefit_protocol::limits::{MAX_CORES, MAX_THREADS};
use edgefit_protocol::runtime::RuntimeName;

use crate::bench::{BenchOptions, MAX_SECS, PlanLimits, Preset};
use crate::config::parse_affinity;
use crate::device::{DeviceError, Entry};
use crate::error::{Error, ErrorKind, Result};

/// Most processes of a latency measurement.
const MAX_PROCESSES: u32 = 1000;

/// Options of how models run.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The device to measure on
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(super) device: String,
    /// What runs the model [default: what the device's entry says, or tract]
    #[arg(long, value_parser = runtime())]
    runtime: Option<RuntimeName>,
    /// Threads that run one operator together [default: what the device's entry says, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    threads: Option<u32>,
    /// Cores that the model may run on: any, big, little, or numbers such as 0-3 or 0,2 [default: what the device's entry says, or any]
    #[arg(long, value_name = "CORES", value_parser = affinity)]
    affinity: Option<Affinity>,
    /// How far the runtime may rewrite the network
    #[arg(long, value_name = "LEVEL", default_value = "all", value_parser = optimization())]
    optimization: Optimization,
    /// ONNX Runtime's library on the device [default: ORT_DYLIB_PATH, what `edgefit runtime install` got, the system's]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    library: Option<String>,
    /// ONNX Runtime: take tensors from the allocator instead of the arena
    #[arg(long)]
    no_arena: bool,
    /// ONNX Runtime: do not plan memory from the first run
    #[arg(long)]
    no_memory_pattern: bool,
    /// ONNX Runtime: let idle threads sleep instead of spin
    #[arg(long)]
    no_spinning: bool,
    /// Shape of an input whose own is dynamic, such as image=1x3x48x320; once for each input
    #[arg(long = "shape", value_name = "INPUT=SHAPE", value_parser = shape)]
    shapes: Vec<InputShape>,
    /// How long to measure
    #[arg(long, default_value = "quick", value_parser = preset())]
    preset: Preset,
    /// Fresh processes that measure the latency, instead of the preset's number, or rounds of a comparison, at least 2, instead of 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PROCESSES)))]
    processes: Option<u32>,
    /// Least runs of a process, instead of the preset's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    min_runs: Option<u64>,
    /// Least measured time of a process, instead of the preset's
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    min_secs: Option<f64>,
    /// Greatest measured time of a process, instead of the preset's
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    max_secs: Option<f64>,
    /// Go on until the 95 % interval of a process's median is narrower than this share of it, such as 0.01
    #[arg(long, value_name = "SHARE", value_parser = share)]
    interval_share: Option<f64>,
    /// Longest time for loading a model, and for one run of it: what takes longer is ended, and is an error
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: f64,
    /// Seed of what the inputs hold, and of every order that is drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

impl RunArgs {
    /// What they mean on a device; what they leave open says its entry.
    pub(super) fn options(&self, entry: &Entry) -> BenchOptions {
        let affinity = self.affinity.clone().or_else(|| entry.cores());
        BenchOptions {
            runtime: self.runtime.or(entry.runtime).unwrap_or(RuntimeName::Tract),
            settings: Settings {
                threads: self.threads.or(entry.threads).unwrap_or(1),
                affinity: affinity.unwrap_or(Affinity::Any),
                optimization: self.optimization,
                ort: OrtSettings {
                    library: self.library.clone(),
                    arena: !self.no_arena,
                    memory_pattern: !self.no_memory_pattern,
                    spinning: !self.no_spinning,
                },
            },
            shapes: self.shapes.clone(),
            preset: self.preset,
            limits: PlanLimits {
                min_runs: self.min_runs,
                min_secs: self.min_secs,
                max_secs: self.max_secs,
                interval_share: self.interval_share,
            },
            processes: self.processes,
            step_timeout_ns: (self.timeout * 1e9).ceil() as u64,
            per_operator: false,
            energy: false,
            seed: self.seed,
        }
    }
}

/// Says of a model that took too long how it may take longer.
pub(super) fn advise(error: DeviceError) -> DeviceError {
    match error {
        DeviceError::Job { device, mut cause } if cause.kind == JobErrorKind::Timeout => {
            cause.message.push_str("; where the model is only slow, --timeout SECONDS gives it longer");
            DeviceError::Job { device, cause }
        }
        error => error,
    }
}

/// Writes a result file whole, or not at all; never over a model.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_result(path: &Path, text: &str) -> Result<()> {
    check_result(path)?;
    Ok(crate::run_folder::write_whole(path, text.as_bytes())?)
}

/// Finds out before anything is measured whether a result can get this name. `--json model.onnx other.onnx` is a slip that would
/// cost a model; a folder that is not there would cost the measurement.
///
/// # Errors
/// When it is the name of a model or a folder, or its folder is not there.
pub(super) fn check_result(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("onnx")) {
        let message = format!("{shown} would be written, and its name is that of a model; name another file");
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Usage, format!("{shown} would be written, and it is a folder; name a file")));
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => {
            let message = format!("{shown} cannot be written: there is no folder {}", folder.display());
            Err(Error::new(ErrorKind::Storage, message))
        }
    }
}

/// The name of a file for people: its last part.
pub(super) fn short_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A path that means the standard output.
pub(super) fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn runtime() -> impl TypedValueParser<Value = RuntimeName> {
    named(RuntimeName::ALL.map(|runtime| (runtime.name(), runtime)))
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    named(Preset::ALL.map(|preset| (preset.name(), preset)))
}

fn optimization() -> impl TypedValueParser<Value = Optimization> {
    named([
        ("disabled", Optimization::Disabled),
        ("basic", Optimization::Basic),
        ("extended", Optimization::Extended),
        ("all", Optimization::All),
    ])
}

/// One of these names.
pub(super) fn named<T: Copy + Send + Sync + 'static, const N: usize>(
    values: [(&'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.map(|(name, _)| name)).try_map(move |name| {
        let found = values.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).ok_or_else(|| format!("{name} is not known"))
    })
}

fn affinity(text: &str) -> std::result::Result<Affinity, String> {
    parse_affinity(text)
        .ok_or_else(|| format!("write any, big, little, or core numbers below {MAX_CORES} such as 0-3 or 0,2"))
}

/// `input=1x3x48x320`. A name may hold `=` itself.
fn shape(text: &str) -> std::result::Result<InputShape, String> {
    let wrong = || "write INPUT=SHAPE, such as image=1x3x48x320".to_owned();
    let (input, sizes) = text.rsplit_once('=').filter(|(input, _)| !input.is_empty()).ok_or_else(wrong)?;
    let size = |size: &str| size.parse::<u64>().ok().filter(|size| *size > 0).ok_or_else(wrong);
    Ok(InputShape {
        input: input.to_owned(),
        shape: sizes.split('x').map(size).collect::<std::result::Result<_, _>>()?,
    })
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECS);
    seconds.ok_or_else(|| format!("write seconds, more than 0 and at most {MAX_SECS}"))
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "write a share between 0 and 1, such as 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgefit_protocol::error::JobError;

    #[test]
    fn shapes_are_read_as_they_are_documented() {
        let parsed = |text: &str| shape(text).map(|given| (given.input, given.shape));
        assert_eq!(parsed("x=1x3x48x320"), Ok(("x".to_owned(), vec![1, 3, 48, 320])));
        assert_eq!(parsed("a=b:0=7"), Ok(("a=b:0".to_owned(), vec![7])));
        for wrong in ["x", "=1", "x=", "x=1x", "x=0x3", "x=1,3", "x=-1"] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_shares_have_bounds() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "inf", "nan", "2000", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(share("0.01"), Ok(0.01));
        assert!(share("1").is_err() && share("nan").is_err());
    }

    #[test]
    fn results_never_replace_a_model_and_have_a_folder() {
        let kind = |path: &str| check_result(Path::new(path)).err().map(|error| error.kind);
        assert_eq!(kind("a.onnx"), Some(ErrorKind::Usage));
        assert_eq!(kind("src"), Some(ErrorKind::Usage), "tests run in the crate's folder");
        assert_eq!(kind("no-such-folder/a.json"), Some(ErrorKind::Storage));
        assert_eq!((kind("a.json"), kind("src/a.json")), (None, None));
    }

    #[test]
    fn only_a_model_that_takes_too_long_is_told_how_to_get_longer() {
        let advised = |kind| {
            let cause = JobError::new(kind, "it failed");
            advise(DeviceError::Job { device: "local".into(), cause }).to_string().contains("--timeout")
        };
        assert!(advised(JobErrorKind::Timeout));
        assert!(!advised(JobErrorKind::Crashed));
    }
}
