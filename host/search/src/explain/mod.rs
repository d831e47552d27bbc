//! What a search found out about its choices: which of them mattered, and what the best networks have in common.
//!
//! How much a choice matters is its share of a functional analysis of variance (fANOVA, Hutter et al. 2014) over a random forest: by
//! how much a value varies with this choice alone, all others averaged over the whole space, of how much it varies at all. It
//! says what went along with the value among the networks that were trained, and no more.

mod forest;

use serde::{Deserialize, Serialize};

use crate::draw;
use crate::genotype::Genotype;
use crate::space::Space;
use forest::Forest;

/// Fewest networks from which anything is explained.
const LEAST_NETWORKS: usize = 8;

/// Random networks over which the other choices are averaged.
const AVERAGED: u64 = 256;

/// An option is common to the front where at least this share of it has it, and so much more than of all networks.
const COMMON_SHARE: f64 = 0.75;
const COMMON_LEAD: f64 = 0.2;

/// What the choices have to do with one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// From how many networks it was learned.
    pub networks: usize,
    /// Share of the variance that the forest explains of networks that it was not grown from; near 0 or below, nothing is clear.
    pub explained: f64,
    /// The choices, the most important first.
    pub effects: Vec<Effect>,
}

/// What one choice has to do with a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Name of the choice.
    pub choice: String,
    /// Its share of the variance, 0 to 1, by itself; choices share the rest.
    pub share: f64,
    /// Labels of its options with the mean value under each.
    pub options: Vec<(String, f64)>,
}

/// An option that most of the best networks take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Common {
    /// Name of the choice.
    pub choice: String,
    /// Label of the option.
    pub option: String,
    /// Share of the best networks that take it.
    pub share: f64,
    /// Share of all networks that do.
    pub of_all: f64,
}

/// Explains a value of trained networks by their choices; `None` for too few networks or values that are all the same.
pub fn explain(space: &dyn Space, networks: &[(&Genotype, f64)], seed: u64) -> Option<Explanation> {
    let choices = space.choices().list();
    let known: Vec<(&[u8], f64)> = networks
        .iter()
        .map(|(genotype, value)| (genotype.genes(), *value))
        .filter(|(g, _)| g.len() == choices.len())
        .collect();
    let is_flat = known.iter().all(|(_, value)| *value == known[0].1);
    if known.len() < LEAST_NETWORKS || is_flat || choices.is_empty() {
        return None;
    }
    let forest = Forest::grow(&known, &mut draw::stream(seed, 0));
    let others: Vec<Vec<u8>> =
        (0..AVERAGED).map(|i| space.sample(&mut draw::stream(seed, 1 + i)).genes().to_vec()).collect();
    let total = variance(&others.iter().map(|genes| forest.value(genes)).collect::<Vec<_>>());
    let effect = |at: usize| {
        let means: Vec<f64> =
            (0..choices[at].count()).map(|option| mean_with(&forest, &others, at, option as u8)).collect();
        let share = if total > 0.0 { (variance(&means) / total).min(1.0) } else { 0.0 };
        let labels = (0..means.len()).map(|option| choices[at].label(option as u8).to_owned());
        Effect { choice: choices[at].name().to_owned(), share, options: labels.zip(means).collect() }
    };
    let mut effects: Vec<Effect> = (0..choices.len()).filter(|&at| choices[at].count() > 1).map(effect).collect();
    effects.sort_by(|a, b| b.share.total_cmp(&a.share));
    Some(Explanation { networks: known.len(), explained: forest.explained, effects })
}

