//! Strategy `reinforce`: a learned controller, one distribution a choice, by policy gradient (Williams 1992).
//!
//! As in TuNAS (Bender et al. 2020) the controller has a logit for each option, and choices are independent; no recurrent
//! network is needed. The reward is the share of the networks told so far that are not better, by constraint domination, so that it
//! means the same for all losses and for several objectives; it counts against a moving mean and is
//! scaled by the moving deviation. Proposals that were stopped teach as well, by how far they are from being allowed.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::archive::{Archive, Member};
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::pareto;
use crate::space::Space;
use crate::trial::Observation;

pub(super) const NAME: &str = "reinforce";

/// Step along the gradient of the logits.
const LEARNING_RATE: f64 = 0.5;

/// Weight of the latest reward in the moving mean and spread.
const NEWEST: f64 = 0.1;

/// Largest advantage of one network, in spreads.
const MOST_ADVANTAGE: f64 = 2.0;

/// Step that a stopped proposal makes, of that of a trained one: there are many more of them.
const STOPPED_STEP: f64 = 0.1;

/// Draws after which a network that was told before is proposed nevertheless.
const MOST_REDRAWS: usize = 16;

struct Reinforce {
    logits: Vec<Vec<f64>>,
    archive: Archive,
    rewards: Moving,
    violations: Moving,
    rate: f64,
}

/// A moving mean and mean deviation.
#[derive(Default)]
struct Moving {
    mean: Option<f64>,
    deviation: f64,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["learning_rate"])?;
    let rate = settings.learning_rate_or(LEARNING_RATE)?;
    let (rewards, violations) = (Moving::default(), Moving::default());
    Ok(Box::new(Reinforce { logits: Vec::new(), archive: Archive::default(), rewards, violations, rate }))
}

impl Strategy for Reinforce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { learning_rate: Some(self.rate), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        if self.logits.is_empty() {
            self.logits = uniform(space);
        }
        let told = self.archive.tell(observation).cloned();
        if let Some(member) = told {
            let reward = self.reward(&member);
            let advantage = self.rewards.advantage(reward);
            self.learn(&observation.genotype, self.rate * advantage);
        } else if observation.violation > 0.0 && observation.violation.is_finite() {
            let advantage = self.violations.advantage(-observation.violation);
            self.learn(&observation.genotype, self.rate * STOPPED_STEP * advantage);
        }
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if self.logits.is_empty() {
            return view.space.sample(rng);
        }
        let mut genotype = self.draw(rng);
        for _ in 0..MOST_REDRAWS {
            if !self.archive.has(&genotype) {
                break;
            }
            genotype = self.draw(rng);
        }
        genotype
    }
}

impl Reinforce {
    fn reward(&self, member: &Member) -> f64 {
        let is_better = |other: &&Member| {
            pareto::constrained((other.violation, &other.losses), (member.violation, &member.losses)).is_lt()
        };
        let members = self.archive.members();
        1.0 - members.iter().filter(is_better).count() as f64 / members.len() as f64
    }

    /// A step along the gradient of the logarithm of the genotype's probability.
    fn learn(&mut self, genotype: &Genotype, step: f64) {
        for (logits, gene) in self.logits.iter_mut().zip(genotype.genes()) {
            let probabilities = softmax(logits);
            for (option, (logit, probability)) in logits.iter_mut().zip(probabilities).enumerate() {
                let taken = f64::from(u8::from(option == usize::from(*gene)));
                *logit += step * (taken - probability);
            }
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let gene = |logits: &Vec<f64>| {
            let mut left = rng.random::<f64>();
            let taken = softmax(logits).iter().position(|probability| {
                left -= probability;
                left < 0.0
            });
            taken.unwrap_or(logits.len() - 1) as u8
        };
        Genotype::new(self.logits.iter().map(gene).collect::<Vec<u8>>())
    }
}

impl Moving {
    /// How many deviations the value is above the mean so far, within limits; then the value counts as well.
    fn advantage(&mut self, value: f64) -> f64 {
        let Some(mean) = self.mean else {
            self.mean = Some(value);
            return 0.0;
        };
        let gap = value - mean;
        self.deviation =
            if self.deviation == 0.0 { gap.abs() } else { self.deviation + NEWEST * (gap.abs() - self.deviation) };
        self.mean = Some(mean + NEWEST * gap);
        if self.deviation > 0.0 { (gap / self.deviation).clamp(-MOST_ADVANTAGE, MOST_ADVANTAGE) } else { 0.0 }
    }
}

fn uniform(space: &dyn Space) -> Vec<Vec<f64>> {
    space.choices().list().iter().map(|choice| vec![0.0; choice.count()]).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}
