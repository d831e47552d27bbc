//! Before a search that a supernet guides: the supernet learns by gradients how probable each operation is. It is kept in the run
//! folder after each epoch; what it came to, in the study.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use edgefit_search::space::Relaxation;
use edgefit_search::strategy::{self, Strategy};
use edgefit_search::{Metric, Space, StrategySettings, draw};
use edgefit_train::differentiable::{Cost, Gate, Lesson, Method, Pull, Relaxed, Supernet};

use super::Run;
use super::recipe;
use super::seed::derived;
use super::training::untrained;
use crate::config::SearchConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Phase as Part};
use crate::report::{Learned, LearnedMix};
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
        let cost = self.cost(relaxation, settings.latency_weight.unwrap_or(0.0), seed)?;
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
        let lesson =
            Lesson { data: &self.dataset, recipe: &recipe, method: method(settings), cost: cost.as_ref(), seed };
        let end = loop {
            if let Some(end) =
                strategy::ended(relaxation, &supernet.course(), is_too_slow(&supernet, cost.as_ref()), epochs)
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
                latency_ms: cost.as_ref().map(|cost| cost.expected(&probabilities)),
            });
        };
        let learned = learned(relaxation, &supernet.course()[..end.epochs], cost.as_ref(), end.why);
        let document = serde_json::to_string(&learned).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        self.study.save_document(PHASE, &document)?;
        self.study.finish_phase(&Phase { name: PHASE.to_owned(), seconds: begun.elapsed().as_secs_f64() })?;
        self.progress.emit(Event::Derived { text: format!("{}; {}", learned.end, learned.said()) });
        Ok(learned)
    }

    /// What the operations cost the first device by its table, where latency is a goal: how much the predicted latency of random networks
    /// changes, in the mean, when they take an operation.
    fn cost(&self, relaxation: &Relaxation, weight: f64, seed: u64) -> Result<Option<Cost>> {
        let Some(wanted) = wanted(self.config) else { return Ok(None) };
        let operations: usize = relaxation.mixes.iter().map(|mix| mix.options.len()).sum();
        let contexts = (PREDICTED / operations.max(1)).clamp(CONTEXTS.0, CONTEXTS.1);
        let mut sums: Vec<Vec<Option<f64>>> =
            relaxation.mixes.iter().map(|mix| vec![None; mix.options.len()]).collect();
        for context in 0..contexts {
            let rng = &mut draw::stream(seed, context as u64);
            let network = relaxation.sample(rng);
            for (mix, sums) in sums.iter_mut().enumerate() {
                for (option, sum) in sums.iter_mut().enumerate() {
                    let Some(with) = relaxation.with(&network, mix, option, rng) else { continue };
                    let predicted =
                        self.stations[0].table.predict(&self.space.decode(&with)?)?.latency_ns.value / NS_PER_MS;
                    *sum = Some(sum.unwrap_or(0.0) + predicted / contexts as f64);
                }
            }
        }
        let (mean, effects) = effects(&sums);
        let pull = match wanted {
            Wanted::Less(bound) => Pull::Less(bound.unwrap_or(mean)),
            Wanted::AtMost(bound) => Pull::AtMost(bound),
            Wanted::Near(target) => Pull::Near(target),
        };
        Ok(Some(Cost { mean, effects, pull, weight }))
    }
}

/// What a run wants of the latency on its first device, in milliseconds.
enum Wanted {
    Less(Option<f64>),
    AtMost(f64),
    Near(f64),
}

fn wanted(config: &SearchConfig) -> Option<Wanted> {
    let goals = config.goals();
    let on_first = |metric: Metric, device: u8| metric == Metric::LatencyMs && device == 0;
    let bound = goals.constraints().iter().find(|c| on_first(c.metric, c.device)).and_then(|c| c.max);
    let target = goals.targets().iter().find(|target| on_first(target.metric, target.device));
    let is_objective = goals.objectives().iter().any(|objective| on_first(objective.metric, objective.device));
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

/// Whether the latency is to fall further, so that operations win which cost little.
fn is_too_slow(supernet: &Supernet, cost: Option<&Cost>) -> bool {
    cost.is_some_and(|cost| match cost.pull {
        Pull::Less(_) => cost.weight > 0.0,
        Pull::AtMost(most) | Pull::Near(most) => cost.expected(&supernet.probabilities()) > most,
    })
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

fn learned(relaxation: &Relaxation, course: &[Vec<Vec<f64>>], cost: Option<&Cost>, end: String) -> Learned {
    let mix = |(at, mix): (usize, &edgefit_search::space::Mix)| LearnedMix {
        name: mix.name.clone(),
        options: mix.options.clone(),
        course: course.iter().map(|epoch| epoch[at].clone()).collect(),
    };
    let latency_ms = cost.map(|cost| course.iter().map(|epoch| cost.expected(epoch)).collect());
    Learned { mixes: relaxation.mixes.iter().enumerate().map(mix).collect(), latency_ms, end }
}

#[cfg(test)]
mod tests {
    use super::effects;

    #[test]
    fn effects_are_differences_from_the_mean() {
        let (mean, effects) = effects(&[vec![None, Some(1.0), Some(4.0)], vec![Some(2.0), Some(4.0)]]);
        assert_eq!((mean, effects), (2.5, vec![vec![-1.0, -1.0, 2.0], vec![-1.0, 1.0]]));
    }
}
