//! Latency tables on this machine: how well each predicts fresh networks, beside the baselines and the noise floor.
//!
//! `cargo bench -p edgefit --bench tables -- FOLDER [MODELS] [FRESH] [SPACE,...] [RUNTIME,...] [THREADS,...]` builds a table for each
//! runtime, thread count and space from MODELS (100) networks in at most 10 minutes, measures FRESH (200) others twice, and prints a row of
//! a Markdown table for each. Tables and results stay in FOLDER: begun again, it goes on where it was. Nothing else should run on the
//! machine meanwhile. A network of a table takes five processes at least and a fresh one two in each round, and more where no two agree or the
//! device is disturbed: all twelve tables are 15,600 processes or more.

#[path = "program/mod.rs"]
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use edgefit::config::DeviceConfig;
use edgefit::device::Registry;
use edgefit::error::{Error, ErrorKind, Result};
use edgefit::latency_table::{BuildPlan, Evaluation, FreshPlan, Origin, SpaceSpec, Tested, build, evaluate_fresh};
use edgefit::progress::Progress;
use edgefit_protocol::runtime::RuntimeName;
use edgefit_search::SpaceSettings;
use program::Arguments;
use serde_json::Value;

const SECONDS: f64 = 600.0;
const PROCESSES: usize = 3;
/// Processes of each of the two rounds of a fresh network at least, as the candidates of a search have; what it takes is told by both rounds.
const FRESH_PROCESSES: usize = 2;
/// Fresh networks are drawn by another seed than the tables' own.
const FRESH_SEED: u64 = 1;

fn main() -> ExitCode {
    program::run(measure_all)
}

/// One table.
struct Setting {
    space: String,
    runtime: RuntimeName,
    threads: u32,
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    let text = |at, default| arguments.text(at).unwrap_or(default);
    let folder = PathBuf::from(text(0, "tables"));
    let (models, fresh): (usize, usize) = (arguments.number(1, 100), arguments.number(2, 200));
    fs::create_dir_all(&folder).map_err(|e| Error::new(ErrorKind::Storage, e))?;
    println!(
        "| space | runtime | threads | predictor | within 10 % | within 5 % | RMSPE | Spearman | 90 % covers | width |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for space in text(3, "mbconv,chain,nb201").split(',') {
        for runtime in text(4, "tract,ort").split(',') {
            let named = RuntimeName::ALL.into_iter().find(|known| known.name() == runtime);
            let runtime = named.ok_or_else(|| Error::new(ErrorKind::Usage, format!("no runtime {runtime}")))?;
            for threads in text(5, "1,2").split(',') {
                let threads = threads.parse::<u32>().map_err(|e| Error::new(ErrorKind::Usage, e))?;
                let setting = Setting { space: space.to_owned(), runtime, threads };
                print!("{}", rows(&setting, &measured(&setting, &folder, models, fresh)?));
            }
        }
    }
    Ok(())
}

/// The evaluation of a table: that of an earlier run of this program if there is one.
fn measured(setting: &Setting, folder: &Path, models: usize, fresh: usize) -> Result<Value> {
    let Setting { space, runtime, threads } = setting;
    let name = format!("{space}-{}-{threads}", runtime.name());
    let (table, result) = (folder.join(format!("{name}.table")), folder.join(format!("{name}.json")));
    let internal = |e: serde_json::Error| Error::new(ErrorKind::Internal, e);
    if let Ok(text) = fs::read_to_string(&result) {
        return serde_json::from_str(&text).map_err(internal);
    }
    let (registry, progress, interrupt) = (Registry::new(None), Progress::silent(), AtomicBool::new(false));
    let plan = BuildPlan {
        device: DeviceConfig::named("local".to_owned(), Some(*runtime), Some(*threads)),
        models_from: Origin::Space(Box::new(SpaceSpec {
            settings: SpaceSettings::preset(space),
            input: vec![3, 32, 32],
            classes: 10,
        })),
        models,
        seconds: SECONDS,
        target_error: None,
        processes: PROCESSES,
        seed: 0,
        source: None,
        out: table.clone(),
        resume: true,
    };
    build(&plan, &registry, &progress, &interrupt)?;
    let tested = Tested::Drawn(fresh);
    let fresh = FreshPlan { table, device: "local".to_owned(), tested, processes: FRESH_PROCESSES, seed: FRESH_SEED };
    let evaluation: Evaluation = evaluate_fresh(&fresh, &registry, &progress, &interrupt)?;
    let document = serde_json::to_value(&evaluation).map_err(internal)?;
    fs::write(&result, document.to_string()).map_err(|e| Error::new(ErrorKind::Storage, e))?;
    Ok(document)
}

/// A row for each predictor.
fn rows(setting: &Setting, evaluation: &Value) -> String {
    let Setting { space, runtime, threads } = setting;
    let percent =
        |value: &Value| value.as_f64().map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let row = |figures: &Value| {
        let shares = ["within_10", "within_5", "rmspe"].map(|key| percent(&figures[key]));
        let spearman = figures["spearman"].as_f64().unwrap_or_default();
        let (covers, width) = (percent(&figures["coverage"]), percent(&figures["mean_width"]));
        let name = figures["predictor"].as_str().unwrap_or_default();
        let [ten, five, rmspe] = shares;
        format!(
            "| {space} | {} | {threads} | {name} | {ten} | {five} | {rmspe} | {spearman:.4} | {covers} | {width} |\n",
            runtime.name()
        )
    };
    evaluation["predictors"].as_array().into_iter().flatten().map(row).collect()
}
