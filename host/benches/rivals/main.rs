//! What a search is worth: its winner beside hand-made networks of equal measured latency, trained by the same recipe for the same time.
//!
//! `cargo bench -p edgefit --bench rivals -- RUN [SEEDS] [EPOCHS]` takes the folder of a finished run on images. The winner is trained anew as at
//! the end of the run (for EPOCHS instead, if stated), and timed. MobileNetV2, with the strides that suit small images, and ResNet-8 get the
//! width at which the run's device takes as long for them as for the winner, and as many epochs as fit in the winner's time. All are
//! tested on the run's test images and measured in turns. Trainings run one after the other; the machine should do nothing else.

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../program/mod.rs"]
mod program;

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chain::Chain;
use edgefit::config::DeviceConfig;
use edgefit::device::{Device, MeasureRequest, Registry};
use edgefit::error::{Error, ErrorKind, Result};
use edgefit::kept_run::KeptRun;
use edgefit::search_run::final_recipe;
use edgefit_graph::Graph;
use edgefit_graph::op::Activation;
use edgefit_onnx::{ExportOptions, export};
use edgefit_train::{Dataset, Recipe, evaluate, initial_weights, train};
use program::Arguments;

const NS_PER_MS: f64 = 1e6;

/// Measurements of each network, in turns; the middle one counts.
const ROUNDS: usize = 5;

/// Turns in which a width is compared with the winner; the middle one counts.
const TURNS: usize = 3;

/// Narrowest and widest of a hand-made network, in sixteenths of its published widths.
const NARROWEST: usize = 1;
const WIDEST: usize = 64;

/// Widths that are measured around the one that halving finds.
const NEAR: usize = 1;

fn main() -> ExitCode {
    program::run(compare)
}

/// A hand-made network.
struct Rival {
    name: &'static str,
    build: fn(&[usize], usize, usize) -> chain::Outcome<Graph>,
}

const RIVALS: [Rival; 2] =
    [Rival { name: "MobileNetV2", build: mobilenet_v2 }, Rival { name: "ResNet-8", build: resnet_8 }];

/// MobileNetV2 as it is used on images of 32x32: the first three strides are 1.
fn mobilenet_v2(input: &[usize], classes: usize, sixteenths: usize) -> chain::Outcome<Graph> {
    let mut chain = Chain::new(input)?;
    chain.mobilenet_v2([1, 1, 2], |width| (width * sixteenths).div_ceil(16))?;
    chain.classify(classes)
}

/// The residual network of MLPerf Tiny: 16, 32 and 64 channels, one block each.
fn resnet_8(input: &[usize], classes: usize, sixteenths: usize) -> chain::Outcome<Graph> {
    let mut chain = Chain::new(input)?;
    chain.conv(sixteenths, 3, 1, 1, Some(Activation::Relu))?;
    for (stage, stride) in [1, 2, 2].into_iter().enumerate() {
        chain.basic_block(sixteenths << stage, stride)?;
    }
    chain.classify(classes)
}

/// A network beside others, and what it came to.
struct Contender {
    name: String,
    graph: Graph,
    epochs: usize,
    seconds: f64,
    accuracies: Vec<f64>,
    latencies_ms: Vec<f64>,
}

fn compare(arguments: &Arguments) -> Result<()> {
    let Some(folder) = arguments.text(0) else {
        println!("skipped: give the folder of a finished run on images");
        return Ok(());
    };
    let mut run = KeptRun::open(Path::new(folder))?;
    let trial = run.trial(None)?;
    let data = run.config.data.load(run.config.seed)?;
    let space = run.space(&data)?;
    let mut recipe = final_recipe(&run.config, &trial);
    recipe.epochs = arguments.number(2, recipe.epochs);
    let trained_on = if run.config.finals.refit { data.refit() } else { data.clone() };
    let device = run.config.devices.iter().next().ok_or_else(|| internal("the run has no device"))?;
    let mut bench = Bench {
        device: Registry::new(None).connect(&device.name)?,
        config: device,
        data: &data,
        trained_on: &trained_on,
        recipe,
    };
    let seeds = arguments.number(1, 1_u64).max(1);
    let graph = space.decode(&trial.genotype)?;
    let mut contenders = vec![bench.contender(space.text(&trial.genotype), graph, bench.recipe.epochs, seeds)?];
    println!("{}", edgefit_line(folder, &data, bench.config, &bench.recipe));
    for rival in &RIVALS {
        let (graph, sixteenths) = bench.as_slow_as(rival, &contenders[0].graph)?;
        let epochs = bench.epochs_in(&graph, contenders[0].seconds)?;
        let name = format!("{}, width {:.4}", rival.name, sixteenths as f64 / 16.0);
        contenders.push(bench.contender(name, graph, epochs, seeds)?);
    }
    bench.measure_in_turns(&mut contenders)?;
    println!(
        "{:40} {:>9} {:>11} {:>6} {:>9} {:>10} {:>10}",
        "network", "accuracy", "latency ms", "epochs", "seconds", "parameters", "MACs"
    );
    for contender in &mut contenders {
        let cost = contender.graph.cost();
        println!(
            "{:40} {:8.2}% {:11.3} {:6} {:9.1} {:10} {:10}",
            contender.name,
            100.0 * contender.accuracies.iter().sum::<f64>() / contender.accuracies.len() as f64,
            middle(&mut contender.latencies_ms),
            contender.epochs,
            contender.seconds,
            cost.params,
            cost.macs
        );
    }
    Ok(())
}

