//! Proposals by a surrogate: which of them is expected to add most to the front, from all networks that were trained so far.
//!
//! As the pool of `bayesian`, for any strategy, and from more than the encoding: the caller gives hints. Until enough networks are known,
//! another scorer decides, if there is one.

use super::acquisition::Improvement;
use super::archive::Archive;
use super::preselection::Scorer;
use crate::genotype::Genotype;
use crate::space::Space;
use crate::surrogate::gaussian::Belief;
use crate::surrogate::scores::Scores;
use crate::surrogate::{Evidence, Surrogate};
use crate::trial::Observation;

/// Numbers that may go along with what only training tells; as many for every network, and always the same for the same.
pub type Hints = Box<dyn Fn(&dyn Space, &Genotype) -> Vec<Option<f64>> + Send>;

/// A surrogate of each objective that is not known before training.
pub struct BySurrogate {
    hints: Hints,
    before: Option<Box<dyn Scorer>>,
    archive: Archive,
    /// Evidence of the archive's members.
    evidence: Vec<Evidence>,
}

impl BySurrogate {
    /// Knows nothing yet, and leaves it to `before` as long.
    pub fn new(hints: Hints, before: Option<Box<dyn Scorer>>) -> Self {
        Self { hints, before, archive: Archive::default(), evidence: Vec::new() }
    }

    fn evidence(&self, space: &dyn Space, genotype: &Genotype) -> Evidence {
        Evidence { encoding: space.encode(genotype), hints: (self.hints)(space, genotype), course: Vec::new() }
    }

    /// The hypervolume that each is expected to add; `None` as long as too little is known.
    fn improvements(&self, space: &dyn Space, pool: &[Observation]) -> Option<Vec<Option<f64>>> {
        let members = self.archive.members();
        let scores: Vec<Scores> = (0..pool.first()?.losses.len())
            .map(|o| Scores::of(members.iter().map(|member| member.losses[o])))
            .collect();
        let scored = |losses: &[f64]| losses.iter().zip(&scores).map(|(loss, scores)| scores.score(*loss)).collect();
        let told: Vec<(Vec<f64>, bool)> =
            members.iter().map(|member| (scored(&member.losses), member.violation == 0.0)).collect();
        let improvement = Improvement::on(&told)?;
        let evidence: Vec<Evidence> = pool.iter().map(|one| self.evidence(space, &one.genotype)).collect();
        let of_objective = |o: usize| -> Option<Vec<Belief>> {
            let known: Option<Vec<f64>> = pool.iter().map(|one| one.losses[o]).collect();
            if let Some(losses) = known {
                let belief = |loss: f64| Belief { mean: scores[o].score(loss), deviation: 0.0 };
                return Some(losses.into_iter().map(belief).collect());
            }
            let lesson = self.evidence.iter().cloned().zip(told.iter().map(|(losses, _)| losses[o]));
            Surrogate::fit(&lesson.collect::<Vec<_>>())?.believe(&evidence, |_| 0.0)
        };
        let beliefs = (0..scores.len()).map(of_objective).collect::<Option<Vec<_>>>()?;
        let of_one = |i: usize| improvement.expected(&beliefs.iter().map(|all| all[i]).collect::<Vec<_>>());
        Some((0..pool.len()).map(|i| Some(of_one(i))).collect())
    }
}

impl Scorer for BySurrogate {
    fn tell(&mut self, space: &dyn Space, observation: &Observation) {
        if self.archive.tell(observation).is_some() {
            self.evidence.push(self.evidence(space, &observation.genotype));
        }
        if let Some(before) = &mut self.before {
            before.tell(space, observation);
        }
    }

    fn scores(&self, space: &dyn Space, pool: &[Observation]) -> Vec<Option<f64>> {
        let without = || self.before.as_ref().map_or_else(|| vec![None; pool.len()], |b| b.scores(space, pool));
        self.improvements(space, pool).unwrap_or_else(without)
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{BySurrogate, Scorer};
    use crate::draw;
    use crate::genotype::Genotype;
    use crate::rank::kendall;
    use crate::space::{self, Space, SpaceSettings, Task};
    use crate::surrogate::LEAST_KNOWN;
    use crate::trial::Observation;

    /// A loss that only a hint tells.
    fn loss(genotype: &Genotype) -> f64 {
        let sum: u32 = genotype.genes().iter().map(|gene| u32::from(*gene)).sum();
        f64::from(sum * 7 % 11)
    }

    fn observation(space: &dyn Space, draw: u64, told: bool) -> Observation {
        let genotype = space.sample(&mut draw::stream(3, draw));
        let loss = told.then(|| loss(&genotype));
        Observation::of(genotype, vec![loss], 0.0)
    }

    #[test]
    fn it_learns_what_the_hint_tells_and_until_then_says_nothing() {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        let space = space::build(&SpaceSettings::preset("nb201"), &task).unwrap();
        let hints = Box::new(|_: &dyn Space, genotype: &Genotype| vec![Some(-loss(genotype))]);
        let mut scorer = BySurrogate::new(hints, None);
        let pool: Vec<Observation> = (0..40).map(|draw| observation(space.as_ref(), 1000 + draw, false)).collect();
        for draw in 0..2 * LEAST_KNOWN as u64 {
            let scores = scorer.scores(space.as_ref(), &pool);
            assert_eq!(scores.iter().any(Option::is_some), draw >= LEAST_KNOWN as u64, "{draw}");
            scorer.tell(space.as_ref(), &observation(space.as_ref(), draw, true));
        }
        let scores: Vec<f64> = scorer.scores(space.as_ref(), &pool).into_iter().flatten().collect();
        let gains: Vec<f64> = pool.iter().map(|one| -loss(&one.genotype)).collect();
        let tau = kendall(&scores, &gains);
        // What is unsure may improve more than its mean says, so the order is not quite that of the gains; chance gives 0 and a deviation of 0.11.
        assert!(tau > 0.4, "{tau}");
    }
}
