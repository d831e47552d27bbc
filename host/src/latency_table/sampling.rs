//! Which models of a space a table is made of, and each of them as the file that the device gets.
//!
//! Everything follows from a seed, a purpose and the model's number, so that a table whose building was interrupted goes on with
//! the models that it would have had anyway.

use edgefit_graph::{Digest, Graph};
use edgefit_onnx::{ExportOptions, export};
use edgefit_search::{Genotype, Space, draw};
use edgefit_train::initial_weights;

use crate::error::{Error, ErrorKind, Result};
use crate::search_run::derived;

/// Draws for one model before a space counts as too small to give another.
const MOST_DRAWS: u64 = 1_000;

/// Draws models of a space.
pub(crate) struct Sampler<'a> {
    /// The space.
    pub(crate) space: &'a dyn Space,
    /// Seed of everything that is drawn.
    pub(crate) seed: u64,
    /// What the models are for; other purposes draw other models.
    pub(crate) purpose: &'static str,
}

/// A model of a table.
pub(crate) struct TableModel {
    /// Its network.
    pub(crate) graph: Graph,
    /// The network's digest, by which a table knows it.
    pub(crate) digest: Digest,
    /// The ONNX file, with weights as they are before training.
    pub(crate) file: Vec<u8>,
}

impl Sampler<'_> {
    /// Random genotypes for the model of this number, `count` of them at most, none of which `is_known` by its digest. Networks
    /// whose output does not depend on their input are left out: some runtimes run nothing of them.
    pub(crate) fn draw(&self, number: u64, count: usize, is_known: impl Fn(&str) -> bool) -> Vec<Genotype> {
        let rng = &mut draw::stream(derived(self.seed, self.purpose, 0), number);
        let drawn = (0..MOST_DRAWS).map(|_| self.space.sample(rng));
        drawn.filter(|genotype| self.is_new(genotype, &is_known)).take(count).collect()
    }

    fn is_new(&self, genotype: &Genotype, is_known: impl Fn(&str) -> bool) -> bool {
        let graph = self.space.decode(genotype).ok().filter(|graph| !graph.is_constant());
        graph.is_some_and(|graph| !is_known(&Digest::of(&graph).to_string()))
    }

    /// The model of this number: the smallest network, then random ones, each as [`Sampler::draw`] has them; `None` when there is no other.
    pub(crate) fn unseen(&self, number: u64, is_known: impl Fn(&str) -> bool) -> Option<Genotype> {
        let smallest = (number == 0).then(|| self.space.smallest());
        smallest.filter(|genotype| self.is_new(genotype, &is_known)).or_else(|| self.draw(number, 1, is_known).pop())
    }

    /// The model of a genotype, as a file.
    pub(crate) fn model(&self, number: u64, genotype: &Genotype, options: &ExportOptions) -> Result<TableModel> {
        let seed = derived(self.seed, &format!("{} weights", self.purpose), number);
        TableModel::with_options(self.space.decode(genotype)?, seed, options)
    }
}

impl TableModel {
    /// A network as a file, with weights from a seed.
    pub(crate) fn new(graph: Graph, seed: u64) -> Result<Self> {
        Self::with_options(graph, seed, &ExportOptions::default())
    }

    fn with_options(graph: Graph, seed: u64, options: &ExportOptions) -> Result<Self> {
        let weights = initial_weights(&graph, seed);
        let file = export(&graph, &weights, options).map_err(|e| Error::new(ErrorKind::Internal, e))?;
        Ok(Self { digest: Digest::of(&graph), graph, file })
    }
}

#[cfg(test)]
mod tests {
    use edgefit_graph::Shape;
    use edgefit_search::{SpaceSettings, Task, space};

    use super::Sampler;

    /// The smallest cell of NAS-Bench-201 has no operation at all; a runtime that computes constants beforehand takes no time for it, and one
    /// such sample spoils what a table says of itself.
    #[test]
    fn the_first_model_is_the_smallest_that_depends_on_its_input() {
        for name in space::names() {
            let task = Task { input: Shape::new([1, 8, 8]), classes: 10 };
            let space = space::build(&SpaceSettings::preset(name), &task).unwrap();
            let sampler = Sampler { space: space.as_ref(), seed: 1, purpose: "table" };
            let first = sampler.unseen(0, |_| false).unwrap();
            assert!(!space.decode(&first).unwrap().is_constant(), "{name}");
            if !space.decode(&space.smallest()).unwrap().is_constant() {
                assert_eq!(first, space.smallest(), "{name}");
            }
        }
    }
}
