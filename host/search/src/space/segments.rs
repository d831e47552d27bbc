//! Spaces whose networks are a chain of segments, each decided by choices of its own: from what a segment adds follow the
//! space, its networks and the table of what all of them cost.
//!
//! Between two segments passes one tensor, and nothing but its shape tells the next segment of those before.

use std::iter::Copied;
use std::ops::Range;
use std::slice::Iter;

use edgefit_graph::op::Activation;
use edgefit_graph::{Graph, GraphError};

use super::choices::{Choices, take};
use super::cost_table::CostTable;
use super::layers::Layers;
use super::relaxation::Relaxation;
use super::sum_table::{SumTable, Sums};
use super::{Frame, Space, SpaceError, StaticCost, Task};
use crate::genotype::Genotype;

/// What a space of this kind says of itself.
pub(super) trait Segments: Send + Sync + 'static {
    /// Adds a segment.
    ///
    /// # Errors
    /// When a layer does not fit the shape that is there: a fault of the space.
    fn add(&self, segment: Segment<'_>, layers: &mut Layers) -> Result<(), GraphError>;

    /// The choices of each segment: a group each.
    fn ranges(&self, choices: &Choices) -> Vec<Range<usize>> {
        choices.ranges().collect()
    }

    /// The gene that decides the nonlinearity; `None` where there is one only.
    fn activation_gene(&self) -> Option<usize> {
        None
    }

    /// The nonlinearity that all segments share.
    fn activation(&self, _genotype: &Genotype) -> Activation {
        Activation::Relu
    }

    /// The space relaxed, where that can be.
    ///
    /// # Errors
    /// As [`Segments::add`].
    fn relaxation(&self, _frame: &Frame) -> Result<Option<Relaxation>, SpaceError> {
        Ok(None)
    }

    /// From the output of the last segment to one logit a class.
    ///
    /// # Errors
    /// As [`Segments::add`].
    fn classify(&self, layers: Layers, classes: usize) -> Result<Graph, GraphError> {
        layers.classify(classes)
    }
}

/// One segment of a network.
pub(super) struct Segment<'a> {
    /// Its position in the chain, from 0.
    pub(super) position: usize,
    /// The nonlinearity that all segments share.
    pub(super) activation: Activation,
    numbers: Copied<Iter<'a, usize>>,
}

impl<'a> Segment<'a> {
    pub(super) fn new(position: usize, numbers: &'a [usize], activation: Activation) -> Self {
        Self { position, activation, numbers: numbers.iter().copied() }
    }

    /// The numbers of the next options that were taken.
    pub(super) fn take<const N: usize>(&mut self) -> [usize; N] {
        take(&mut self.numbers)
    }
}

/// A space of segments.
pub(super) struct SegmentSpace<S> {
    pub(super) frame: Frame,
    pub(super) segments: S,
}

impl<S: Segments> Space for SegmentSpace<S> {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn decode(&self, genotype: &Genotype) -> Result<Graph, SpaceError> {
        self.check(genotype)?;
        let Self { frame, segments } = self;
        let (activation, mut layers) = (segments.activation(genotype), Layers::new(&frame.task)?);
        for (position, genes) in segments.ranges(&frame.choices).into_iter().enumerate() {
            let numbers = frame.choices.numbers(genes.start, &genotype.genes()[genes]);
            segments.add(Segment::new(position, &numbers, activation), &mut layers)?;
        }
        Ok(segments.classify(layers, frame.task.classes)?)
    }

    fn relaxation(&self) -> Result<Option<Relaxation>, SpaceError> {
        self.segments.relaxation(&self.frame)
    }

    fn cost_table(&self) -> Option<CostTable> {
        // Nonlinearities cost nothing that is counted, so any stands for all.
        self.table(self.segments.activation(&self.smallest()), StaticCost::of)
    }

    fn sum_table(&self, of: &dyn Fn(&Graph) -> Sums) -> Option<SumTable> {
        let (gene, genes) = (self.segments.activation_gene(), self.smallest().genes().to_vec());
        let of_option = |option: u8| {
            let mut genes = genes.clone();
            gene.into_iter().for_each(|gene| genes[gene] = option);
            self.table(self.segments.activation(&Genotype::new(genes)), of)
        };
        let options = gene.map_or(1, |gene| self.frame.choices.list()[gene].count() as u8);
        SumTable::new(gene, (0..options).map(of_option).collect::<Option<Vec<_>>>()?)
    }
}

impl<S: Segments> SegmentSpace<S> {
    /// The table of what segments with this nonlinearity cost.
    fn table<V: Copy>(&self, activation: Activation, cost_of: impl Fn(&Graph) -> V) -> Option<CostTable<V>> {
        let Self { frame, segments } = self;
        let ranges = segments.ranges(&frame.choices);
        let build = |position: usize, numbers: &[usize], task: &Task| {
            let mut layers = Layers::new(task)?;
            segments.add(Segment::new(position, numbers, activation), &mut layers)?;
            if position + 1 == ranges.len() { segments.classify(layers, task.classes) } else { layers.finish() }
        };
        CostTable::of(&frame.choices, &ranges, &frame.task, build, cost_of).ok()
    }
}
