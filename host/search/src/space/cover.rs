//! Networks that between them have every layer of a space at its largest: what a set of weights has to hold that all share.

use std::collections::BTreeSet;

use super::Space;
use crate::draw;
use crate::genotype::Genotype;

/// Networks drawn at random among them, for what choices bring only together.
const DRAWN: usize = 200;

/// The largest network, those that differ from it in one choice, the smallest, and some that the seed draws. In a space whose layers
/// grow with each choice by itself they have every place and every extent.
pub fn cover(space: &dyn Space, seed: u64) -> Vec<Genotype> {
    let rng = &mut draw::stream(seed, 0);
    let mut genotypes: BTreeSet<Genotype> = (0..DRAWN).map(|_| space.sample(rng)).collect();
    genotypes.extend(space.neighbors(&space.largest()));
    genotypes.extend([space.largest(), space.smallest()]);
    genotypes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::super::{SpaceSettings, Task, build};
    use super::cover;

    #[test]
    fn each_option_of_each_choice_is_there_at_the_largest() {
        let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
        let space = build(&SpaceSettings::preset("mbconv"), &task).unwrap();
        let covered = cover(space.as_ref(), 1);
        assert!(covered.contains(&space.smallest()));
        for (at, choice) in space.choices().list().iter().enumerate() {
            for option in 0..choice.count() as u8 {
                let mut genes = space.largest().genes().to_vec();
                genes[at] = option;
                assert!(covered.iter().any(|genotype| genotype.genes() == genes), "{} {option}", choice.name());
            }
        }
    }
}
