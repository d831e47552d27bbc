//! Before a search that a supernet guides: the supernet learns by gradients how probable each operation is. It is kept in the run
//! folder after each epoch; what it came to, in the study.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use edgefit_latency::Table;
use edgefit_search::space::Relaxation;
use edgefit_search::strategy::{self, Strategy};
use edgefit_search::{Genotype, Metric, Space, StrategySettings, draw};
use edgefit_train::differentiable::{Cost, Gate, Lesson, Method, Pull, Relaxed, Supernet};

use super::Run;
use super::recipe;
use super::seed::derived;
use super::station::Station;
use super::training::untrained;
use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Latency, Phase as Part};
use crate::report::{Learned, LearnedLatency, LearnedMix};
use crate::run_folder::RunFile;
use crate::study::Phase;

/// The name of this phase in the study, of its document there, and of its seeds.
const PHASE: &str = "relaxed";

const NS_PER_MS: f64 = 1e6;

/// Networks that are predicted for the costs of all operations, and the least and most for each.
const PREDICTED: usize = 2_000;
const CONTEXTS: (usize, usize) = (4, 32);

/// The strategy's settings, where a supernet guides it.
pub(super) fn settings(config: &SearchConfig) -> Result<Option<StrategySettings>> {
    let is_guided = strategy::names_by_gradient().any(|name| name == config.strategy.name);
    Ok(if is_guided { Some(strategy::build(&config.strategy)?.settings()) } else { None })
}

/// Refuses a space that cannot be relaxed where the strategy needs that.
pub(super) fn check(config: &SearchConfig, space: &dyn Space) -> Result<()> {
    if settings(config)?.is_none() || space.relaxation()?.is_some() {
        return Ok(());
    }
    let (name, space) = (&config.strategy.name, space.name());
    let message = format!(
        "strategy.name: `{name}` needs a space that can be relaxed: nb201, darts or mbconv, without [tune]; `{space}` as it is stated cannot: choose one of them, or another strategy"
    );
    Err(Error::new(ErrorKind::Usage, message))
}

