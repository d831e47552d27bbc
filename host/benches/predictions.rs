//! How many networks a second a latency table predicts: from genotypes, with and without the interval, and from graphs.
//!
//! `cargo bench -p edgefit --bench predictions -- NETWORKS FILE.table...`, so many different networks (1000) of tables that `edgefit table build --space` made. One thread; whatever the times in
//! the table are, only the work counts. How long a refit takes says `cargo bench -p edgefit-latency`.

#[path = "program/mod.rs"]
mod program;

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use edgefit::error::{Error, ErrorKind, Result};
use edgefit::latency_table::{Forecast, SpaceSpec};
use edgefit_latency::file;
use edgefit_search::draw;
use edgefit_search::space::Packed;
use program::Arguments;

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(2);
/// Networks where the command line says nothing of them.
const NETWORKS: usize = 1_000;

fn main() -> ExitCode {
    program::run(measure_all)
}

fn measure_all(arguments: &Arguments) -> Result<()> {
    println!(
        "| table | made in, ms | kernels alone, a second | with interval | drawn and with interval | from graphs |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let networks = arguments.number(0, NETWORKS).max(1);
    (1..).map_while(|at| arguments.text(at)).try_for_each(|path| measure(Path::new(path), networks))
}

fn measure(path: &Path, networks: usize) -> Result<()> {
    let usage = |what: &str| Error::new(ErrorKind::Usage, format!("{}: {what}", path.display()));
    let mut table = file::load(path)?;
    table.fit()?;
    let space = SpaceSpec::of(table.population().ok_or_else(|| usage("it names no space"))?)?.build()?;
    let begin = Instant::now();
    let forecast = Forecast::of(space.as_ref(), &table);
    let forecast = forecast.ok_or_else(|| usage("its space is no chain of segments, or its predictor no sum"))?;
    let made_ms = 1e3 * begin.elapsed().as_secs_f64();
    let mut rng = draw::stream(1, 0);
    let packed: Vec<Packed> = (0..networks).map(|_| forecast.genotypes().sample(&mut rng)).collect();
    let kernels = a_second(networks, |at| forecast.kernels_ns(&packed[at]));
    let with_interval = a_second(networks, |at| forecast.latency_ns(&packed[at]).hi);
    let drawn = a_second(networks, |_| forecast.latency_ns(&forecast.genotypes().sample(&mut rng)).hi);
    let from_graphs = a_second(networks, |at| {
        let graph = space.decode(&forecast.genotypes().unpack(&packed[at])).expect("it is of the space");
        table.predict(&graph).expect("it is fitted").latency_ns.hi
    });
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    println!("| {name} | {made_ms:.0} | {kernels:.3e} | {with_interval:.3e} | {drawn:.3e} | {from_graphs:.0} |");
    Ok(())
}

/// How often `predict` does its work in a second, with so many networks between two looks at the clock.
fn a_second(networks: usize, mut predict: impl FnMut(usize) -> f64) -> f64 {
    let (begin, mut done) = (Instant::now(), 0);
    while begin.elapsed() < MEASURED {
        (0..networks).for_each(|at| {
            black_box(predict(at));
        });
        done += networks;
    }
    done as f64 / begin.elapsed().as_secs_f64()
}
