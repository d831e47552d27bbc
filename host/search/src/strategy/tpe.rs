//! Strategy `tpe`: the tree-structured Parzen estimator (Bergstra et al. 2011), for choices.
//!
//! The networks told are split into the best and the others. For each choice, the options of either group give a
//! distribution; candidates are drawn from that of the best, and the one is proposed that is most likely among the best
//! relative to the others. Choices are independent of each other. For several objectives each proposal draws the
//! weights of a scalarization, by which the networks are split.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::archive::{Archive, Member};
use super::repair::Repair;
use super::scalarization::Scalarization;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "tpe";

/// Random networks to begin with.
const INITIAL: usize = 10;

/// One in this many networks is among the best, but no more than the most.
const BEST_SHARE: usize = 4;
const MOST_BEST: usize = 25;

/// Candidates of a proposal.
const CANDIDATES: usize = 24;

/// Networks that a uniform distribution counts for beside those told.
const PRIOR: f64 = 1.0;

struct Tpe {
    archive: Archive,
    /// How often each option of each choice was taken by all members.
    counts: Vec<Vec<f64>>,
    initial: usize,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["initial"])?;
    let initial = settings.initial_or(INITIAL)?;
    Ok(Box::new(Tpe { archive: Archive::default(), counts: Vec::new(), initial, repair: Repair::default() }))
}

impl Strategy for Tpe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { initial: Some(self.initial), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        let Some(member) = self.archive.tell(observation) else { return };
        if self.counts.is_empty() {
            self.counts = no_counts(space);
        }
        count(&mut self.counts, member);
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if let Some(genotype) = self.repair.ask(view.space, rng) {
            return genotype;
        }
        let members = self.archive.members().len();
        let scalarization = match members + view.pending.len() < self.initial {
            true => None,
            false => Scalarization::drawn(self.archive.losses(), rng),
        };
        let Some(scalarization) = scalarization else { return view.space.sample(rng) };
        let mut good = no_counts(view.space);
        let best = self.archive.best(members.div_ceil(BEST_SHARE).min(MOST_BEST), &scalarization);
        best.iter().for_each(|member| count(&mut good, member));
        let candidates = (0..CANDIDATES).map(|_| draw_from(&good, rng));
        let ratio = |genotype: &Genotype| self.ratio(&good, genotype);
        let new = candidates.filter(|candidate| !self.archive.has(candidate));
        let chosen = new.max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        chosen.unwrap_or_else(|| view.space.mutate(&best[0].genotype, rng))
    }
}

impl Tpe {
    /// The logarithm of how much likelier the genotype is among the best than among the others.
    fn ratio(&self, good: &[Vec<f64>], genotype: &Genotype) -> f64 {
        let of_choice = |choice: usize| {
            let option = usize::from(genotype.genes()[choice]);
            let (good, all) = (&good[choice], &self.counts[choice]);
            let others: Vec<f64> = all.iter().zip(good).map(|(all, good)| all - good).collect();
            (share(good, option) / share(&others, option)).ln()
        };
        (0..good.len()).map(of_choice).sum()
    }
}

fn no_counts(space: &dyn Space) -> Vec<Vec<f64>> {
    space.choices().list().iter().map(|choice| vec![0.0; choice.count()]).collect()
}

fn count(counts: &mut [Vec<f64>], member: &Member) {
    counts.iter_mut().zip(member.genotype.genes()).for_each(|(counts, gene)| counts[usize::from(*gene)] += 1.0);
}

/// The probability of an option.
fn share(counts: &[f64], option: usize) -> f64 {
    let prior = PRIOR / counts.len() as f64;
    (counts[option] + prior) / (counts.iter().sum::<f64>() + PRIOR)
}

fn draw_from(counts: &[Vec<f64>], rng: &mut ChaCha8Rng) -> Genotype {
    let gene = |counts: &Vec<f64>| {
        let mut left = rng.random::<f64>();
        let taken = (0..counts.len()).find(|&option| {
            left -= share(counts, option);
            left < 0.0
        });
        taken.unwrap_or(counts.len() - 1) as u8
    };
    Genotype::new(counts.iter().map(gene).collect::<Vec<u8>>())
}