/// What most of the best networks take and the others do not, the clearest first.
pub fn in_common(space: &dyn Space, best: &[&Genotype], all: &[&Genotype]) -> Vec<Common> {
    let mut common = Vec::new();
    for (at, choice) in space.choices().list().iter().enumerate() {
        for option in 0..choice.count() as u8 {
            let share = |networks: &[&Genotype]| {
                let taking = networks.iter().filter(|genotype| genotype.genes().get(at) == Some(&option)).count();
                taking as f64 / networks.len().max(1) as f64
            };
            let (share, of_all) = (share(best), share(all));
            if best.len() > 1 && share >= COMMON_SHARE && share - of_all >= COMMON_LEAD {
                let (choice, option) = (choice.name().to_owned(), choice.label(option).to_owned());
                common.push(Common { choice, option, share, of_all });
            }
        }
    }
    common.sort_by(|a, b| (b.share - b.of_all).total_cmp(&(a.share - a.of_all)));
    common
}

/// The mean value where one choice takes an option.
fn mean_with(forest: &Forest, others: &[Vec<u8>], choice: usize, option: u8) -> f64 {
    let value = |genes: &Vec<u8>| {
        let mut genes = genes.clone();
        genes[choice] = option;
        forest.value(&genes)
    };
    others.iter().map(value).sum::<f64>() / others.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::{explain, in_common};
    use crate::draw;
    use crate::genotype::Genotype;
    use crate::space::{self, Space, SpaceSettings, Task};

    fn space() -> Box<dyn Space> {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        space::build(&SpaceSettings::preset("nb201"), &task).unwrap()
    }

    fn networks(count: u64) -> Vec<Genotype> {
        (0..count).map(|i| space().sample(&mut draw::stream(4, i))).collect()
    }

    /// One choice decides most, another a little, the rest nothing.
    fn value(genotype: &Genotype) -> f64 {
        let genes = genotype.genes();
        5.0 * f64::from(u8::from(genes[2] == 3)) + 0.5 * f64::from(genes[4])
    }

    #[test]
    fn what_decides_comes_first_and_what_does_not_has_no_share() {
        let (space, networks) = (space(), networks(120));
        let told: Vec<(&Genotype, f64)> = networks.iter().map(|genotype| (genotype, value(genotype))).collect();
        let found = explain(space.as_ref(), &told, 1).unwrap();
        assert!(found.explained > 0.7, "{}", found.explained);
        let names: Vec<&str> = found.effects.iter().map(|effect| effect.choice.as_str()).collect();
        let choices = space.choices().list();
        assert_eq!(names[..2], [choices[2].name(), choices[4].name()]);
        assert!(found.effects[0].share > 0.6 && found.effects[2].share < 0.05, "{:?}", found.effects);
        let best = found.effects[0].options.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(best.0, choices[2].label(3));
        assert_eq!(explain(space.as_ref(), &told, 1), Some(found), "the same again");
    }

    #[test]
    fn chance_explains_nothing() {
        let (space, networks) = (space(), networks(60));
        let noise =
            |genotype: &Genotype| f64::from(genotype.genes().iter().fold(7u8, |h, g| h.wrapping_mul(31) ^ g) % 97);
        let told: Vec<(&Genotype, f64)> = networks.iter().map(|genotype| (genotype, noise(genotype))).collect();
        assert!(explain(space.as_ref(), &told, 1).unwrap().explained < 0.3);
        assert_eq!(explain(space.as_ref(), &told[..3], 1), None);
        let flat: Vec<(&Genotype, f64)> = networks.iter().map(|genotype| (genotype, 1.0)).collect();
        assert_eq!(explain(space.as_ref(), &flat, 1), None);
    }

    #[test]
    fn the_best_have_in_common_what_the_others_have_not() {
        let (space, networks) = (space(), networks(200));
        let all: Vec<&Genotype> = networks.iter().collect();
        let best: Vec<&Genotype> = networks.iter().filter(|genotype| value(genotype) > 5.0).collect();
        let common = in_common(space.as_ref(), &best, &all);
        let choice = &space.choices().list()[2];
        assert_eq!((common[0].choice.as_str(), common[0].option.as_str()), (choice.name(), choice.label(3)));
        assert!(common[0].share > 0.99 && common[0].of_all < 0.4);
        assert_eq!(in_common(space.as_ref(), &all, &all), []);
    }
}
