//! A space relaxed (Liu et al. 2019): one network that holds every candidate operation, and how the probabilities of the
//! operations say which networks of the space are probable.
//!
//! Where the space chooses among operations, the relaxed network sums what all of them give, each behind a gate: an identity
//! whose output whoever runs the network weighs by the probability of its operation. An operation without a gate gives zeros.
//! Choices that are not relaxed, such as widths, have their first option in that network; proposals have their last options
//! first. It knows nothing of training.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use edgefit_graph::{Graph, GraphError, NodeId};
use rand_chacha::ChaCha8Rng;

use super::Choice;
use super::layers::Layers;
use crate::draw;
use crate::genotype::Genotype;

/// How much less one step down from the last option counts, of a choice that is not relaxed.
const STEP_DOWN: f64 = 0.5;

/// By which factor the probability of an operation is above that of equal ones when it is clear.
const CLEAR: f64 = 1.25;

/// A mixed operation: what is chosen among, wherever in the network it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    /// Its name, such as `edge0-1`.
    pub name: String,
    /// The names of its operations.
    pub options: Vec<String>,
    /// The operation that only passes on what comes in, if there is one.
    pub skip: Option<usize>,
    /// The kind of cell that it is a part of, from 0.
    pub cell: usize,
}

/// A node of the relaxed network whose output counts by the probability of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// An identity behind the operation.
    pub node: NodeId,
    /// The mixed operation.
    pub mix: usize,
    /// The operation.
    pub option: usize,
}

/// A relaxed space.
#[derive(Debug, Clone)]
pub struct Relaxation {
    /// The network with every candidate operation.
    pub graph: Graph,
    /// What is chosen among.
    pub mixes: Vec<Mix>,
    /// Where that counts in the network.
    pub gates: Vec<Gate>,
    /// How the genes follow, in their order.
    groups: Vec<Group>,
}

/// Some successive genes, and the values that they may have together.
#[derive(Debug, Clone)]
pub(super) struct Group(pub(super) Vec<Way>);

/// One of those values.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) genes: Vec<u8>,
    /// The operations that it takes: mixed operation and option.
    pub(super) taken: Vec<(usize, usize)>,
    /// What it counts besides their probabilities.
    pub(super) weight: f64,
}

/// What an option counts of a choice of so many that is not relaxed.
pub(super) fn fixed(option: usize, count: usize) -> f64 {
    STEP_DOWN.powi((count - 1 - option) as i32)
}

impl Group {
    /// The genes of a choice that is not relaxed.
    pub(super) fn fixed(choice: &Choice) -> Self {
        let way =
            |option: usize| Way { genes: vec![option as u8], taken: Vec::new(), weight: fixed(option, choice.count()) };
        Self((0..choice.count()).map(way).collect())
    }

    /// The gene that says which operation a mixed operation takes.
    pub(super) fn of_mix(mix: usize, options: usize) -> Self {
        let way = |option: usize| Way { genes: vec![option as u8], taken: vec![(mix, option)], weight: 1.0 };
        Self((0..options).map(way).collect())
    }

    fn best(&self, probabilities: &[Vec<f64>]) -> Option<&Way> {
        self.ranked(probabilities).first().map(|(_, way)| *way)
    }

    /// The ways with the logarithm of what they count, the most probable first; of equal ones the last, which is the costliest.
    fn ranked(&self, probabilities: &[Vec<f64>]) -> Vec<(f64, &Way)> {
        let counts = |way: &Way| {
            let taken = way.taken.iter().map(|(mix, option)| probabilities[*mix][*option].ln());
            way.weight.ln() + taken.sum::<f64>()
        };
        let mut ranked: Vec<(f64, &Way)> = self.0.iter().rev().map(|way| (counts(way), way)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked
    }

    /// The ways that are as costly as the space allows where it is not relaxed.
    fn widest(&self) -> impl Iterator<Item = &Way> {
        self.0.iter().filter(|way| way.weight == 1.0)
    }
}

impl Relaxation {
    /// The relaxation with these groups of genes, which have to be those of the space.
    pub(super) fn new(graph: Graph, mixer: Mixer, groups: Vec<Group>) -> Self {
        Self { graph, mixes: mixer.mixes, gates: mixer.gates, groups }
    }

