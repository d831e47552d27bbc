//! Where the models of a table come from: a search space, or layer shapes of known networks for a table of general use.

use std::path::{Path, PathBuf};

use edgefit_graph::Graph;
use edgefit_latency::{KernelSet, Population, Table, active};
use edgefit_onnx::ExportOptions;
use edgefit_search::{Genotype, Space};

use super::isolated::Isolated;
use super::sampling::{Sampler, TableModel};
use super::shapes::read_layers;
use super::space::SpaceSpec;
use super::stacks::Stacks;
use crate::error::Result;
use crate::search_run::{derived, describe_space};

/// Genotypes among which the most doubted is chosen.
const CHOICE: usize = 16;
/// Every so many-th model of a table for general use may be a kernel alone, after the first few networks.
const GAPS_EVERY: u64 = 4;
/// What the table file says instead of a space.
const GENERAL: &str = "layers of known networks";

/// What the models of a table are drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A search space.
    Space(Box<SpaceSpec>),
    /// A folder with layer shapes; see `shapes`.
    Layers(PathBuf),
}

/// Draws models, one after the other.
pub(super) trait Drawing {
    /// What models are drawn from, for people.
    fn describe(&self) -> String;

    /// What models are drawn from, for the table file.
    fn population(&self) -> Result<Population>;

    /// The model of this number; `None` when there is no other than those in the table.
    fn next(&mut self, table: &Table, number: u64) -> Result<Option<TableModel>>;
}

/// The drawing of an origin, from a seed and for a purpose.
///
/// # Errors
/// When the space cannot take the input, or the layers cannot be read.
pub(super) fn drawing(origin: &Origin, seed: u64, purpose: &'static str) -> Result<Box<dyn Drawing>> {
    Ok(match origin {
        Origin::Space(spec) => Box::new(OfSpace { spec: (**spec).clone(), space: spec.build()?, seed, purpose }),
        Origin::Layers(folder) => Box::new(OfLayers::read(folder, seed, purpose)?),
    })
}

/// Models of a space. Once the table can be fitted, every second is the one of several that it doubts most.
struct OfSpace {
    spec: SpaceSpec,
    space: Box<dyn Space>,
    seed: u64,
    purpose: &'static str,
}

impl OfSpace {
    /// The one that the table doubts most for odd numbers, a random one for even ones.
    fn genotype(&self, sampler: &Sampler<'_>, table: &Table, number: u64) -> Result<Option<Genotype>> {
        let is_known = |digest: &str| table.samples().iter().any(|sample| sample.id == digest);
        if table.evaluation().is_none() || number.is_multiple_of(2) {
            return Ok(sampler.unseen(number, is_known));
        }
        let mut drawn = sampler.draw(number, CHOICE, is_known);
        let kernels = |genotype: &Genotype| Ok(KernelSet::of(&self.space.decode(genotype)?, table.rule()));
        let networks = drawn.iter().map(kernels).collect::<Result<Vec<_>>>()?;
        Ok(active::most_uncertain(table, &networks)?.map(|most| drawn.swap_remove(most)))
    }
}

impl Drawing for OfSpace {
    fn describe(&self) -> String {
        let Self { spec, space, .. } = self;
        format!("{}, input {:?}, {} classes", describe_space(space.as_ref()), spec.input, spec.classes)
    }

    fn population(&self) -> Result<Population> {
        self.spec.population()
    }

    fn next(&mut self, table: &Table, number: u64) -> Result<Option<TableModel>> {
        let sampler = Sampler { space: self.space.as_ref(), seed: self.seed, purpose: self.purpose };
        let genotype = self.genotype(&sampler, table, number)?;
        genotype.map(|genotype| sampler.model(number, &genotype, &ExportOptions::default())).transpose()
    }
}

/// Random networks out of layer shapes, and kernels alone where those leave a gap.
struct OfLayers {
    stacks: Stacks,
    drawn: Vec<Graph>,
    isolated: Isolated,
    seed: u64,
    purpose: &'static str,
}

impl OfLayers {
    fn read(folder: &Path, seed: u64, purpose: &'static str) -> Result<Self> {
        let layers = read_layers(folder)?;
        let isolated = Isolated::of(&layers);
        Ok(Self { stacks: Stacks::new(layers), drawn: Vec::new(), isolated, seed, purpose })
    }

    /// The network of this number, among the networks.
    fn stack(&mut self, number: u64) -> Option<Graph> {
        for earlier in self.drawn.len() as u64..=number {
            self.drawn.push(self.stacks.draw(derived(self.seed, self.purpose, earlier)));
        }
        self.drawn.get(number as usize).cloned()
    }
}

impl Drawing for OfLayers {
    fn describe(&self) -> String {
        format!("{GENERAL}, {} different", self.stacks.len())
    }

    fn population(&self) -> Result<Population> {
        Ok(Population { space: GENERAL.to_owned(), input: Vec::new(), classes: 0 })
    }

    fn next(&mut self, table: &Table, number: u64) -> Result<Option<TableModel>> {
        let isolated = self.isolated.drawn(table) as u64;
        let is_for_gaps = number % GAPS_EVERY == GAPS_EVERY - 1 && number > GAPS_EVERY;
        let gap = if is_for_gaps { self.isolated.next(table) } else { None };
        let Some(graph) = gap.or_else(|| self.stack(number.saturating_sub(isolated))) else { return Ok(None) };
        TableModel::new(graph, derived(self.seed, &format!("{} weights", self.purpose), number)).map(Some)
    }
}
