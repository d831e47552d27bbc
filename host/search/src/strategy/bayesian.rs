//! Strategy `bayesian`: Bayesian optimization with a Gaussian process over the space's encoding, and mutation as the optimizer of
//! its acquisition, as BANANAS does (White et al. 2021).
//!
//! Candidates are mutants of the best networks and some random ones; of those that keep the constraints, the one with the
//! largest expected improvement is trained, which with several objectives is the hypervolume that it is expected to add. Losses
//! are learned and compared as normal scores. Objectives that are known before training are not guessed but taken as they
//! are. Networks in training count with what is believed of them, so that proposals beside them differ.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::acquisition::Improvement;
use super::archive::Archive;
use super::population::Population;
use super::repair::Repair;
use super::scalarization::Scalarization;
use super::{Strategy, StrategyError, StrategySettings, View};
use crate::genotype::Genotype;
use crate::space::Space;
use crate::surrogate::gaussian::{Belief, Gaussian, Hyperparameters};
use crate::surrogate::scores::Scores;
use crate::trial::Observation;

pub(super) const NAME: &str = "bayesian";

/// Random networks to begin with.
const INITIAL: usize = 5;

/// Candidates to choose from.
const POOL: usize = 128;

/// Networks whose mutants are candidates.
const PARENTS: usize = 10;

/// Share of candidates that are random.
const RANDOM_SHARE: f64 = 0.1;

/// Probability of one more mutation after each.
const MORE_MUTATION: f64 = 0.4;

/// Draws of a candidate that was told before, before it is proposed nevertheless.
const MOST_REDRAWS: usize = 8;

/// Most networks that the process is fitted to, and its hyperparameters; bounds the cost of choosing.
const MOST_FITTED: usize = 192;
const MOST_COMPARED: usize = 96;

/// Hyperparameters are learned again when this share of networks came in since.
const REFIT_SHARE: usize = 8;

struct Bayesian {
    archive: Archive,
    /// Encodings of the archive's members.
    features: Vec<Vec<f32>>,
    parents: Population,
    /// Of each objective, learned from the first networks.
    hyper: Vec<Vec<(Hyperparameters, f64)>>,
    /// Number of members at which they are learned again.
    refit_at: usize,
    initial: usize,
    repair: Repair,
}

pub(super) fn make(settings: &StrategySettings) -> Result<Box<dyn Strategy>, StrategyError> {
    settings.has_only(&["initial"])?;
    Ok(Box::new(Bayesian {
        archive: Archive::default(),
        features: Vec::new(),
        parents: Population::new(PARENTS),
        hyper: Vec::new(),
        refit_at: 2,
        initial: settings.initial_or(INITIAL)?,
        repair: Repair::default(),
    }))
}

impl Strategy for Bayesian {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> StrategySettings {
        StrategySettings { initial: Some(self.initial), ..StrategySettings::named(NAME) }
    }

    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        self.repair.tell(observation);
        let Some(member) = self.archive.tell(observation).cloned() else { return };
        self.features.push(space.encode(&member.genotype));
        self.parents.add(member);
        let count = self.features.len();
        if count >= self.refit_at {
            self.learn_hyperparameters();
            self.refit_at = count + count.div_ceil(REFIT_SHARE);
        }
    }

    fn ask(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if let Some(genotype) = self.repair.ask(view.space, rng) {
            return genotype;
        }
        let mut candidate = self.candidate(view, rng);
        for _ in 0..MOST_REDRAWS {
            if !self.archive.has(&candidate) {
                break;
            }
            candidate = self.candidate(view, rng);
        }
        candidate
    }

    fn pool(&self, view: &View<'_>) -> usize {
        if self.is_starting(view) { 1 } else { POOL }
    }

    fn choose(&self, view: &View<'_>, pool: &[Observation], _rng: &mut ChaCha8Rng) -> usize {
        if self.is_starting(view) || pool.len() == 1 { 0 } else { self.most_improving(view, pool).unwrap_or(0) }
    }
}

/// What the process of one objective learns from.
struct Lesson {
    scores: Scores,
    targets: Vec<f64>,
}

impl Bayesian {
    fn is_starting(&self, view: &View<'_>) -> bool {
        self.features.is_empty() || self.features.len() + view.pending.len() < self.initial
    }

    fn candidate(&self, view: &View<'_>, rng: &mut ChaCha8Rng) -> Genotype {
        if self.is_starting(view) || rng.random::<f64>() < RANDOM_SHARE {
            return view.space.sample(rng);
        }
        let parents = self.parents.list();
        let place = rng.random::<f64>() * rng.random::<f64>() * parents.len() as f64;
        let mut genotype = view.space.mutate(&parents[place as usize].member.genotype, rng);
        while rng.random::<f64>() < MORE_MUTATION {
            genotype = view.space.mutate(&genotype, rng);
        }
        genotype
    }