    /// Networks in the order of their probability, which is the product of those of the operations that they take; the most
    /// probable is what DARTS derives.
    pub fn ranking(&self, probabilities: &[Vec<f64>]) -> impl Iterator<Item = Genotype> {
        let groups: Vec<Vec<(f64, &Way)>> = self.groups.iter().map(|group| group.ranked(probabilities)).collect();
        let mut open = BinaryHeap::from([Place::of(vec![0; groups.len()], &groups)]);
        std::iter::from_fn(move || {
            let Place { places, .. } = open.pop()?;
            // Each place follows from exactly one other: the one that is a step back in its last group that is not at its first way.
            let last = places.iter().rposition(|place| *place > 0).unwrap_or(0);
            for at in last..places.len() {
                if places[at] + 1 < groups[at].len() {
                    let mut next = places.clone();
                    next[at] += 1;
                    open.push(Place::of(next, &groups));
                }
            }
            let genes = places.iter().zip(&groups).flat_map(|(place, group)| group[*place].1.genes.iter().copied());
            Some(Genotype::new(genes.collect::<Vec<u8>>()))
        })
    }

    /// The operations of the most probable network: mixed operation and option.
    pub fn derived(&self, probabilities: &[Vec<f64>]) -> Vec<(usize, usize)> {
        let best = self.groups.iter().filter_map(|group| group.best(probabilities));
        best.flat_map(|way| way.taken.iter().copied()).collect()
    }

    /// The most operations of one cell that only pass on what comes in, in the most probable network, of those that are clearly
    /// more probable than all equally.
    pub fn skips(&self, probabilities: &[Vec<f64>]) -> usize {
        let mut of_cell = vec![0; 1 + self.mixes.iter().map(|mix| mix.cell).max().unwrap_or(0)];
        for (mix, option) in self.derived(probabilities) {
            let mix_of = &self.mixes[mix];
            let is_clear = probabilities[mix][option] * mix_of.options.len() as f64 > CLEAR;
            of_cell[mix_of.cell] += usize::from(is_clear && mix_of.skip == Some(option));
        }
        of_cell.into_iter().max().unwrap_or(0)
    }

    /// A network drawn at random, as wide and deep as the space allows where it is not relaxed.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let drawn = self.groups.iter().filter_map(|group| {
            let widest: Vec<&Way> = group.widest().collect();
            draw::one_of(rng, &widest).map(|way| way.genes.clone())
        });
        Genotype::new(drawn.collect::<Vec<_>>().concat())
    }

    /// The same network with this operation instead; `None` where no network has it.
    pub fn with(&self, genotype: &Genotype, mix: usize, option: usize, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        let mut genes = genotype.genes().to_vec();
        let mut from = 0;
        for group in &self.groups {
            let ways: Vec<&Way> = group.widest().filter(|way| way.taken.contains(&(mix, option))).collect();
            let count = group.0.first().map_or(0, |way| way.genes.len());
            if let Some(way) = draw::one_of(rng, &ways) {
                genes[from..from + count].copy_from_slice(&way.genes);
                return Some(Genotype::new(genes));
            }
            from += count;
        }
        None
    }
}

/// A network as the place of each group among its ranked ways.
struct Place {
    score: f64,
    places: Vec<usize>,
}

impl Place {
    fn of(places: Vec<usize>, groups: &[Vec<(f64, &Way)>]) -> Self {
        let score = places.iter().zip(groups).map(|(place, group)| group[*place].0).sum();
        Self { score, places }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.places.cmp(&self.places))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

/// What gathers mixed operations and gates while a relaxed network is built.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    mixes: Vec<Mix>,
    gates: Vec<Gate>,
}

impl Mixer {
    /// Adds a mixed operation; its number.
    pub(super) fn mix(&mut self, mix: Mix) -> usize {
        self.mixes.push(mix);
        self.mixes.len() - 1
    }

