//! Strategy `random`: samples the space uniformly and learns nothing. The baseline that every other has to beat.

use rand_chacha::ChaCha8Rng;

use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "random";

struct Random;

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&[])?;
    Ok(Box::new(Random))
}

impl Strategy for Random {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings::named(NAME)
    }

    fn tell(&mut self, _space: &dyn Space, _observation: &Observation) {}

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        view.space.sample(rng)
    }
}
