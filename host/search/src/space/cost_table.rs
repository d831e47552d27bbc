//! What the networks of a chain of segments cost, without building them: a table for each segment, made once.
//!
//! A space whose groups of choices each decide one segment of the network, one behind the other, needs only the shape
//! between two segments to know what the next one costs. The table has that cost for each shape and each way through the
//! segment, as the segment's own graph says it; a network's cost is their sum, and for the peak of activations their
//! maximum, since only one tensor passes from one segment to the next. It is exactly what the whole graph says.
//!
//! What is counted of a segment is the caller's: what follows from shapes here, predicted times in `sum_table`.

use std::ops::Range;

use edgefit_graph::{Graph, GraphError, Shape};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::choices::Choices;
use super::{StaticCost, Task};
use crate::genotype::Genotype;

/// Most segments of a table.
const MAX_SEGMENTS: usize = 16;

/// Costs of every network of a space.
#[derive(Debug, Clone)]
pub struct CostTable<V = StaticCost> {
    segments: Vec<Segment<V>>,
}

/// A genotype as one number for each segment: the way through it. Cheaper to draw and to look up than its genes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed([u32; MAX_SEGMENTS]);

#[derive(Debug, Clone)]
struct Segment<V> {
    genes: Range<usize>,
    /// Options of each of its choices.
    counts: Vec<u32>,
    /// Ways through it: the product of the counts.
    ways: u32,
    /// For each shape before it, for each way.
    entries: Vec<Entry<V>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry<V> {
    cost: V,
    /// Which of the shapes before the next segment it gives.
    next: u32,
}

impl<V: Copy> CostTable<V> {
    /// The table of a space whose choices fall into these segments. `build` gives the graph of a segment, by its position, for
    /// the numbers of its options and an input; its output is the input of the next. `cost_of` says what a segment costs.
    ///
    /// # Errors
    /// As `build`.
    ///
    /// # Panics
    /// If there are more than 16 segments or one has more than 2^32 ways: spaces are smaller.
    pub(super) fn of(
        choices: &Choices,
        ranges: &[Range<usize>],
        task: &Task,
        build: impl Fn(usize, &[usize], &Task) -> Result<Graph, GraphError>,
        cost_of: impl Fn(&Graph) -> V,
    ) -> Result<Self, GraphError> {
        let mut shapes = vec![task.input.clone()];
        let mut segments = Vec::new();
        for (position, genes) in ranges.iter().cloned().enumerate() {
            assert!(position < MAX_SEGMENTS, "a chain has at most {MAX_SEGMENTS} segments");
            let counts: Vec<u32> = choices.list()[genes.clone()].iter().map(|choice| choice.count() as u32).collect();
            let ways = counts.iter().try_fold(1u32, |ways, count| ways.checked_mul(*count));
            let mut segment =
                Segment { genes, counts, ways: ways.expect("a segment has few choices"), entries: Vec::new() };
            let mut next_shapes: Vec<Shape> = Vec::new();
            for shape in &shapes {
                let task = Task { input: shape.clone(), classes: task.classes };
                for way in 0..segment.ways {
                    let numbers: Vec<usize> = choices.numbers(segment.genes.start, &segment.options(way));
                    let graph = build(position, &numbers, &task)?;
                    let output = &graph.node(graph.outputs()[0]).shape;
                    let next = next_shapes.iter().position(|known| known == output).unwrap_or(next_shapes.len());
                    if next == next_shapes.len() {
                        next_shapes.push(output.clone());
                    }
                    segment.entries.push(Entry { cost: cost_of(&graph), next: next as u32 });
                }
            }
            segments.push(segment);
            shapes = next_shapes;
        }
        Ok(Self { segments })
    }

    /// A genotype, each with the same probability.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Packed {
        let mut packed = [0; MAX_SEGMENTS];
        for (way, segment) in packed.iter_mut().zip(&self.segments) {
            *way = rng.random_range(0..segment.ways);
        }
        Packed(packed)
    }

    /// The costs of a network's segments, added up by `add` from `start` on.
    pub(super) fn fold(&self, packed: &Packed, start: V, add: impl Fn(V, &V) -> V) -> V {
        let (mut sum, mut shape) = (start, 0);
        for (way, segment) in packed.0.iter().zip(&self.segments) {
            let entry = &segment.entries[shape * segment.ways as usize + *way as usize];
            sum = add(sum, &entry.cost);
            shape = entry.next as usize;
        }
        sum
    }

    /// Where the option of a gene is found: in the number of which segment, divided by what, of how many options.
    pub(super) fn place(&self, gene: usize) -> Option<Place> {
        let segment = self.segments.iter().position(|segment| segment.genes.contains(&gene))?;
        let Segment { genes, counts, .. } = &self.segments[segment];
        let (count, behind) = counts[gene - genes.start..].split_first()?;
        Some(Place { segment, divisor: behind.iter().product(), count: *count })
    }

    /// The number of each segment.
    pub fn pack(&self, genotype: &Genotype) -> Packed {
        let mut packed = [0; MAX_SEGMENTS];
        for (way, segment) in packed.iter_mut().zip(&self.segments) {
            let genes = genotype.genes()[segment.genes.clone()].iter().zip(&segment.counts);
            *way = genes.fold(0, |way, (gene, count)| way * count + u32::from(*gene));
        }
        Packed(packed)
    }

    /// The genes.
    pub fn unpack(&self, packed: &Packed) -> Genotype {
        let ways = packed.0.iter().zip(&self.segments);
        Genotype::new(ways.flat_map(|(way, segment)| segment.options(*way)).collect::<Vec<u8>>())
    }
}

impl CostTable {
    /// What the network costs.
    ///
    /// # Panics
    /// If the genotype is of another space.
    pub fn cost(&self, packed: &Packed) -> StaticCost {
        self.fold(packed, StaticCost::default(), |sum, cost| sum.and(cost))
    }
}

/// Where the option of a gene is found in a packed genotype.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    segment: usize,
    divisor: u32,
    count: u32,
}

impl Place {
    /// The option.
    pub(super) fn option(self, packed: &Packed) -> usize {
        (packed.0[self.segment] / self.divisor % self.count) as usize
    }
}

impl<V> Segment<V> {
    /// The options that a way takes.
    fn options(&self, mut way: u32) -> Vec<u8> {
        let mut options: Vec<u8> = Vec::with_capacity(self.counts.len());
        for count in self.counts.iter().rev() {
            options.push((way % count) as u8);
            way /= count;
        }
        options.reverse();
        options
    }
}
