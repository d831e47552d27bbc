//! Strategy `grid`: every network of a small space, once, in an order that spreads any beginning of it over the space.
//!
//! The order steps through the numbered networks by a fraction of their number near the golden ratio, which visits each of
//! them. It does not depend on the seed.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;

use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "grid";

/// Networks that are numbered at most; of larger spaces it is a part.
const MOST: f64 = 9e15;

/// The golden ratio's fraction.
const STEP: f64 = 0.618_033_988_749_894_9;

#[derive(Default)]
struct Grid {
    told: BTreeSet<Genotype>,
    /// Places in the order before this one were all told.
    next: u64,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&[])?;
    Ok(Box::new(Grid::default()))
}

impl Strategy for Grid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings::named(NAME)
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        self.told.insert(observation.genotype.clone());
        let size = size(space);
        while self.next < size && self.told.contains(&at(space, self.next, size)) {
            self.next += 1;
        }
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        let size = size(view.space);
        let is_pending = |genotype: &Genotype| view.pending.iter().any(|pending| pending.genotype == *genotype);
        let order = (self.next..size).map(|place| at(view.space, place, size));
        let mut free = order.filter(|genotype| !self.told.contains(genotype) && !is_pending(genotype));
        free.nth(view.redraws as usize).unwrap_or_else(|| view.space.sample(rng))
    }
}

fn size(space: &dyn Space) -> u64 {
    space.choices().size().min(MOST) as u64
}

/// The network at a place of the order.
fn at(space: &dyn Space, place: u64, size: u64) -> Genotype {
    let first = (size as f64 * STEP) as u64;
    let step = (first.max(1)..).find(|step| common_divisor(*step, size) == 1).unwrap_or(1);
    let mut number = (u128::from(place) * u128::from(step) % u128::from(size)) as u64;
    let digit = |count: usize| {
        let digit = number % count as u64;
        number /= count as u64;
        digit as u8
    };
    Genotype::new(space.choices().list().iter().map(|choice| choice.count()).map(digit).collect::<Vec<u8>>())
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use edgefit_graph::Shape;

    use super::{at, size};
    use crate::space::{self, PerStage, SpaceSettings, Task};

    #[test]
    fn every_network_has_one_place() {
        let settings = SpaceSettings {
            stages: Some(1),
            widths: Some(PerStage::All(vec![8, 16, 24])),
            ..SpaceSettings::preset("chain")
        };
        let space = space::build(&settings, &Task { input: Shape::new([1, 8, 8]), classes: 2 }).unwrap();
        let size = size(space.as_ref());
        let all: BTreeSet<_> = (0..size).map(|place| at(space.as_ref(), place, size)).collect();
        assert_eq!(all.len() as u64, size);
        assert!(all.iter().all(|genotype| space.check(genotype).is_ok()));
    }
}