fn edgefit_line(folder: &str, data: &Dataset, device: &DeviceConfig, recipe: &Recipe) -> String {
    format!(
        "winner of {folder}, {} images to train on, {} to test, {} epochs; latency on {}",
        data.train.len() + data.validation.len(),
        data.test.len(),
        recipe.epochs,
        device.name
    )
}

/// Where contenders are trained and measured.
struct Bench<'a> {
    device: Device,
    config: &'a DeviceConfig,
    data: &'a Dataset,
    trained_on: &'a Dataset,
    recipe: Recipe,
}

impl Bench<'_> {
    /// Trains with each seed.
    fn contender(&self, name: String, graph: Graph, epochs: usize, seeds: u64) -> Result<Contender> {
        let (mut accuracies, mut seconds) = (Vec::new(), 0.0);
        for seed in 1..=seeds {
            let (accuracy, taken) = self.train(&graph, epochs, seed)?;
            accuracies.push(accuracy);
            seconds += taken / seeds as f64;
        }
        Ok(Contender { name, graph, epochs, seconds, accuracies, latencies_ms: Vec::new() })
    }

    /// Accuracy on the test images, and the seconds of the training.
    fn train(&self, graph: &Graph, epochs: usize, seed: u64) -> Result<(f64, f64)> {
        let recipe = Recipe { epochs, patience: None, ..self.recipe.clone() };
        let begun = Instant::now();
        let outcome = train(graph, self.trained_on, &recipe, seed, &mut |_| ControlFlow::Continue(()))?;
        let seconds = begun.elapsed().as_secs_f64();
        let found = evaluate(graph, &outcome.weights, &self.data.test, &self.data.normalization)?;
        Ok((found.accuracy, seconds))
    }

    /// Epochs that take as long as this, at least one; by the time of one.
    fn epochs_in(&self, graph: &Graph, seconds: f64) -> Result<usize> {
        let (_, of_one) = self.train(graph, 1, 0)?;
        Ok((seconds / of_one).round().max(1.0) as usize)
    }

    /// The width whose latency is nearest to the winner's: by halving, since a wider network takes longer, then by measuring its neighbors too.
    fn as_slow_as(&mut self, rival: &Rival, winner: &Graph) -> Result<(Graph, usize)> {
        let dims = self.data.shape().dims();
        let classes = self.data.classes.len();
        let build = |width: usize| (rival.build)(&dims, classes, width).map_err(internal);
        let (mut low, mut high) = (NARROWEST, WIDEST);
        while low < high {
            let width = usize::midpoint(low, high);
            if self.ratio(&build(width)?, winner)? < 1.0 { low = width + 1 } else { high = width }
        }
        let mut best: Option<(f64, usize)> = None;
        for width in low.saturating_sub(NEAR).max(NARROWEST)..=(low + NEAR).min(WIDEST) {
            let distance = self.ratio(&build(width)?, winner)?.ln().abs();
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, width));
            }
        }
        let (_, width) = best.ok_or_else(|| internal("there is no width"))?;
        Ok((build(width)?, width))
    }

    /// The latency of a network over another's, both measured in turns: the machine may have become slower.
    fn ratio(&mut self, graph: &Graph, other: &Graph) -> Result<f64> {
        let mut ratios = Vec::with_capacity(TURNS);
        for _ in 0..TURNS {
            ratios.push(self.latency_ms(graph)? / self.latency_ms(other)?);
        }
        Ok(middle(&mut ratios))
    }

    fn measure_in_turns(&mut self, contenders: &mut [Contender]) -> Result<()> {
        for _ in 0..ROUNDS {
            for contender in contenders.iter_mut() {
                contender.latencies_ms.push(self.latency_ms(&contender.graph)?);
            }
        }
        Ok(())
    }

    /// The median latency, whatever the weights are.
    fn latency_ms(&mut self, graph: &Graph) -> Result<f64> {
        let model = export(graph, &initial_weights(graph, 1), &ExportOptions::default()).map_err(internal)?;
        let mut request = MeasureRequest::search(self.config.runtime);
        (request.per_operator, request.memory_processes) = (None, 0);
        request.run_on.settings.threads = self.config.threads;
        Ok(self.device.measure(&model, &request)?.median_ns() / NS_PER_MS)
    }
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn internal(problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, problem)
}