impl Run<'_> {
    /// The strategy, after its supernet was trained if it has one.
    pub(super) fn strategy(&mut self) -> Result<Box<dyn Strategy>> {
        let (settings, relaxation) = (settings(self.config)?, self.space.relaxation()?);
        let Some((settings, relaxation)) = settings.zip(relaxation) else {
            return Ok(strategy::build(&self.config.strategy)?);
        };
        let learned = match self.learned_operations()? {
            Some(learned) => learned,
            None => self.learn_operations(&settings, &relaxation)?,
        };
        let probabilities: Vec<Vec<f64>> = learned.mixes.iter().map(LearnedMix::last).collect();
        Ok(strategy::follow(&settings, self.space.as_ref(), &relaxation, &probabilities)?)
    }

    /// What a supernet learned in this run.
    pub(super) fn learned_operations(&mut self) -> Result<Option<Learned>> {
        let document = self.study.document(PHASE)?;
        let read = |document: String| serde_json::from_str(&document).map_err(|e| Error::new(ErrorKind::Storage, e));
        document.map(read).transpose()
    }

    fn learn_operations(&mut self, settings: &StrategySettings, relaxation: &Relaxation) -> Result<Learned> {
        let (begun, seed) = (Instant::now(), derived(self.config.seed, PHASE, 0));
        let epochs = settings.supernet_epochs.unwrap_or(1) as usize;
        let prices = self.prices(relaxation, settings.latency_weight.unwrap_or(0.0), seed)?;
        let costs: Vec<Cost> = prices.iter().map(|price| price.cost.clone()).collect();
        let recipe = recipe::relaxed(self.config, epochs);
        let options: Vec<usize> = relaxation.mixes.iter().map(|mix| mix.options.len()).collect();
        let gate = |gate: &edgefit_search::space::Gate| Gate { node: gate.node, mix: gate.mix, option: gate.option };
        let gates: Vec<Gate> = relaxation.gates.iter().map(gate).collect();
        let relaxed = Relaxed { graph: &relaxation.graph, gates: &gates, options: &options };
        let mut supernet = Supernet::new(&relaxed, &recipe, seed).map_err(|error| untrained("the supernet", error))?;
        if let Ok(bytes) = std::fs::read(self.folder.file(RunFile::Relaxed)) {
            // What is damaged is trained again, which comes to the same.
            supernet.restore(&bytes).ok();
        }
        self.progress.emit(Event::Phase { phase: Part::Relaxed, done: supernet.epochs().len() as u64 });
        let lesson = Lesson { data: &self.dataset, recipe: &recipe, method: method(settings), costs: &costs, seed };
        let end = loop {
            if let Some(end) =
                strategy::ended(relaxation, &supernet.course(), has_to_fall(&prices, &supernet.probabilities()), epochs)
            {
                break end;
            }
            let mut go_on = |_: &_| match self.interrupt.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let trained = supernet.train_epoch(&lesson, &mut go_on);
            self.check_interrupted()?;
            trained.map_err(|error| untrained("the supernet", error))?;
            self.folder.write(RunFile::Relaxed, &supernet.to_bytes())?;
            let probabilities = supernet.probabilities();
            self.progress.emit(Event::RelaxedEpoch {
                loss: supernet.epochs().last().and_then(|epoch| epoch.validation_loss).unwrap_or(f64::NAN),
                entropy: entropy(&probabilities),
                latencies: prices.iter().map(|price| price.expected(&probabilities)).collect(),
            });
        };
        let learned = learned(relaxation, &supernet.course()[..end.epochs], &prices, end.why);
        let document = serde_json::to_string(&learned).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        self.study.save_document(PHASE, &document)?;
        self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds: begun.elapsed().as_secs_f64() })?;
        self.progress.emit(Event::Derived { text: format!("{}; {}", learned.end, learned.said()) });
        Ok(learned)
    }

    /// What the operations cost each device by its table, where latency is a goal there: how much the predicted latency of random
    /// networks changes, in the mean, when they take an operation.
    fn prices(&self, relaxation: &Relaxation, weight: f64, seed: u64) -> Result<Vec<Price>> {
        let wanted = (0_u8..).zip(&self.stations).filter_map(|(number, station)| {
            let wanted = wanted(self.config, number)?;
            Some((wanted, station))
        });
        let is_alone = self.stations.len() == 1;
        let price = |(wanted, station): (Wanted, &Station)| {
            let (mean, effects) = effects(&self.means(relaxation, &station.table, seed)?);
            let (pull, most_ms) = match wanted {
                Wanted::Less(bound) => (Pull::Less(bound.unwrap_or(mean)), bound),
                Wanted::AtMost(bound) => (Pull::AtMost(bound), Some(bound)),
                Wanted::Near(target) => (Pull::Near(target), Some(target)),
            };
            let device = (!is_alone).then(|| station.label.clone());
            Ok(Price { device, cost: Cost { mean, effects, pull, weight }, most_ms })
        };
        wanted.map(price).collect()
    }

    /// The mean latency, in milliseconds, that a table predicts of random networks with each operation; `None` for what none can take.
    fn means(&self, relaxation: &Relaxation, table: &Table, seed: u64) -> Result<Vec<Vec<Option<f64>>>> {
        let operations: usize = relaxation.mixes.iter().map(|mix| mix.options.len()).sum();
        let contexts = (PREDICTED / operations.max(1)).clamp(CONTEXTS.0, CONTEXTS.1);
        let predicted = |network: &Genotype| -> Result<f64> {
            Ok(table.predict(&self.space.decode(network)?)?.latency_ns.value / NS_PER_MS)
        };
        let mut means: Vec<Vec<Option<f64>>> =
            relaxation.mixes.iter().map(|mix| vec![None; mix.options.len()]).collect();
        for context in 0..contexts {
            let rng = &mut draw::stream(seed, context as u64);
            let network = relaxation.sample(rng);
            for (mix, means) in means.iter_mut().enumerate() {
                for (option, mean) in means.iter_mut().enumerate() {
                    let Some(with) = relaxation.with(&network, mix, option, rng) else { continue };
                    *mean = Some(mean.unwrap_or(0.0) + predicted(&with)? / contexts as f64);
                }
            }
        }
        Ok(means)
    }
}

/// What the operations cost a device.
struct Price {
    /// What it is called, where there are several.
    device: Option<String>,
    /// Milliseconds of each operation.
    cost: Cost,
    /// The latency that is low enough, in milliseconds; `None` where less is always better.
    most_ms: Option<f64>,
}

impl Price {
    fn expected(&self, probabilities: &[Vec<f64>]) -> Latency {
        Latency { device: self.device.clone(), ms: self.cost.expected(probabilities), is_measured: false }
    }

    /// Whether the latency is to fall further, so that operations win which cost little.
    fn has_to_fall(&self, probabilities: &[Vec<f64>]) -> bool {
        self.cost.weight > 0.0 && self.most_ms.is_none_or(|most_ms| self.cost.expected(probabilities) > most_ms)
    }
}

fn has_to_fall(prices: &[Price], probabilities: &[Vec<f64>]) -> bool {
    prices.iter().any(|price| price.has_to_fall(probabilities))
}

