//! Drawing: asks the strategy until there are enough networks to choose from, stopping those that miss a hard constraint.
//!
//! The cheapest check comes first: a genotype seen before, constraints on what is computed (without building the network
//! where the space has a table of costs), constraints on what is
//! predicted, a network seen before.

use std::collections::BTreeSet;

use edgefit_graph::{Digest, ELEMENT_BYTES, Graph};

use super::{DRAWS_PER_TRIAL, MAX_POOL, MOST_REDRAWS, Prospect, SearchEngine, SearchError};
use crate::draw;
use crate::genotype::Genotype;
use crate::metric::{Metric, Stage};
use crate::reading::{Readings, Value};
use crate::space::StaticCost;
use crate::strategy::View;
use crate::trial::{Status, Trial};

const BYTES_PER_KIB: f64 = 1024.0;

/// What drawing for one trial gave.
#[derive(Default)]
pub(super) struct Screened {
    /// Networks that keep all constraints known before training.
    pub(super) pool: Vec<Prospect>,
    /// Those that do not.
    pub(super) stopped: Vec<Trial>,
    /// Number of those seen before.
    pub(super) duplicates: u64,
}

enum Drawn {
    Duplicate,
    Kept(Prospect),
    Missed(Prospect, Metric),
}

impl SearchEngine {
    /// Draws for the next trial.
    pub(super) fn screen<E: From<SearchError>>(
        &mut self,
        appraise: &mut impl FnMut(&Graph, &Genotype) -> Result<Readings, E>,
    ) -> Result<Screened, E> {
        let wanted = if self.seed().is_some() { 1 } else { self.strategy.pool(&self.view()).clamp(1, MAX_POOL) };
        let (mut screened, mut redraws, first_draw) = (Screened::default(), 0, self.draw);
        while screened.pool.len() < wanted && self.may_draw(first_draw, screened.pool.len()) {
            let draw = self.take_draw();
            let drawn = self.draw_one(draw, redraws, &screened.pool, appraise)?;
            redraws = if matches!(drawn, Drawn::Duplicate) { redraws + 1 } else { 0 };
            match drawn {
                Drawn::Duplicate => screened.duplicates += 1,
                Drawn::Kept(prospect) => screened.pool.push(prospect),
                Drawn::Missed(prospect, by) => screened.stopped.push(self.stop(prospect, draw, by)),
            }
        }
        Ok(screened)
    }

    /// The genotypes without those whose network another before them has.
    pub(super) fn distinct(&self, genotypes: Vec<Genotype>) -> Result<Vec<Genotype>, SearchError> {
        let (mut networks, mut distinct) = (BTreeSet::new(), Vec::new());
        for genotype in genotypes {
            let digest = Digest::of(&self.space.decode(&genotype)?);
            if networks.insert((digest, self.space.beyond(&genotype).to_vec())) {
                distinct.push(genotype);
            }
        }
        Ok(distinct)
    }

    /// One trial may use what all of them have while it has found nothing, and its own share to find more.
    fn may_draw(&self, first_draw: u64, found: usize) -> bool {
        let left = self.draw < DRAWS_PER_TRIAL.saturating_mul(self.settings.trials);
        let in_share = found == 0 || self.draw - first_draw < DRAWS_PER_TRIAL;
        left && in_share && ((self.seen.genotypes.len() + found) as f64) < self.space.size()
    }

    fn draw_one<E: From<SearchError>>(
        &self,
        draw: u64,
        redraws: u64,
        pool: &[Prospect],
        appraise: &mut impl FnMut(&Graph, &Genotype) -> Result<Readings, E>,
    ) -> Result<Drawn, E> {
        let genotype = self.propose(draw, redraws);
        if self.seen.genotypes.contains(&genotype) {
            return Ok(Drawn::Duplicate);
        }
        if let Some(costs) = &self.costs {
            let known = computed(&costs.cost(&costs.pack(&genotype)));
            if let Some(missed) = self.goals.first_missed(&known, Stage::Decoded) {
                return Ok(Drawn::Missed(Prospect { genotype, digest: None, known }, missed.metric));
            }
        }
        let graph = self.space.decode(&genotype).map_err(SearchError::from)?;
        let mut known = computed(&StaticCost::of(&graph));
        let mut missed = self.goals.first_missed(&known, Stage::Decoded);
        if missed.is_none() {
            known.extend(appraise(&graph, &genotype)?);
            missed = self.goals.first_missed(&known, Stage::Predicted);
        }
        if let Some(constraint) = missed {
            return Ok(Drawn::Missed(Prospect { genotype, digest: None, known }, constraint.metric));
        }
        let (digest, beyond) = (Digest::of(&graph), self.space.beyond(&genotype));
        let is_twin = |other: &Prospect| other.digest == Some(digest) && self.space.beyond(&other.genotype) == beyond;
        if self.seen.networks.contains(&(digest, beyond.to_vec())) || pool.iter().any(is_twin) {
            return Ok(Drawn::Duplicate);
        }
        Ok(Drawn::Kept(Prospect { genotype, digest: Some(digest), known }))
    }

    fn propose(&self, draw: u64, redraws: u64) -> Genotype {
        if let Some(seed) = self.seed() {
            return seed.clone();
        }
        let rng = &mut draw::stream(self.settings.seed, draw);
        match redraws < MOST_REDRAWS {
            true => self.strategy.ask(&View { redraws, ..self.view() }, rng),
            false => self.space.sample(rng),
        }
    }

    /// The next of the networks that are proposed before the strategy is asked.
    fn seed(&self) -> Option<&Genotype> {
        self.seeds.iter().find(|seed| !self.seen.genotypes.contains(seed))
    }

    fn stop(&mut self, prospect: Prospect, draw: u64, by: Metric) -> Trial {
        let trial = self.trial(prospect, draw, Status::Stopped { by });
        self.enter(trial.clone());
        trial
    }
}

/// What follows from the graph. The model size is that of the weights at 32 bits with batch norms folded away.
fn computed(cost: &StaticCost) -> Readings {
    let size_kib = (cost.folded_params * ELEMENT_BYTES) as f64 / BYTES_PER_KIB;
    Readings::new()
        .with(Metric::Macs, Value::computed(cost.macs as f64))
        .with(Metric::Params, Value::computed(cost.params as f64))
        .with(Metric::ModelSizeKib, Value::computed(size_kib))
}
