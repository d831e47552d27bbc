//! Spaces whose networks are a chain of segments, each decided by choices of its own: from what a segment adds follow the
//! networks and the table of what all of them cost.
//!
//! Between two segments passes one tensor, and nothing but its shape tells the next segment of those before.

use std::ops::Range;

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, GraphError};

use super::cost_table::CostTable;
use super::layers::Layers;
use super::{Space, SpaceError, Task};
use crate::genotype::Genotype;

/// A space of this kind.
pub(super) trait Segments: Space {
    /// Adds the segment at a position, with the numbers of its options.
    ///
    /// # Errors
    /// When a layer does not fit the shape that is there: a fault of the space.
    fn add_segment(
        &self,
        position: usize,
        numbers: &[usize],
        activation: Activation,
        layers: &mut Layers,
    ) -> Result<(), GraphError>;

    /// The choices of each segment.
    fn segments(&self) -> Vec<Range<usize>> {
        self.choices().ranges().collect()
    }

    /// The nonlinearity that all segments share.
    fn activation(&self, _genotype: &Genotype) -> Activation {
        Activation::Relu
    }

    /// From the output of the last segment to one logit a class.
    ///
    /// # Errors
    /// As [`Segments::add_segment`].
    fn classify(&self, layers: Layers) -> Result<Graph, GraphError> {
        layers.classify(self.task().classes)
    }

    /// The network of a genotype.
    ///
    /// # Errors
    /// As [`Space::decode`].
    fn chain(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let (activation, mut layers) = (self.activation(genotype), Layers::new(self.task())?);
        for (position, genes) in self.segments().into_iter().enumerate() {
            let numbers = self.choices().numbers(genes.start, &genotype.genes()[genes]);
            self.add_segment(position, &numbers, activation, &mut layers)?;
        }
        Ok(self.classify(layers)?)
    }

    /// What all networks cost.
    fn costs(&self) -> Option<CostTable> {
        let segments = self.segments();
        // Nonlinearities cost nothing that is counted, so any stands for all.
        let activation = self.activation(&self.smallest());
        let build = |position: usize, numbers: &[usize], task: &Task| {
            let mut layers = Layers::new(task)?;
            self.add_segment(position, numbers, activation, &mut layers)?;
            if position + 1 == segments.len() { self.classify(layers) } else { layers.finish() }
        };
        CostTable::of(self.choices(), &segments, self.task(), build).ok()
    }
}
