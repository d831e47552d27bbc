//! Any strategy with more proposals than it asked for, of which it gets to choose from the most promising ones.
//!
//! What is promising, a [`Scorer`] says, which costs far less than a training. A score is a function of the space, the proposal and
//! what was told before, so a search still follows from its seed and its results.

use rand_chacha::ChaCha8Rng;

use super::{Strategy, StrategySettings, View, Wish};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

/// A guess at which of several networks is most worth a training.
pub trait Scorer: Send {
    /// Takes what became of a proposal, as [`Strategy::tell`].
    fn tell(&mut self, _space: &dyn Space, _observation: &Observation) {}

    /// A score for each network of the pool; the higher, the more promising. `None` for one that has none, and ranks last.
    fn scores(&self, space: &dyn Space, pool: &[Observation]) -> Vec<Option<f64>>;
}

/// A strategy with a preselection of its proposals.
pub struct Preselection {
    inner: Box<dyn Strategy>,
    scorer: Box<dyn Scorer>,
    proposals: usize,
}

impl Preselection {
    /// The strategy with `proposals` proposals for each one that it wants to choose from.
    pub fn new(inner: Box<dyn Strategy>, scorer: Box<dyn Scorer>, proposals: usize) -> Self {
        Self { inner, scorer, proposals: proposals.max(1) }
    }

    /// Positions of the most promising ones, as many as the strategy wants, in the order of the pool.
    fn most_promising(&self, view: &View<'_>, pool: &[Observation]) -> Vec<usize> {
        let scores = self.scorer.scores(view.space, pool);
        let mut order: Vec<usize> = (0..pool.len()).collect();
        let value = |at: usize| scores[at].unwrap_or(f64::NEG_INFINITY);
        order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        order.truncate(self.inner.pool(view).max(1));
        order.sort_unstable();
        order
    }
}

impl Strategy for Preselection {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn settings(&self) -> StrategySettings {
        self.inner.settings()
    }

    fn pauses(&self) -> bool {
        self.inner.pauses()
    }

    fn wish(&self, view: &View<'_>) -> Wish {
        self.inner.wish(view)
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        self.scorer.tell(space, observation);
        self.inner.tell(space, observation);
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        self.inner.ask(view, rng)
    }

    fn pool(&self, view: &View<'_>) -> usize {
        self.inner.pool(view).saturating_mul(self.proposals)
    }

    fn choose(&self, view: &View<'_>, pool: &[Observation], rng: &mut ChaCha8Rng) -> usize {
        let kept = self.most_promising(view, pool);
        let observations: Vec<Observation> = kept.iter().map(|&at| pool[at].clone()).collect();
        kept[self.inner.choose(view, &observations, rng)]
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{Preselection, Scorer};
    use crate::draw;
    use crate::space::{self, Space, SpaceSettings, Task};
    use crate::strategy::{Strategy, StrategySettings, View, build};
    use crate::trial::Observation;

    /// Scores most for the highest first gene, and nothing for the lowest.
    struct FirstGene;

    impl Scorer for FirstGene {
        fn scores(&self, _: &dyn Space, pool: &[Observation]) -> Vec<Option<f64>> {
            pool.iter().map(|o| Some(f64::from(o.genotype.genes()[0])).filter(|gene| *gene > 0.0)).collect()
        }
    }

    #[test]
    fn the_most_promising_proposal_is_trained() {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        let space = space::build(&SpaceSettings::preset("nb201"), &task).unwrap();
        let view = View { space: space.as_ref(), pending: &[], left: 6, epochs: 1, redraws: 0 };
        let random = build(&StrategySettings::named("random")).unwrap();
        let preselection = Preselection::new(random, Box::new(FirstGene), 6);
        assert_eq!((preselection.name(), preselection.pool(&view)), ("random", 6));
        let pool: Vec<Observation> = (0..6)
            .map(|draw| Observation::of(preselection.ask(&view, &mut draw::stream(1, draw)), vec![None], 0.0))
            .collect();
        let best = pool.iter().map(|o| o.genotype.genes()[0]).max();
        let chosen = preselection.choose(&view, &pool, &mut draw::stream(1, 9));
        assert_eq!(Some(pool[chosen].genotype.genes()[0]), best);
    }
}
