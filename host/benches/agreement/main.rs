//! Whether edgefit's latency and memory are what a bare program sees: edgefit's median over that of a plain loop on the same runtime
//! (in Rust, and for ONNX Runtime in Python too), measured in turns in one run, and its peak memory beside `/usr/bin/time -v`.
//!
//!     cargo build --release -p edgefit -p edgefit-agent --bins --examples
//!     cargo bench -p edgefit --bench agreement -- --python PYTHON [--rounds 7] [--seconds 1] [--only NAME]...
//!
//! PYTHON has `onnxruntime` (tests/python/requirements.txt); edgefit uses the library out of the same package. In every round each
//! network is measured by each tool once, in a fresh process and in random order; a line shows the median of the rounds' ratios and
//! the least and the greatest. The memory lines compare the highest resident memory of the agent's process for the job with that of the
//! bare program of `device-agent/examples/bare.rs`: the median of seven fresh processes of each, with the least and the greatest. The last lines are the size of the agent, its resident memory when idle, and the
//! time from its start to its first answer.

#[path = "../chain/mod.rs"]
mod chain;
mod networks;
mod tools;

use std::path::Path;
use std::time::Duration;

use chain::Outcome;
use edgefit::device::statistics::quantile;
use edgefit_protocol::runtime::RuntimeName;
use networks::Network;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tools::{Tool, Tools};

/// Processes of each program that memory is measured in. tract's peak differs between processes of the same program by up to a tenth: it
/// prepares a model in an order that differs, and what that leaves of holes between allocations differs too.
const MEMORY_PROCESSES: usize = 7;

/// What is to be measured.
struct Plan {
    rounds: usize,
    seconds: f64,
    python: Option<String>,
    only: Vec<String>,
}

fn main() -> Outcome<()> {
    let Some(plan) = plan()? else { return Ok(()) };
    let mut tools = Tools::new(plan.python.as_deref())?;
    println!("{} rounds of {} s each, one thread; {}", plan.rounds, plan.seconds, tools.describe());
    for network in networks::all()? {
        if plan.only.is_empty() || plan.only.iter().any(|name| name == network.name) {
            report(&network, &plan, &mut tools)?;
        }
    }
    let agent = tools.agent()?;
    println!(
        "agent          {:.1} MB on disk, {} KiB resident when idle",
        agent.size_bytes as f64 / 1e6,
        agent.idle_kib
    );
    println!("agent          {:.1} ms from its start to its first answer, median of 20", ms(agent.first_answer));
    Ok(())
}

/// `None` when this is only a check that it builds (`cargo test --benches`).
fn plan() -> Outcome<Option<Plan>> {
    let mut plan = Plan { rounds: 7, seconds: 1.0, python: None, only: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    let mut is_bench = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => is_bench = true,
            "--rounds" => plan.rounds = value()?.parse()?,
            "--seconds" => plan.seconds = value()?.parse()?,
            "--python" => plan.python = Some(value()?),
            "--only" => plan.only.push(value()?),
            _ => return Err(format!("unexpected argument {argument}; see the first lines of its source").into()),
        }
    }
    Ok(is_bench.then_some(plan))
}

fn report(network: &Network, plan: &Plan, tools: &mut Tools) -> Outcome<()> {
    let file = tempfile::Builder::new().suffix(".onnx").tempfile()?;
    std::fs::write(file.path(), &network.model)?;
    let pairs: Vec<(RuntimeName, Tool, Tool)> = tools.pairs();
    let all: Vec<Tool> = pairs.iter().flat_map(|(_, own, bare)| [*own, *bare]).collect();
    let mut medians: Vec<Vec<f64>> = vec![Vec::new(); all.len()];
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut order: Vec<usize> = (0..all.len()).collect();
    for _ in 0..plan.rounds.max(1) {
        order.shuffle(&mut rng);
        for &at in &order {
            medians[at].push(tools.median_ms(all[at], &network.model, file.path(), plan.seconds)?);
        }
    }
    for (at, (runtime, _, bare)) in pairs.iter().enumerate() {
        let (own, other) = (&medians[2 * at], &medians[2 * at + 1]);
        let ratios: Vec<f64> = own.iter().zip(other).map(|(own, other)| own / other).collect();
        let [least, middle, greatest] = [0.0, 0.5, 1.0].map(|q| of(&ratios, q));
        println!(
            "{:<14} {runtime:<5} edgefit {:.4} ms, {} {:.4} ms, ratio {middle:.4} ({least:.4} to {greatest:.4})",
            network.name,
            of(own, 0.5),
            bare.name(),
            of(other, 0.5)
        );
        if *bare != Tool::Python {
            report_memory(network, *runtime, file.path(), tools)?;
        }
    }
    Ok(())
}

fn report_memory(network: &Network, runtime: RuntimeName, file: &Path, tools: &mut Tools) -> Outcome<()> {
    let peaks = tools.memory(runtime, &network.model, file, MEMORY_PROCESSES)?;
    let [own, bare] = peaks.each_ref().map(|kib| [0.0, 0.5, 1.0].map(|q| of(kib, q)));
    let shown = |[least, middle, greatest]: [f64; 3]| format!("{middle:.0} KiB ({least:.0} to {greatest:.0})");
    println!(
        "{:<14} {runtime:<5} edgefit {} peak, bare program {}, ratio {:.4}",
        network.name,
        shown(own),
        shown(bare),
        own[1] / bare[1]
    );
    Ok(())
}

fn of(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, q).unwrap_or(f64::NAN)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