/// What a run wants of the latency on a device, in milliseconds.
enum Wanted {
    Less(Option<f64>),
    AtMost(f64),
    Near(f64),
}

fn wanted(config: &SearchConfig, number: u8) -> Option<Wanted> {
    let goals = config.goals();
    let is_here = |metric: Metric, device: u8| metric == Metric::LatencyMs && device == number;
    let bound = goals.constraints().iter().find(|c| is_here(c.metric, c.device)).and_then(|c| c.max);
    let target = goals.targets().iter().find(|target| is_here(target.metric, target.device));
    let is_objective = goals.objectives().iter().any(|objective| is_here(objective.metric, objective.device));
    match (target, is_objective) {
        (Some(target), _) => Some(Wanted::Near(target.value)),
        (None, true) => Some(Wanted::Less(bound)),
        (None, false) => bound.map(Wanted::AtMost),
    }
}

/// The mean of all, and by how much each differs from that of its mixed operation; what no network takes costs as the cheapest.
fn effects(means: &[Vec<Option<f64>>]) -> (f64, Vec<Vec<f64>>) {
    let filled = |means: &Vec<Option<f64>>| {
        let least = means.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        means.iter().map(|mean| mean.unwrap_or(least)).collect::<Vec<f64>>()
    };
    let filled: Vec<Vec<f64>> = means.iter().map(filled).collect();
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let of_all = filled.iter().map(mean).sum::<f64>() / filled.len().max(1) as f64;
    (of_all, filled.iter().map(|values| values.iter().map(|value| value - mean(values)).collect()).collect())
}

fn method(settings: &StrategySettings) -> Method {
    match (settings.order, settings.name.as_str()) {
        (Some(2), _) => Method::UnrolledDarts,
        (_, "gdas") => Method::Gdas,
        _ => Method::Darts,
    }
}

/// Mean entropy of the mixed operations, as a share of that of equal probabilities.
fn entropy(probabilities: &[Vec<f64>]) -> f64 {
    let of_mix = |of_mix: &Vec<f64>| {
        let sum: f64 = of_mix.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        sum / (of_mix.len() as f64).ln().max(f64::MIN_POSITIVE)
    };
    probabilities.iter().map(of_mix).sum::<f64>() / probabilities.len().max(1) as f64
}

fn learned(relaxation: &Relaxation, course: &[Vec<Vec<f64>>], prices: &[Price], end: String) -> Learned {
    let mix = |(at, mix): (usize, &edgefit_search::space::Mix)| LearnedMix {
        name: mix.name.clone(),
        options: mix.options.clone(),
        course: course.iter().map(|epoch| epoch[at].clone()).collect(),
    };
    let latency = |price: &Price| LearnedLatency {
        device: price.device.clone(),
        course_ms: course.iter().map(|epoch| price.cost.expected(epoch)).collect(),
    };
    Learned {
        mixes: relaxation.mixes.iter().enumerate().map(mix).collect(),
        latencies: prices.iter().map(latency).collect(),
        end,
    }
}

#[cfg(test)]
mod tests {
    use edgefit_train::differentiable::{Cost, Pull};

    use super::{Price, effects, has_to_fall};

    fn price(most_ms: Option<f64>, weight: f64) -> Price {
        let cost = Cost { mean: 2.0, effects: vec![vec![-1.0, 1.0]], pull: Pull::Less(2.0), weight };
        Price { device: None, cost, most_ms }
    }

    #[test]
    fn the_latency_has_to_fall_until_every_device_has_what_it_is_bound_to() {
        let (fast, slow) = (vec![vec![1.0, 0.0]], vec![vec![0.0, 1.0]]);
        for (prices, expected) in [
            (vec![], [false, false]),
            (vec![price(Some(2.0), 0.1)], [false, true]),
            (vec![price(Some(2.0), 0.1), price(Some(0.5), 0.1)], [true, true]),
            // Without a bound less is always better, and without a weight nothing pulls.
            (vec![price(None, 0.1)], [true, true]),
            (vec![price(None, 0.0), price(Some(0.5), 0.0)], [false, false]),
        ] {
            assert_eq!([&fast, &slow].map(|probabilities| has_to_fall(&prices, probabilities)), expected);
        }
    }

    #[test]
    fn effects_are_differences_from_the_mean() {
        let (mean, effects) = effects(&[vec![None, Some(1.0), Some(4.0)], vec![Some(2.0), Some(4.0)]]);
        assert_eq!((mean, effects), (2.5, vec![vec![-1.0, -1.0, 2.0], vec![-1.0, 1.0]]));
    }
}