    /// The latest networks and the best of those before, at most so many.
    fn learned(&self, most: usize) -> Vec<usize> {
        let members = self.archive.members();
        let latest = members.len().saturating_sub(if members.len() > most { most / 2 } else { most });
        let mut before: Vec<usize> = (0..latest).collect();
        if let (Some(even), true) = (Scalarization::even(self.archive.losses()), latest > 0) {
            let keys: Vec<f64> = members[..latest].iter().map(|member| even.scalar(&member.losses)).collect();
            before.select_nth_unstable_by((most / 2).min(latest - 1), |&a, &b| {
                keys[a].total_cmp(&keys[b]).then(a.cmp(&b))
            });
            before.truncate(most / 2);
            before.sort_unstable();
        }
        before.into_iter().chain(latest..members.len()).collect()
    }

    fn lesson(&self, learned: &[usize], objective: usize) -> Lesson {
        let losses = learned.iter().map(|&i| self.archive.members()[i].losses[objective]);
        let scores = Scores::of(losses.clone());
        let targets = losses.map(|loss| scores.score(loss)).collect();
        Lesson { scores, targets }
    }

    fn learn_hyperparameters(&mut self) {
        let learned = self.learned(MOST_COMPARED);
        let points: Vec<&[f32]> = learned.iter().map(|&i| self.features[i].as_slice()).collect();
        let objectives = self.archive.losses().next().map_or(0, <[f64]>::len);
        let likely = |o| Hyperparameters::likely(&points, &self.lesson(&learned, o).targets);
        self.hyper = (0..objectives).map(likely).collect();
    }

    /// The position of the candidate with the largest expected improvement; `None` where nothing can be learned.
    fn most_improving(&self, view: &View<'_>, pool: &[Observation]) -> Option<usize> {
        let learned = self.learned(MOST_FITTED);
        let lessons: Vec<Lesson> = (0..pool[0].losses.len()).map(|o| self.lesson(&learned, o)).collect();
        let told = |(at, member): (usize, &usize)| {
            let scores = lessons.iter().map(|lesson| lesson.targets[at]).collect();
            (scores, self.archive.members()[*member].violation == 0.0)
        };
        let improvement = Improvement::on(&learned.iter().enumerate().map(told).collect::<Vec<_>>())?;
        let beliefs: Vec<Option<Vec<Belief>>> =
            lessons.iter().enumerate().map(|(o, lesson)| self.beliefs(view, pool, o, &learned, lesson)).collect();
        let key = |i: usize| {
            let losses = lessons.iter().zip(&beliefs).zip(&pool[i].losses).map(|((lesson, beliefs), loss)| {
                let known = loss.map(|loss| Belief { mean: lesson.scores.score(loss), deviation: 0.0 });
                known.or_else(|| beliefs.as_ref().map(|beliefs| beliefs[i]))
            });
            let losses = losses.collect::<Option<Vec<Belief>>>()?;
            let believed: f64 = losses.iter().map(|belief| belief.mean).sum();
            Some((improvement.expected(&losses), believed))
        };
        let keys = (0..pool.len()).map(key).collect::<Option<Vec<(f64, f64)>>>()?;
        let compare = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1));
        (0..pool.len()).rev().max_by(|&a, &b| compare(&keys[a], &keys[b]))
    }

    /// What is believed of an objective that is not known before training; `None` where it is or nothing can be learned.
    fn beliefs(
        &self,
        view: &View<'_>,
        pool: &[Observation],
        objective: usize,
        learned: &[usize],
        lesson: &Lesson,
    ) -> Option<Vec<Belief>> {
        if pool.iter().all(|observation| observation.losses[objective].is_some()) {
            return None;
        }
        let encode = |observations: &[Observation]| -> Vec<Vec<f32>> {
            observations.iter().map(|observation| view.space.encode(&observation.genotype)).collect()
        };
        let (pending, pool) = (encode(view.pending), encode(pool));
        let believe = |(hyper, weight): &(Hyperparameters, f64)| {
            let mut points: Vec<&[f32]> = learned.iter().map(|&i| self.features[i].as_slice()).collect();
            let mut process = Gaussian::fit(points.clone(), &lesson.targets, *hyper)?;
            if !pending.is_empty() {
                let believed = process.predict(&pending).into_iter().map(|belief| belief.mean);
                let targets: Vec<f64> = lesson.targets.iter().copied().chain(believed).collect();
                points.extend(pending.iter().map(Vec::as_slice));
                process = Gaussian::fit(points, &targets, *hyper)?;
            }
            Some((process.predict(&pool), *weight))
        };
        let all = self.hyper.get(objective)?.iter().map(believe).collect::<Option<Vec<_>>>()?;
        let mixed =
            |i: usize| Belief::mixed(&all.iter().map(|(beliefs, weight)| (beliefs[i], *weight)).collect::<Vec<_>>());
        (!all.is_empty()).then(|| (0..pool.len()).map(mixed).collect())
    }
}
