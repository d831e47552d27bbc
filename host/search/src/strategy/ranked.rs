//! Strategies `darts` (Liu et al. 2019) and `gdas` (Dong and Yang 2019): a supernet learns by gradients how probable each operation
//! is, and networks are proposed in the order of their probability.
//!
//! Whoever can train trains the supernet before the search, and [`follow`](super::follow)s what it came to. What is told of
//! trainings does not change the order. Where nobody trained one, or the order is at its end, the rest is drawn at random.

use std::collections::BTreeSet;

use edgefit_graph::Digest;
use rand_chacha::ChaCha8Rng;

use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::space::{Relaxation, Space, SpaceError};
use crate::trial::Observation;

pub(super) const DARTS: &str = "darts";
pub(super) const GDAS: &str = "gdas";

/// Networks of the order; behind them the differences in probability mean nothing.
const MOST: usize = 1_000;

/// Genotypes that are looked at for those, of which many may be the same network.
const MOST_LOOKED_AT: usize = 20 * MOST;

/// Passes over the training samples unless stated.
const EPOCHS: u64 = 25;

/// What the latency counts beside the loss unless stated.
const LATENCY_WEIGHT: f64 = 0.1;

struct Ranked {
    name: &'static str,
    settings: StrategySettings,
    order: Vec<Genotype>,
    told: BTreeSet<Genotype>,
}

pub(super) fn make_darts(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["supernet_epochs", "order", "latency_weight"])?;
    let own = StrategySettings { order: Some(settings.order_or(1)?), ..common(DARTS, settings)? };
    Ok(Box::new(Ranked::new(DARTS, own, Vec::new())))
}

pub(super) fn make_gdas(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["supernet_epochs", "latency_weight"])?;
    Ok(Box::new(Ranked::new(GDAS, common(GDAS, settings)?, Vec::new())))
}

fn common(name: &str, settings: &StrategySettings) -> Result<StrategySettings, StrategyError> {
    Ok(StrategySettings {
        supernet_epochs: Some(settings.supernet_epochs_or(EPOCHS)?),
        latency_weight: Some(settings.latency_weight_or(LATENCY_WEIGHT)?),
        ..StrategySettings::named(name)
    })
}

/// The strategy of these settings, in the order of these probabilities.
pub(super) fn follow(
    settings: &StrategySettings,
    space: &dyn Space,
    relaxation: &Relaxation,
    probabilities: &[Vec<f64>],
) -> Result<Box<dyn Strategy>, SpaceError> {
    let (mut networks, mut order) = (BTreeSet::new(), Vec::new());
    for genotype in relaxation.ranking(probabilities).take(MOST_LOOKED_AT) {
        if order.len() == MOST {
            break;
        }
        let network = space.decode(&genotype)?;
        // A network that does not look at its input may be the cheapest, but nobody wants it.
        if !network.is_constant() && networks.insert(Digest::of(&network)) {
            order.push(genotype);
        }
    }
    let name = if settings.name == GDAS { GDAS } else { DARTS };
    Ok(Box::new(Ranked::new(name, settings.clone(), order)))
}

impl Ranked {
    fn new(name: &'static str, settings: StrategySettings, order: Vec<Genotype>) -> Self {
        Self { name, settings, order, told: BTreeSet::new() }
    }
}

impl Strategy for Ranked {
    fn name(&self) -> &'static str {
        self.name
    }

    fn settings(&self) -> StrategySettings {
        self.settings.clone()
    }

    fn tell(&mut self, _space: &dyn Space, observation: &Observation) {
        self.told.insert(observation.genotype.clone());
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        let is_pending = |genotype: &Genotype| view.pending.iter().any(|pending| pending.genotype == *genotype);
        let mut free = self.order.iter().filter(|genotype| !self.told.contains(genotype) && !is_pending(genotype));
        free.nth(view.redraws as usize).cloned().unwrap_or_else(|| view.space.sample(rng))
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::super::{StrategySettings, View, follow};
    use crate::draw;
    use crate::space::{self, PerStage, SpaceSettings, Task};
    use crate::trial::Observation;

    #[test]
    fn networks_come_once_each_and_the_most_probable_first() {
        let settings = SpaceSettings {
            widths: Some(PerStage::All(vec![8])),
            depths: Some(vec![1]),
            ..SpaceSettings::preset("nb201")
        };
        let space = space::build(&settings, &Task { input: Shape::new([1, 8, 8]), classes: 10 }).unwrap();
        let relaxation = space.relaxation().unwrap().unwrap();
        // Without any edge a cell gives zeros; it is left out.
        let empty = vec![vec![0.9, 0.02, 0.02, 0.03, 0.03]; 6];
        let strategy = follow(&StrategySettings::named("darts"), space.as_ref(), &relaxation, &empty).unwrap();
        let view = View { space: space.as_ref(), pending: &[], left: 9, epochs: 9, redraws: 0 };
        let first = strategy.ask(&view, &mut draw::stream(1, 0));
        assert!(!space.decode(&first).unwrap().is_constant());
        // A 3x3 convolution on each edge, an average pooling as the second best of the last.
        let mut probabilities = vec![vec![0.05, 0.05, 0.05, 0.05, 0.8]; 6];
        probabilities[5] = vec![0.05, 0.05, 0.3, 0.05, 0.55];
        let settings = StrategySettings::named("gdas");
        let mut strategy = follow(&settings, space.as_ref(), &relaxation, &probabilities).unwrap();
        let mut asked = Vec::new();
        for _ in 0..40 {
            let view = View { space: space.as_ref(), pending: &[], left: 9, epochs: 9, redraws: 0 };
            let genotype = strategy.ask(&view, &mut draw::stream(1, 0));
            strategy.tell(space.as_ref(), &Observation::of(genotype.clone(), vec![None], 0.0));
            asked.push(genotype);
        }
        assert_eq!(asked[0].genes()[..6], [4, 4, 4, 4, 4, 4]);
        assert_eq!(asked[1].genes()[..6], [4, 4, 4, 4, 4, 2]);
        let digest = |genotype| edgefit_graph::Digest::of(&space.decode(genotype).unwrap());
        assert!(asked.iter().all(|genotype| !space.decode(genotype).unwrap().is_constant()));
        let different: std::collections::BTreeSet<_> = asked.iter().map(digest).collect();
        assert_eq!(different.len(), asked.len());
    }
}