    /// A gate behind the operation that the network is at, and the sum with what the gates before it let through.
    pub(super) fn gate(
        &mut self,
        layers: &mut Layers,
        name: &str,
        (mix, option): (usize, usize),
        sum: Option<NodeId>,
    ) -> Result<(), GraphError> {
        layers.identity(&format!("{name}.gate"))?;
        self.gates.push(Gate { node: layers.at(), mix, option });
        sum.map_or(Ok(()), |sum| layers.add(&format!("{name}.sum"), sum))
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;

    use super::super::{PerStage, Space, SpaceSettings, Task, build};
    use super::Relaxation;
    use crate::draw;
    use crate::genotype::Genotype;

    /// The spaces that can be relaxed.
    const RELAXED: [&str; 3] = ["nb201", "darts", "mbconv"];

    fn relaxed(preset: &str) -> (Box<dyn Space>, Relaxation) {
        let settings = SpaceSettings {
            widths: Some(PerStage::All(vec![8, 16])),
            depths: Some(vec![1, 2]),
            ..SpaceSettings::preset(preset)
        };
        let space = build(&settings, &Task { input: Shape::new([1, 8, 8]), classes: 10 }).unwrap();
        let relaxation = space.relaxation().unwrap().unwrap();
        (space, relaxation)
    }

    /// Different probabilities for each option.
    fn uneven(relaxation: &Relaxation) -> Vec<Vec<f64>> {
        let of_mix = |(at, count): (usize, usize)| {
            let weights: Vec<f64> = (0..count).map(|option| 1.0 + ((7 * at + 3 * option) % 5) as f64).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / sum).collect()
        };
        relaxation.mixes.iter().map(|mix| mix.options.len()).enumerate().map(of_mix).collect()
    }

    #[test]
    fn the_order_is_that_of_the_probability_and_has_no_network_twice() {
        for preset in RELAXED {
            let (space, relaxation) = relaxed(preset);
            let probabilities = uneven(&relaxation);
            let score = |genotype: &Genotype| {
                let mut from = 0;
                let of_group = |group: &super::Group| {
                    let genes = &genotype.genes()[from..from + group.0[0].genes.len()];
                    from += genes.len();
                    let ranked = group.ranked(&probabilities);
                    ranked.into_iter().find(|(_, way)| way.genes == genes).unwrap().0
                };
                relaxation.groups.iter().map(of_group).sum::<f64>()
            };
            let ranking: Vec<Genotype> = relaxation.ranking(&probabilities).take(3_000).collect();
            assert!(ranking.iter().all(|genotype| space.check(genotype).is_ok()), "{preset}");
            assert!(ranking.windows(2).all(|pair| score(&pair[0]) >= score(&pair[1]) - 1e-9), "{preset}");
            assert_eq!(ranking.iter().collect::<std::collections::BTreeSet<_>>().len(), ranking.len(), "{preset}");
            let rng = &mut draw::stream(1, 0);
            let best = score(&ranking[0]);
            assert!((0..3_000).all(|_| score(&space.sample(rng)) <= best + 1e-9), "{preset}");
        }
    }

    #[test]
    fn every_operation_has_a_gate_and_leads_to_networks_that_have_it() {
        for preset in RELAXED {
            let (space, relaxation) = relaxed(preset);
            let rng = &mut draw::stream(2, 0);
            let network = relaxation.sample(rng);
            space.check(&network).unwrap();
            for (at, mix) in relaxation.mixes.iter().enumerate() {
                for (option, label) in mix.options.iter().enumerate() {
                    let mut one = vec![vec![1e-9; 20]; relaxation.mixes.len()];
                    one[at][option] = 1.0;
                    let has_gate = relaxation.gates.iter().any(|gate| (gate.mix, gate.option) == (at, option));
                    assert_eq!(has_gate, label != "none", "{preset}: {} {label}", mix.name);
                    let Some(with) = relaxation.with(&network, at, option, rng) else {
                        assert_eq!(label, "none", "{preset}: {}", mix.name);
                        continue;
                    };
                    space.check(&with).unwrap();
                    let best = relaxation.ranking(&one).next().unwrap();
                    assert!(relaxation.derived(&one).contains(&(at, option)), "{preset}: {} {label}", mix.name);
                    assert!(space.decode(&best).is_ok());
                }
            }
        }
    }
}
