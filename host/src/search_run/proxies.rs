//! What stands in front of a search's strategy: several proposals for each training, of which zero-cost proxies, or a surrogate fitted
//! to the candidates so far, pick the most promising.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgefit_search::strategy::{BySurrogate, Preselection, Scorer};
use edgefit_search::{Genotype, Observation, Space, Strategy, rank, strategy};
use edgefit_train::Dataset;
use edgefit_train::proxy::{self, Probe, score};

use super::Run;
use super::seed::derived;
use crate::config::{Proxy, SearchConfig};
use crate::error::{Error, ErrorKind, Result};

/// Training images that proxies look at.
const PROBE_IMAGES: usize = 32;

/// Proxies that follow from the graph, which a surrogate learns from in any case.
const OF_GRAPH: [&str; 2] = ["params", "macs"];

/// Scores of networks by several proxies, each found out once.
pub(super) struct Scores {
    probe: Probe,
    names: Vec<&'static str>,
    known: Mutex<BTreeMap<Genotype, Vec<Option<f64>>>>,
}

impl Scores {
    /// By the proxies that the configuration names, and those that follow from the graph.
    pub(super) fn new(config: &SearchConfig, dataset: &Dataset) -> Self {
        let named = config.estimate.proxy.map(Proxy::names).unwrap_or_default();
        let others = named.into_iter().filter(|name| !OF_GRAPH.contains(name));
        let names = OF_GRAPH.into_iter().chain(others).collect();
        let probe = Probe::new(dataset, PROBE_IMAGES, derived(config.seed, "proxy", 0));
        Self { probe, names, known: Mutex::default() }
    }

    /// Of each proxy, in their order. A network that a proxy cannot run has no score: training it will say why.
    pub(super) fn of(&self, space: &dyn Space, genotype: &Genotype) -> Vec<Option<f64>> {
        if let Some(found) = self.known().get(genotype) {
            return found.clone();
        }
        let graph = space.decode(genotype).ok();
        let of_proxy = |name: &&str| score(proxy::proxy(name)?, graph.as_ref()?, &self.probe).ok().flatten();
        let found: Vec<Option<f64>> = self.names.iter().map(of_proxy).collect();
        self.known().insert(genotype.clone(), found.clone());
        found
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Genotype, Vec<Option<f64>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Networks by the mean of their ranks under these of the proxies.
struct ByProxies {
    scores: Arc<Scores>,
    names: Vec<&'static str>,
}

impl Scorer for ByProxies {
    fn scores(&self, space: &dyn Space, pool: &[Observation]) -> Vec<Option<f64>> {
        let of_each: Vec<Vec<Option<f64>>> = pool.iter().map(|one| self.scores.of(space, &one.genotype)).collect();
        let places = self.scores.names.iter().enumerate().filter(|(_, name)| self.names.contains(name));
        let all: Vec<Vec<Option<f64>>> =
            places.map(|(at, _)| of_each.iter().map(|scores| scores[at]).collect()).collect();
        match all.as_slice() {
            [only] => only.clone(),
            several => rank::mean_ranks(several).into_iter().map(Some).collect(),
        }
    }
}

/// Refuses a surrogate where what it would learn from is not comparable.
pub(super) fn check(config: &SearchConfig) -> Result<()> {
    if !config.estimate.surrogate || !strategy::build(&config.strategy)?.pauses() {
        return Ok(());
    }
    let name = &config.strategy.name;
    Err(Error::new(
        ErrorKind::Usage,
        format!(
            "estimate.surrogate: strategy `{name}` trains candidates for different lengths, which a surrogate cannot compare; remove it, or choose another strategy"
        ),
    ))
}

impl Run<'_> {
    /// The strategy with the preselection that the configuration asks for, if it does.
    pub(super) fn preselecting(&self, strategy: Box<dyn Strategy>) -> Box<dyn Strategy> {
        let estimate = &self.config.estimate;
        let Some(proposals) = estimate.proposals else { return strategy };
        let proxies = estimate.proxy.map(|proxy| -> Box<dyn Scorer> {
            Box::new(ByProxies { scores: Arc::clone(&self.scores), names: proxy.names() })
        });
        let scorer = match (estimate.surrogate, proxies) {
            (true, proxies) => {
                let scores = Arc::clone(&self.scores);
                Box::new(BySurrogate::new(Box::new(move |space, genotype| scores.of(space, genotype)), proxies))
            }
            (false, Some(proxies)) => proxies,
            (false, None) => return strategy,
        };
        Box::new(Preselection::new(strategy, scorer, proposals))
    }
}
