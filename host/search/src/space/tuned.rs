//! A space together with what its networks are trained by: further choices behind those of the network.
//!
//! What these choices mean is their maker's to know; here they are drawn, varied and told apart like any other. The network of a
//! genotype does not depend on them.

use edgefit_graph::Graph;
use rand_chacha::ChaCha8Rng;

use super::{Choice, Choices, CostTable, Frame, Space, SpaceError, SumTable, Sums};
use crate::draw;
use crate::genotype::Genotype;

/// Between the network and the rest in the text form.
const BETWEEN: char = '~';

struct Tuned {
    networks: Box<dyn Space>,
    further: Choices,
    frame: Frame,
}

/// The space with these choices behind its own; without any it is the space itself.
pub fn tuned(networks: Box<dyn Space>, choices: Vec<Choice>) -> Box<dyn Space> {
    if choices.is_empty() {
        return networks;
    }
    let (mut frame, mut further) = (networks.frame().clone(), Choices::default());
    frame.choices.group(choices.iter().cloned());
    further.group(choices);
    Box::new(Tuned { networks, further, frame })
}

impl Tuned {
    /// The genes of the network and the further ones. A genotype that is too short for both has none of these.
    fn parts(&self, genotype: &Genotype) -> (Genotype, Genotype) {
        let genes = genotype.genes();
        let (network, further) = genes.split_at(genes.len().saturating_sub(self.further.list().len()));
        (Genotype::new(network), Genotype::new(further))
    }

    fn joined(network: &Genotype, further: &Genotype) -> Genotype {
        Genotype::new([network.genes(), further.genes()].concat())
    }
}

impl Space for Tuned {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        self.networks.decode(&self.parts(genotype).0)
    }

    fn size(&self) -> f64 {
        self.networks.size() * self.further.size()
    }

    fn check(&self, genotype: &Genotype) -> Result<(), SpaceError> {
        let (network, further) = self.parts(genotype);
        self.networks.check(&network)?;
        self.further.check(&further)
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        let network = self.networks.sample(rng);
        Self::joined(&network, &self.further.sample(rng))
    }

    fn mutate(&self, genotype: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let (network, further) = self.parts(genotype);
        if draw::position(rng, genotype.genes().len()) < network.genes().len() {
            Self::joined(&self.networks.mutate(&network, rng), &further)
        } else {
            Self::joined(&network, &self.further.mutate(&further, rng))
        }
    }

    fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        let ((network_a, further_a), (network_b, further_b)) = (self.parts(a), self.parts(b));
        let network = self.networks.crossover(&network_a, &network_b, rng);
        Self::joined(&network, &self.further.crossover(&further_a, &further_b, rng))
    }

    fn neighbors(&self, genotype: &Genotype) -> Vec<Genotype> {
        let (network, further) = self.parts(genotype);
        let networks = self.networks.neighbors(&network).into_iter().map(|other| Self::joined(&other, &further));
        let others = self.further.neighbors(&further).into_iter().map(|other| Self::joined(&network, &other));
        networks.chain(others).collect()
    }

    fn encode(&self, genotype: &Genotype) -> Vec<f32> {
        let (network, further) = self.parts(genotype);
        [self.networks.encode(&network), self.further.encode(&further)].concat()
    }

    fn smallest(&self) -> Genotype {
        Self::joined(&self.networks.smallest(), &self.further.first_options())
    }

    fn text(&self, genotype: &Genotype) -> String {
        let (network, further) = self.parts(genotype);
        format!("{}{BETWEEN}{}", self.networks.text(&network), self.further.text(&further))
    }

    fn parse(&self, text: &str) -> Result<Genotype, SpaceError> {
        let fail = |reason| SpaceError::Text { text: text.to_owned(), reason };
        let parts = text.rsplit_once(BETWEEN);
        let (network, further) = parts.ok_or_else(|| fail(format!("there is no `{BETWEEN}` behind the network")))?;
        Ok(Self::joined(&self.networks.parse(network)?, &self.further.parse(further).map_err(fail)?))
    }

    fn beyond<'g>(&self, genotype: &'g Genotype) -> &'g [u8] {
        let genes = genotype.genes();
        &genes[genes.len().saturating_sub(self.further.list().len())..]
    }

    /// That of the networks, which does not look at what stands behind their genes.
    fn cost_table(&self) -> Option<CostTable> {
        self.networks.cost_table()
    }

    fn sum_table(&self, of: &dyn Fn(&Graph) -> Sums) -> Option<SumTable> {
        self.networks.sum_table(of)
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::{Digest, Shape};

    use super::tuned;
    use crate::draw;
    use crate::genotype::Genotype;
    use crate::space::{self, Choice, Space, SpaceSettings, Task};

    fn spaces(preset: &str) -> [Box<dyn Space>; 2] {
        let task = Task { input: Shape::new([1, 16, 16]), classes: 10 };
        let plain = || space::build(&SpaceSettings::preset(preset), &task).unwrap();
        let rates = Choice::labels("recipe.learning_rate", ["lr0.01", "lr0.02", "lr0.05"]);
        let batches = Choice::labels("recipe.batch", ["b16", "b32"]);
        [plain(), tuned(plain(), vec![rates, batches])]
    }

    #[test]
    fn the_network_is_that_of_the_space_and_the_rest_comes_behind() {
        for preset in ["mbconv", "nb201", "global"] {
            let [plain, tuned] = spaces(preset);
            assert_eq!(tuned.size(), plain.size() * 6.0);
            let mut rng = draw::stream(1, 0);
            for _ in 0..20 {
                let genotype = tuned.sample(&mut rng);
                let (network, beyond) = genotype.genes().split_at(genotype.genes().len() - 2);
                assert_eq!(tuned.beyond(&genotype), beyond);
                let graphs = [tuned.decode(&genotype), plain.decode(&Genotype::new(network))];
                let [own, other] = graphs.map(|graph| Digest::of(&graph.unwrap()));
                assert_eq!(own, other);
                let text = tuned.text(&genotype);
                assert_eq!(tuned.parse(&text).unwrap(), genotype, "{text}");
                let mutant = tuned.mutate(&genotype, &mut rng);
                tuned.check(&mutant).unwrap();
                assert_ne!(mutant, genotype);
                tuned.check(&tuned.crossover(&genotype, &mutant, &mut rng)).unwrap();
                assert_eq!(tuned.encode(&genotype).len(), tuned.encode(&mutant).len());
                let others = tuned.neighbors(&genotype);
                assert_eq!(others.iter().filter(|other| other.genes().starts_with(network)).count(), 3);
            }
            assert!(tuned.check(&plain.smallest()).is_err(), "{preset}");
        }
    }

    #[test]
    fn nothing_further_is_the_space_itself() {
        let [plain, _] = spaces("chain");
        let sample = plain.smallest();
        assert_eq!(tuned(plain, Vec::new()).beyond(&sample), [0u8; 0]);
    }
}
