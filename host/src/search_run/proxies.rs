//! Zero-cost proxies in front of a search's strategy: several proposals for each training, of which the most promising is trained.

use edgefit_search::strategy::{Preselection, Scorer};
use edgefit_search::{Genotype, Space, Strategy, rank};
use edgefit_train::proxy::{self, Probe, score};

use super::Run;
use super::seed::derived;

/// Training images that proxies look at.
const PROBE_IMAGES: usize = 32;

/// Networks by one or several proxies.
struct ByProxies {
    probe: Probe,
    names: Vec<&'static str>,
}

impl Scorer for ByProxies {
    fn scores(&self, space: &dyn Space, genotypes: &[&Genotype]) -> Vec<Option<f64>> {
        let all: Vec<Vec<Option<f64>>> = self.names.iter().map(|name| self.of_proxy(name, space, genotypes)).collect();
        match all.as_slice() {
            [only] => only.clone(),
            several => rank::mean_ranks(several).into_iter().map(Some).collect(),
        }
    }
}

impl ByProxies {
    /// A network that a proxy cannot run has no score: training it will say why.
    fn of_proxy(&self, name: &str, space: &dyn Space, genotypes: &[&Genotype]) -> Vec<Option<f64>> {
        let proxy = proxy::proxy(name);
        let of_one = |genotype: &&Genotype| {
            let graph = space.decode(genotype).ok()?;
            score(proxy?, &graph, &self.probe).ok().flatten()
        };
        genotypes.iter().map(of_one).collect()
    }
}

impl Run<'_> {
    /// The strategy with the preselection that the configuration asks for, if it does.
    pub(super) fn preselecting(&self, strategy: Box<dyn Strategy>) -> Box<dyn Strategy> {
        let estimate = &self.config.estimate;
        let Some((proxy, proposals)) = estimate.proxy.zip(estimate.proposals) else { return strategy };
        let probe = Probe::new(&self.dataset, PROBE_IMAGES, derived(self.config.seed, "proxy", 0));
        let scorer = ByProxies { probe, names: proxy.names() };
        Box::new(Preselection::new(strategy, Box::new(scorer), proposals))
    }
}
