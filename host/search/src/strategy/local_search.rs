//! Strategy `local-search`: climbs by first improvement and begins anew at random (White et al. 2021).
//!
//! The neighbors of the current network are trained in random order; the first that is better becomes the current one.
//! Where all were tried, one that was known before may still be better; otherwise the climb is over. Nothing is trained
//! twice. For several objectives each proposal draws weights and takes a neighbor of the network that is best by them
//! among those that still have untried ones, after a few random ones.

use rand_chacha::ChaCha8Rng;

use super::archive::{Archive, Member};
use super::repair::Repair;
use super::scalarization::Scalarization;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::draw;
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "local-search";

/// Random networks to begin with when there are several objectives.
const INITIAL: usize = 8;

/// For several objectives, how many of the best networks may be climbed from.
const STARTS: usize = 16;

struct LocalSearch {
    archive: Archive,
    /// Where the climb is, with one objective; `None` before its first network is told.
    current: Option<Genotype>,
    initial: usize,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["initial"])?;
    let initial = settings.initial_or(INITIAL)?;
    Ok(Box::new(LocalSearch { archive: Archive::default(), current: None, initial, repair: Repair::default() }))
}

impl Strategy for LocalSearch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { initial: Some(self.initial), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        let Some(told) = self.archive.tell(observation).cloned() else { return self.settle(space) };
        let current = self.current.as_ref().and_then(|genotype| self.archive.get(genotype));
        if current.is_none_or(|current| is_better(&told, current)) {
            self.current = Some(told.genotype);
        }
        self.settle(space);
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if let Some(genotype) = self.repair.ask(view.space, rng) {
            return genotype;
        }
        let objectives = self.archive.losses().next().map_or(1, <[f64]>::len);
        let neighbor = match objectives {
            1 => self.current.as_ref().and_then(|current| self.untried(view, current, rng)),
            _ => self.untried_of_best(view, rng),
        };
        neighbor.unwrap_or_else(|| view.space.sample(rng))
    }
}

impl LocalSearch {
    /// Where all neighbors were tried, goes on to the best that is better, or ends the climb. Ends, since each step is
    /// an improvement.
    fn settle(&mut self, space: &dyn Space) {
        while let Some(current) = self.current.as_ref().and_then(|genotype| self.archive.get(genotype)) {
            let neighbors = space.neighbors(&current.genotype);
            if neighbors.iter().any(|neighbor| !self.archive.has(neighbor)) {
                return;
            }
            let known = neighbors.iter().filter_map(|neighbor| self.archive.get(neighbor));
            let best = known.reduce(|best, other| if is_better(other, best) { other } else { best });
            self.current = best.filter(|best| is_better(best, current)).map(|best| best.genotype.clone());
        }
    }

    fn untried(&self, view: &View<'_>, of: &Genotype, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        let is_pending = |genotype: &Genotype| view.pending.iter().any(|pending| pending.genotype == *genotype);
        let mut neighbors = view.space.neighbors(of);
        neighbors.retain(|neighbor| !self.archive.has(neighbor) && !is_pending(neighbor));
        draw::one_of(rng, &neighbors).cloned()
    }

    fn untried_of_best(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        if self.archive.members().len() + view.pending.len() < self.initial {
            return None;
        }
        let scalarization = Scalarization::drawn(self.archive.losses(), rng)?;
        let best = self.archive.best(STARTS, &scalarization);
        best.into_iter().find_map(|member| self.untried(view, &member.genotype, rng))
    }
}

/// With one objective: less violation first, then less loss.
fn is_better(one: &Member, other: &Member) -> bool {
    one.violation.total_cmp(&other.violation).then(one.losses[0].total_cmp(&other.losses[0])).is_lt()
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use crate::draw;
    use crate::genotype::Genotype;
    use crate::space::{self, Space, SpaceSettings, Task};
    use crate::strategy::{StrategySettings, View, build};
    use crate::trial::Observation;

    fn space() -> Box<dyn Space> {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        space::build(&SpaceSettings::preset("chain"), &task).unwrap()
    }

    fn told(genotype: &Genotype, loss: f64) -> Observation {
        Observation::of(genotype.clone(), vec![Some(loss)], 0.0)
    }

    /// The best network is known; none of its neighbors is better.
    #[test]
    fn every_neighbor_of_the_current_network_is_tried_once_and_then_it_begins_anew() {
        let space = space();
        let mut strategy = build(&StrategySettings::named("local-search")).unwrap();
        let view = View { space: space.as_ref(), pending: &[], left: 1, epochs: 1, redraws: 0 };
        let current = space.smallest();
        strategy.tell(space.as_ref(), &told(&current, 0.0));
        let mut left = space.neighbors(&current);
        let mut draws = (0..).map(|number| draw::stream(1, number));
        while !left.is_empty() {
            let asked = strategy.ask(&view, &mut draws.next().unwrap());
            let place = left.iter().position(|neighbor| *neighbor == asked);
            left.swap_remove(place.expect("a neighbor that was not tried"));
            strategy.tell(space.as_ref(), &told(&asked, 1.0));
        }
        let anew: Vec<Genotype> = draws.take(20).map(|mut rng| strategy.ask(&view, &mut rng)).collect();
        assert!(anew.iter().any(|genotype| genotype.distance(&current) > 1));
    }

    #[test]
    fn the_first_better_neighbor_is_climbed_to() {
        let space = space();
        let mut strategy = build(&StrategySettings::named("local-search")).unwrap();
        let view = View { space: space.as_ref(), pending: &[], left: 1, epochs: 1, redraws: 0 };
        let mut current = space.smallest();
        strategy.tell(space.as_ref(), &told(&current, 9.0));
        for step in 0..8 {
            let asked = strategy.ask(&view, &mut draw::stream(2, step));
            assert_eq!(asked.distance(&current), 1);
            strategy.tell(space.as_ref(), &told(&asked, 8.0 - step as f64));
            current = asked;
        }
    }
}
